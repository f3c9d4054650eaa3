"""The main job through the pages, in a real browser, with real input, a person for each part."""

import hashlib
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from mrm.project.demo.bank import PASSWORD, plan
from tests.journeys.conftest import Enter, House, Person
from tests.journeys.material import SHARED, Material, prepare

NAME = "Card default"


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    if not SHARED.exists():
        print("LOUD: the shared data folder is absent; the main job runs on generated applications")
    return prepare(tmp_path_factory.mktemp("material"))


def fill(page: Page, **fields: str) -> None:
    """Fill form fields by their names; a select is chosen by its visible words, one of many by typing."""
    for name, value in fields.items():
        place = page.locator(f"main [name$='{name}']").first
        if page.locator(f"main [data-chooser] [name$='{name}']").count():
            find(page.locator("main [data-chooser]", has=page.locator(f"[name$='{name}']")), value)
        elif place.evaluate("each => each.tagName") == "SELECT":
            place.select_option(label=_option(page, name, value))
        else:
            place.fill(value)


def find(chooser: Locator, words: str) -> None:
    """Type the words and take the first row found, by the keyboard alone."""
    field = chooser.get_by_role("combobox")
    field.fill("")
    field.press_sequentially(words)
    expect(chooser.get_by_role("option").first).to_contain_text(words)
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value(re.compile(re.escape(words)))
    expect(chooser.get_by_role("listbox")).to_be_hidden()


def _option(page: Page, name: str, words: str) -> str:
    """The full label of the option that holds the words."""
    labels = page.locator(f"main [name$='{name}'] option").all_inner_texts()
    return next(label for label in labels if words in label)


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"main [name$='{name}'][value='{value}']").first.check()


def submit(page: Page, words: str = "") -> None:
    """Press the button that says the words, else the one primary button of the page's form."""
    main = page.locator("main")
    button = main.get_by_role("button", name=words) if words else main.locator("form button.btn-primary[type=submit]")
    button.first.click()
    page.wait_for_load_state()


def key_of(page: Page) -> str:
    return re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", page.url)[-1]


def test_from_registration_to_rollback_and_pdf(enter: Enter, bank: House, material: Material, tmp_path: Path) -> None:
    priya = enter("priya")
    model = register(priya)
    rate(enter("daniel"), model)
    version = add_version(priya, model, "1.0.0", material)
    data = add_data(priya, version, material)
    evaluate(priya, version, data, material)
    validate(enter, version, finding=True)
    request = submit_for_approval(priya, version)
    developer_is_refused(priya, request)
    for officer in ("jonas", "maria"):
        sign(enter(officer), request, wrong=True)
    lucia = enter("lucia")
    place = deploy(enter, lucia, model, version, "1.0.0")
    compare(bank, material, "1.0.0")

    second = add_version(priya, model, "2.0.0", material)
    link_data(priya, second, data)
    evaluate(priya, second, data, material)
    validate(enter, second, finding=False)
    request = submit_for_approval(priya, second)
    for officer in ("jonas", "maria"):
        sign(enter(officer), request)
    redeploy(enter, lucia, place, second, "2.0.0")
    compare(bank, material, "2.0.0")
    roll_back(enter, lucia, place)
    compare(bank, material, "1.0.0")

    ingrid = enter("ingrid")
    timeline(ingrid, model)
    report(ingrid, version, tmp_path)
    for person in (priya, lucia, ingrid):
        assert [line for line in person.complaints if "Content Security Policy" in line] == []


def register(priya: Person) -> str:
    page = priya.go("/models/register/")
    facts = plan()["model"]
    fill(
        page,
        name=NAME,
        use_summary=facts["use_summary"],
        key_features=facts["key_features"],
        rationale=facts["rationale"],
        approved_uses="Credit cards of residents",
        limitations="Not for business cards",
        owner="Daniel Okafor",
        developer="Priya Raman",
        unit="Retail Lending",
    )
    submit(page, "Register")
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    return key_of(page)


def rate(daniel: Person, model: str) -> None:
    page = daniel.go(f"/models/{model}/rate/")
    for question, points in plan()["answers"].items():
        page.locator(f"main [name$='{question}'][value='{points}']").first.check()
    submit(page, "Rate")
    expect(page.get_by_text("Tier 1").first).to_be_visible()


def add_version(priya: Person, model: str, label: str, material: Material) -> str:
    page = priya.go(f"/models/{model}/versions/add/")
    fill(page, label=label, developer="Priya Raman", methodology=f"As exported, {label}", intended_use="Credit cards")
    fill(page, features="\n".join(material.features), target="default", cutoff=str(material.cutoff))
    submit(page, "Add the version")
    version = key_of(page)
    page = priya.go(f"/models/versions/{version}/artifact/")
    page.locator("main [name=file]").set_input_files(material.artifacts[label])
    fill(page, kind="ONNX")
    submit(page)
    digest = hashlib.sha256(material.artifacts[label].read_bytes()).hexdigest()
    expect(page.get_by_text(digest[:8]).first).to_be_visible()
    return version


