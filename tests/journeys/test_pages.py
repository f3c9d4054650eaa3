"""Every page, as each role, light and dark, wide and narrow: reachable for people who cannot see or point."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import Enter, House

PAGES = (
    "/", "/models/", "/models/register/", "/models/import/", "/models/data/", "/models/packs/", "/evaluations/",
    "/validations/", "/validations/findings/", "/approvals/", "/approvals/policies/", "/deployments/",
    "/deployments/places/", "/reports/", "/people/", "/people/roles/", "/jobs/", "/timeline/",
)  # fmt: skip
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
    for path in PAGES:
        answer = person.page.goto(person.house.address + path)
        assert answer is not None
        assert answer.status in {200, 403}, (path, answer.status)
    assert [line for line in person.complaints if "403" not in line] == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 420)])
def test_every_page_is_accessible(enter: Enter, theme: str, width: int) -> None:
    found: list[str] = []
    person = enter("ingrid" if theme == "light" else "maria", width=width, theme=theme)
    addresses = list(PAGES)
    for within, source in (
        ("/models/", "/models/"), ("/approvals/", "/approvals/?tab=open"), ("/deployments/", "/deployments/"),
        ("/evaluations/", "/evaluations/"), ("/validations/findings/", "/validations/findings/"),
        ("/validations/", "/validations/"), ("/reports/", "/reports/"),
    ):  # fmt: skip
        addresses += list(links(person.go(source), within))
    for address in dict.fromkeys(addresses):
        page = person.go(address)
        found += faults(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (
            f"{address} is wider than {width}"
        )
    assert found == []


def test_the_decision_page_stands_as_its_picture(enter: Enter) -> None:
    """The picture of the README is made here, from the demo bank."""
    from tests.journeys.conftest import PICTURES

    person = enter("maria")
    person.go("/approvals/?tab=open")
    person.page.get_by_role("link", name="Retail credit decision").first.click()
    expect(person.page.get_by_role("heading", name="Your decision")).to_be_visible()
    person.sees("You did not develop, own, validate or submit this.")
    if not (PICTURES / "decision.png").exists():
        person.page.screenshot(path=PICTURES / "decision.png")
    assert (PICTURES / "decision.png").stat().st_size > 20_000
