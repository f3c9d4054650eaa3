"""Every page, as each role, light and dark, wide and narrow: reachable for people who cannot see or point."""

import io
import os
from collections.abc import Iterator

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import PICTURES, Enter, House, Person

PAGES = (
    "/", "/models/", "/models/register/", "/models/import/", "/models/data/", "/models/packs/", "/evaluations/",
    "/evaluations/tests/", "/evaluations/tests/grades/",
    "/validations/", "/validations/findings/", "/accepted-risks/", "/approvals/", "/approvals/several/", "/approvals/policies/", "/deployments/",
    "/deployments/places/", "/deployments/environments/", "/deployments/incidents/", "/predictions/", "/predictions/extracts/", "/predictions/batches/", "/found/", "/reports/", "/people/", "/people/roles/", "/jobs/", "/timeline/",
    "/timeline/findings/", "/log/", "/privacy/", "/access/proposals/", "/access/exceptions/", "/access/reviews/", "/access/reviews/open/",
    "/oversight/", "/oversight/roles/",
    "/oversight/ageing/", "/approvals/policies/new/", "/approvals/delegations/", "/people/account/", "/people/account/factors/",
)  # fmt: skip
ADDING = ("/deployments/places/add/", "/deployments/places/add/?connector=azureml")  # forms for administrators alone
ROLES = ("daniel", "priya", "tomas", "maria", "hannah", "lucia", "ingrid", "admin", "petra")


def faults(page: Page) -> list[str]:
    """Serious and critical findings of the accessibility rules, each with its place."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']} on {page.url}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def links(page: Page, within: str) -> Iterator[str]:
    """The records a list leads to, one of each kind."""
    for link in page.locator(f"main a[href^='{within}']").all()[:2]:
        address = link.get_attribute("href")
        if address and "." not in address and "export" not in address:
            yield address


def served(person: Person) -> Iterator[str]:
    """An endpoint with its place, and an environment."""
    for source in ("/deployments/", "/deployments/places/", "/deployments/environments/"):
        address = person.go(source).locator("main th a").first.get_attribute("href")
        assert address is not None
        yield address
        if source == "/deployments/":
            yield from (f"{address}{rest}" for rest in ("traffic/", "rules/", "experiment/"))
        if source == "/deployments/places/":
            yield f"{address}adopt/"


def evaluated(person: Person) -> Iterator[str]:
    """All parts of the run of every kind at once, a comparison, and the version whose pickle waits for its permission."""
    page = person.go("/models/")
    page.get_by_role("link", name="Retail credit decision").first.click()
    page.locator("main nav a[href$='/versions/']").first.click()
    versions = {
        label: page.locator(f"main a:text-is('{label}')").first.get_attribute("href") for label in ("1.1.0", "1.2.0")
    }
    assert versions["1.2.0"] is not None
    yield versions["1.2.0"]
    ended = [
        link.get_attribute("href")
        for kind in ("a.strong[href*='/comparisons/']", "a.strong:not([href*='/comparisons/'])")
        for link in person.go(str(versions["1.1.0"])).locator(f"#evaluations {kind}").all()[:1]
    ]
    assert len(ended) == 2
    person.go(str(ended[0]))
    expect(page.locator("#standing")).to_be_visible(timeout=180_000)
    yield from (f"{address}#all" for address in ended)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sign_in_page_is_accessible(browser: Browser, bank: House, theme: str) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "theme", "value": theme, "url": bank.address}])
    page = context.new_page()
    page.goto(f"{bank.address}/sign-in/")
    assert faults(page) == []
    context.close()


@pytest.mark.parametrize("who", ROLES)
def test_every_page_answers_each_role_and_breaks_no_policy(enter: Enter, who: str) -> None:
    person = enter(who)
    for path in (*PAGES, *ADDING):
        answer = person.page.goto(person.house.address + path)
        assert answer is not None
        assert answer.status in {200, 403}, (path, answer.status)
    assert [line for line in person.complaints if "403" not in line] == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 420)])
def test_every_page_is_accessible(enter: Enter, more: House, theme: str, width: int) -> None:
    found: list[str] = []
    person = enter("ingrid" if theme == "light" else "maria", width=width, theme=theme)
    addresses = list(PAGES)
    for within, source in (
        ("/models/", "/models/"), ("/approvals/", "/approvals/?tab=open"),
        ("/evaluations/", "/evaluations/"), ("/validations/findings/", "/validations/findings/"),
        ("/validations/", "/validations/"), ("/reports/", "/reports/"),
    ):  # fmt: skip
        addresses += list(links(person.go(source), within))
    addresses += evaluated(person)
    addresses += served(person)
    chosen = [each.split("/")[2] for each in addresses if each.startswith("/approvals/") and each.count("-") == 4]
    addresses.append("/approvals/several/?" + "&".join(f"asked={key}" for key in chosen))
    administrator = enter("admin", width=width, theme=theme)
    administered = [
        *ADDING,
        f"{administrator.go('/deployments/places/').locator('main th a').first.get_attribute('href')}change/",
    ]
    visits = [(person, each) for each in dict.fromkeys(addresses)] + [(administrator, each) for each in administered]
    for who, address in visits:
        page = who.go(address)
        found += faults(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (
            f"{address} is wider than {width}"
        )
    assert found == []


# what the picture in the README shows, and in which column
SHOWN = {
    "left": (
        "Retail credit decision 1.1.0: approve for production", "What changed since 1.0.0", "Material", "13 fields",
        "Measures", "Standardised mean difference", "Boosted trees replace the logistic form.", "Evidence", "Findings",
    ),
    "right": (
        "Your decision", "You did not develop, own, validate or submit this.", "Approve with conditions", "Return",
        "Reject", "Rationale", "Read and sign",
    ),
}  # fmt: skip
LIKE = 0.03  # of the small squares of both pictures this share may differ: dates and digests do


def test_the_decision_page_stands_as_its_picture(enter: Enter) -> None:
    """The README's picture is this page; `MRM_PICTURES=1` takes it anew."""
    person = enter("maria")
    page = person.page
    person.go("/approvals/?tab=open")
    page.get_by_role("link", name="Retail credit decision").first.click()
    expect(page.get_by_role("heading", name="Your decision")).to_be_visible()
    for column, texts in SHOWN.items():
        for text in texts:
            box = page.locator("main, aside").get_by_text(text).filter(visible=True).first.bounding_box()
            assert box is not None, text
            assert box["y"] + box["height"] <= 1000, f"{text} stands below the picture"
            assert (box["x"] > 1030) == (column == "right"), f"{text} is not in the {column} column"
    page.evaluate("document.fonts.ready")
    taken = Image.open(io.BytesIO(page.screenshot()))
    if os.environ.get("MRM_PICTURES"):
        taken.convert("RGB").quantize(256).save(PICTURES / "decision.png", optimize=True)
    kept = Image.open(PICTURES / "decision.png")
    assert kept.size == taken.size == (1440, 1000)
    assert unlike(kept, taken) < LIKE


def unlike(one: Image.Image, other: Image.Image) -> float:
    """The share of squares of 16 pixels whose brightness differs."""
    small = [np.asarray(each.convert("L").resize((90, 62), Image.Resampling.BOX), dtype=int) for each in (one, other)]
    return float((abs(small[0] - small[1]) > 16).mean())