def add_data(priya: Person, version: str, material: Material) -> dict[str, str]:
    names = {}
    for role, path in (("training", material.training), ("test", material.test), ("protected", material.protected)):
        page = priya.go("/models/data/register/")
        names[role] = f"{NAME}, {role}"
        page.locator("main [name=file]").set_input_files(path)
        fill(page, name=names[role], source=material.source, unit="Retail Lending")
        if role == "protected":
            page.locator("main [name=holds_protected]").check()
        submit(page)
        expect(page.get_by_role("heading", name=names[role])).to_be_visible()
    link_data(priya, version, names)
    return names


def link_data(priya: Person, version: str, names: dict[str, str]) -> None:
    words = {"training": "Training", "test": "Test", "protected": "Protected attributes"}
    for role, name in names.items():
        page = priya.go(f"/models/versions/{version}/data/")
        fill(page, dataset=name, role=words[role])
        submit(page)


def evaluate(priya: Person, version: str, data: dict[str, str], material: Material) -> None:
    page = priya.go(f"/evaluations/start/{version}/")
    fill(page, dataset=data["test"], label="default", positive="1", event_name="Default", cutoff=str(material.cutoff))
    choose(page, "favourable", "below")
    submit(page, "Start the run")
    expect(page.get_by_text("agrees").first).to_be_visible(timeout=180_000)
    page.get_by_role("navigation", name="Parts of this run").get_by_role("link", name="Bias").click()
    shown = page.locator("#bias").inner_text().lower()
    assert "sex" in shown
    assert not SHARED.exists() or ("education" in shown and "age" in shown)


def validate(enter: Enter, version: str, *, finding: bool) -> None:
    priya, tomas = enter("priya"), enter("tomas")
    priya.go(f"/models/versions/{version}/")
    priya.page.get_by_role("link", name="Ask for validation").click()
    submit(priya.page)
    page = tomas.go(_validation_of(tomas, version))
    submit(page, "Take on this validation")
    address = page.url
    expect(page.get_by_text("Under way").first).to_be_visible()
    open_all(page)
    page.locator("main [name$=plan]").first.fill("Recompute outcomes and fairness; check the artifact.")
    submit(page, "Keep the plan")
    for pillar, title in (
        ("Outcomes analysis", "Outcomes on test data"),
        ("Fairness", "Disparity by sex, age, education"),
    ):
        open_all(page)
        form = page.locator("form[action$='/evidence/']")
        form.locator("[name$=pillar]").select_option(label=pillar)
        form.locator("[name$=title]").fill(title)
        form.locator("[name$=run]").select_option(index=1)
        form.locator("button[type=submit]").click()
        page.wait_for_load_state()
        expect(page.get_by_text(title).first).to_be_visible()
    if finding:
        remediated(enter, tomas)
        tomas.go(address)
    open_all(page)
    choose(page, "outcome", "fit")
    fill(page, conclusion="Fit for its use.")
    submit(page, "Give the outcome")
    page.locator("main a[href^='/approvals/']", has_text="REQ-").first.click()
    page.wait_for_load_state()
    tomas.sees("You may not sign: you")
    sign(enter("elena"), page.url)
    expect(tomas.go(address).get_by_text("Fit for use").first).to_be_visible()


def _validation_of(person: Person, version: str) -> str:
    page = person.go(f"/models/versions/{version}/")
    return str(page.locator("main a[href^='/validations/']").first.get_attribute("href"))


def open_all(page: Page) -> None:
    """Unfold what is folded, as somebody looking for a form would."""
    page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true })")


def remediated(enter: Enter, tomas: Person) -> None:
    """The finding goes from the validator to the owner and back; the owner may not verify it himself."""
    page = tomas.page
    open_all(page)
    form = page.locator("form[action$='/finding/']")
    form.locator("[name$=title]").fill("Handling of missing limits")
    form.locator("[name$=description]").fill("Not described in the development document.")
    form.locator("[name$=severity]").select_option(label="Medium")
    find(form.locator("[data-chooser]"), "Daniel Okafor")
    form.locator("button[type=submit]").click()
    page.get_by_role("link", name=re.compile("FND-")).first.click()
    address = page.url
    daniel = enter("daniel")
    for step, words in (("accept_finding", "Agreed."), ("remediate_finding", "Section 4.2 was rewritten.")):
        shown = daniel.go(address)
        open_all(shown)
        form = shown.locator(f"form[action$='/{step}/']")
        form.locator("textarea").first.fill(words)
        form.locator("button[type=submit]").click()
        shown.wait_for_load_state()
    shown = daniel.go(address)
    shown.get_by_role("link", name=re.compile("^REQ-")).first.click()
    shown.wait_for_load_state()
    daniel.sees("You may not sign: you")
    sign(tomas, shown.url)
    expect(tomas.go(address).get_by_text("Closed").first).to_be_visible()


