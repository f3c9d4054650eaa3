"""A role is proposed and access is reviewed by people at a browser, and every page on the way is accessible."""

import datetime as dt
import os
from pathlib import Path

from playwright.sync_api import Locator, expect

from mrm.project.demo.bank import PASSWORD
from tests.journeys.conftest import Enter, Person
from tests.journeys.test_pages import faults


def checked(person: Person, name: str, once: Locator | None = None) -> None:
    """No serious finding, nothing wider than the window, `once` this is seen."""
    page = person.page
    if once is not None:
        expect(once).to_be_visible()
    if folder := os.environ.get("MRM_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert faults(page) == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name


def test_a_role_that_signs_is_proposed(enter: Enter) -> None:
    admin = enter("admin", theme="dark")
    page = admin.go("/people/all/?q=Daniel")
    page.get_by_role("link", name="Daniel Okafor").click()
    page.get_by_role("link", name="Propose a role that signs").click()
    checked(admin, "propose-dark", page.get_by_label("Role"))
    page.get_by_label("Role").select_option("bu_lead")
    page.get_by_label("On the unit and everything below it").select_option(label="Retail Lending")
    page.get_by_label("Reason").fill("Stands in while the lead is on leave.")
    page.get_by_role("button", name="Ask the signers").click()
    expect(page.get_by_text("Waits for signatures").first).to_be_visible()
    expect(page.locator("#signers")).to_contain_text("Maria Lindqvist")
    checked(admin, "proposal-dark")
    admin.go("/access/proposals/")
    checked(admin, "proposals-dark")


def test_access_is_reviewed_by_keyboard(enter: Enter) -> None:
    admin = enter("admin")
    page = admin.go("/access/reviews/open/")
    page.get_by_label("Title").fill("Year end")
    page.get_by_label("Of the unit and everything below it").select_option(label="Retail Lending")
    page.get_by_label("Due", exact=True).fill((dt.datetime.now(dt.UTC).date() + dt.timedelta(days=14)).isoformat())
    page.get_by_role("button", name="Open the review").click()
    checked(admin, "review", page.get_by_role("heading", name="Who decides"))

    lead = enter("hannah", width=420)
    own = lead.go("/")
    own.get_by_role("link", name="Year end").click()
    checked(lead, "mine-420", own.get_by_role("heading", name="To decide"))
    pipeline = own.get_by_role("row").filter(has_text="svc-training")  # nobody else in these journeys works with it
    pipeline.get_by_role("link", name="Revoke").click()
    checked(lead, "revoke-420", own.get_by_label("Reason"))
    own.get_by_label("Reason").fill("The pipeline is not used any more.")
    own.get_by_role("button", name="Revoke at once").click()
    expect(own.locator("#decided")).to_contain_text("Revoked")
    for key in ("j", "x", "j", "x"):
        own.keyboard.press(key)
    expect(own.locator("[data-bulk-count]")).to_have_text("2")
    own.get_by_label("Still needed, because").fill("Works on the scorecard.")
    checked(lead, "mine-chosen-420")
    own.get_by_role("button", name="Confirm the selected").click()
    expect(own.get_by_role("heading", name="Decided by you")).to_be_visible()

    page = admin.go("/access/reviews/")
    checked(admin, "reviews")
    page.get_by_role("link", name="Year end").click()
    expect(page.get_by_text("Nobody decides", exact=True)).to_be_visible()
    page.get_by_role("link", name="Name a substitute").click()
    checked(admin, "substitute", page.get_by_label("Substitute"))
    page.get_by_label("Substitute").fill("Maria")
    page.get_by_role("option", name="Maria Lindqvist").click()
    page.get_by_role("button", name="Name", exact=True).click()
    expect(page.locator("#parts")).to_contain_text("Maria Lindqvist")

    stands_in = enter("maria", theme="dark")
    stands_in.go("/access/reviews/").get_by_role("link", name="Year end").first.click()
    stands_in.page.get_by_role("checkbox", name="Business-unit lead").check()
    checked(stands_in, "mine-dark")
    stands_in.page.get_by_label("Still needed, because").fill("Leads the unit.")
    stands_in.press("Confirm the selected")
    stands_in.sees("Decided by you")

    page.reload()
    page.get_by_role("link", name="Attest and complete").click()
    checked(admin, "attest", page.get_by_label("Your password"))
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign and complete").click()
    expect(page.get_by_text("Completed and attested").first).to_be_visible()
    checked(admin, "review-completed")