def submit_for_approval(priya: Person, version: str) -> str:
    page = priya.go(f"/models/versions/{version}/")
    page.get_by_role("link", name="Submit for approval").click()
    submit(page)
    if not re.search(r"/approvals/[0-9a-f-]{36}/", page.url):
        page.locator("main a[href^='/approvals/']").first.click()
        page.wait_for_load_state()
    return page.url


def developer_is_refused(priya: Person, request: str) -> None:
    priya.go(request)
    priya.sees("You may not sign: you")


def sign(officer: Person, request: str, *, wrong: bool = False) -> None:
    page = officer.go(request)
    choose(page, "decision", "approve")
    page.locator("main [name=rationale]").first.fill("Evidence read; outcomes hold.")
    submit(page, "Read and sign")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_text("I have reviewed the changes")).to_be_visible()
    if wrong:
        dialog.locator("[name=password]").fill("not the password")
        dialog.locator("button[type=submit]").click()
        expect(page.get_by_text("The password is wrong; nothing was signed.").first).to_be_visible()
    page.locator("dialog[open] [name=password]").fill(PASSWORD)
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_load_state()
    expect(page.locator("dialog[open]")).to_have_count(0)


def deploy(enter: Enter, lucia: Person, model: str, version: str, label: str) -> str:
    page = lucia.go(f"/deployments/new/{model}/")
    fill(page, target="Decision engine", endpoint="card-default")
    submit(page)
    address = page.url
    redeploy(enter, lucia, address, version, label)
    return address


def redeploy(enter: Enter, lucia: Person, place: str, version: str, label: str) -> None:
    page = lucia.go(place)
    choose(page, "version", version)
    page.locator("form[action$='/plan/'] button[type=submit]").click()
    page.wait_for_load_state()
    page.locator("form[action$='/deploy/'] button[type=submit]").click()
    page.wait_for_load_state()
    release(enter, lucia, place)
    settled(lucia, place, label)


def release(enter: Enter, lucia: Person, place: str) -> None:
    """A deployment of tier 1 waits until a risk officer has signed for it."""
    page = lucia.page
    lucia.sees("waits for signatures in")
    page.locator("main a[href^='/approvals/']", has_text="REQ-").first.click()
    page.wait_for_load_state()
    sign(enter("jonas"), page.url)
    lucia.go(place)


def roll_back(enter: Enter, lucia: Person, place: str) -> None:
    page = lucia.go(place)
    choose(page, "number", "1")
    page.locator("form[action$='/roll-back/'] textarea").fill("More refusals than expected")
    page.locator("form[action$='/roll-back/'] button[type=submit]").click()
    release(enter, lucia, place)
    settled(lucia, place, "1.0.0")
    lucia.sees("Rollback to 1")


def settled(lucia: Person, place: str, label: str) -> None:
    """The page follows the work by itself and ends with what was read back."""
    page = lucia.page
    expect(page.get_by_text("In step").first).to_be_visible(timeout=60_000)
    cells = page.locator("#state tr", has=page.get_by_role("rowheader", name="Version")).locator("td")
    expect(cells.nth(0)).to_have_text(label)
    expect(cells.nth(1)).to_contain_text(label)


def compare(bank: House, material: Material, label: str) -> None:
    """The served probabilities against those of the model as it was trained."""
    body = {
        "inputs": [
            {"name": name, "shape": [5, 1], "datatype": "FP32", "data": [row[at] for row in material.rows]}
            for at, name in enumerate(material.features)
        ]
    }
    answer = httpx.post(f"{bank.gateway}/v2/models/card-default/infer", json=body, timeout=10).json()
    served = next(entry for entry in answer["outputs"] if entry["datatype"].startswith("FP"))["data"][1::2]
    assert answer["model_version"] == label
    assert served == pytest.approx(material.answers[label], abs=1e-4)


def timeline(ingrid: Person, model: str) -> None:
    ingrid.go(f"/models/{model}/timeline/")
    for words in ("asked to roll back", "released revision", "put in force the approval", "signed approve on"):
        ingrid.sees(words)
    ingrid.go(f"/models/{model}/timeline/?page=2")
    ingrid.sees("verified and closed")


def report(ingrid: Person, version: str, folder: Path) -> None:
    """Asked for on the page, rendered by a worker, downloaded as PDF."""
    page = ingrid.go(f"/reports/?version={version}")
    expect(page.locator("main [name=version]").first).to_have_value(version)
    submit(page, "Ask for the report")
    link = page.get_by_role("link", name=re.compile("Download|PDF")).first
    expect(link).to_be_visible(timeout=120_000)
    with page.expect_download() as download:
        link.click()
    path = folder / "report.pdf"
    download.value.save_as(path)
    assert path.read_bytes().startswith(b"%PDF")


BY_API = """
from mrm.project.demo.check import main_job
from tests.journeys.material import for_the_api
raise SystemExit(0 if main_job({address!r}, print, for_the_api) else 1)
"""


def test_the_same_job_through_the_api(bank: House) -> None:
    """Register, rate, run, validate, sign, push, compare, roll back and report, on the same real data."""
    bank.manage("shell", "--no-imports", "-c", BY_API.format(address=bank.address))
