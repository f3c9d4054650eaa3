"""A risk officer sets up a security key and an app, signs in with the second factor, and signs a decision with the key."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

from mrm.project.demo.bank import PASSWORD
from tests.factories.factors import code_of
from tests.journeys.conftest import House
from tests.journeys.test_pages import faults


def by_name(bank: House) -> str:
    """Security keys need a name in place of a number."""
    return bank.address.replace("127.0.0.1", "localhost")


@pytest.fixture
def desk(browser: Browser, bank: House) -> Iterator[tuple[Page, CDPSession, str]]:
    """A window of jonas's with a virtual security key in its computer."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{by_name(bank)}/sign-in/")  # the virtual key belongs to the process of this site
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    kind = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": kind})
    yield page, session, made["authenticatorId"]
    context.close()


def first_step(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in/")
    page.locator("input[name=login]").fill("jonas")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()


def sign_out(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-out/")
    page.get_by_role("button", name="Sign out").last.click()
    expect(page.locator("input[name=login]")).to_be_visible()


def confirm(page: Page, panel: str, button: str) -> None:
    part = page.locator(f"#{panel}")
    part.locator("input[name=secret]").first.fill(PASSWORD)
    part.get_by_role("button", name=button).click()


def take_away(page: Page, panel: str) -> None:
    part = page.locator(f"#{panel}")
    part.locator("summary").first.click()
    confirm(page, panel, "Take away")
    expect(page.get_by_text("It is taken away.")).to_be_visible()


def set_up_both(page: Page, address: str) -> None:
    """A key and an app, each after the password; every page on the way is accessible."""
    page.goto(f"{address}/people/account/factors/")
    assert faults(page) == []
    confirm(page, "new-key", "Add a security key")
    assert faults(page) == []
    page.locator("input[name=name]").fill("Blue key")
    page.get_by_role("button", name="Touch the key").click()
    expect(page.get_by_role("link", name="I have kept them")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="I have kept them").click()
    confirm(page, "new-app", "Add an authenticator app")
    assert faults(page) == []
    secret = page.locator(".cmd code").inner_text().replace(" ", "")
    page.locator("input[name=code]").fill(code_of(secret, -1))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_text("Your authenticator app is set up")).to_be_visible()


def sign_in_with_key(page: Page, address: str) -> None:
    """A wrong code is refused on the way."""
    first_step(page, address)
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    assert faults(page) == []
    page.locator("input[name=code]").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("The code is wrong.").first).to_be_visible()
    page.get_by_role("button", name="Use a security key").click()
    expect(page.locator("nav[aria-label=Main]")).to_be_attached()


def open_request(page: Page, address: str) -> None:
    page.goto(f"{address}/approvals/?view=open")
    page.get_by_role("link", name="Retail credit decision").first.click()


def read_the_withdrawal(page: Page, address: str) -> Locator:
    """The signature that jonas gave on the request is taken back, with a signature."""
    open_request(page, address)
    page.get_by_text("Withdraw my vote").click()
    page.locator("[name=rationale]").last.fill("The drift was not explained to me.")
    page.get_by_role("button", name="Read and sign the withdrawal").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_text("Signs this statement itself")).to_be_visible()
    return dialog


def approve_again(page: Page, address: str) -> None:
    open_request(page, address)
    page.locator("[name=decision][value=approve]").first.check()
    page.locator("[name=rationale]").first.fill("It was explained since.")
    page.get_by_role("button", name="Read and sign").first.click()
    page.locator("dialog[open] button[type=submit]").click()
    expect(page.get_by_text("Signed: approve.")).to_be_visible()


def test_a_decision_is_signed_with_a_security_key(bank: House, desk: tuple[Page, CDPSession, str]) -> None:
    page, session, authenticator = desk
    address = by_name(bank)
    first_step(page, address)
    set_up_both(page, address)
    sign_out(page, address)
    sign_in_with_key(page, address)

    dialog = read_the_withdrawal(page, address)
    expect(dialog.locator("[name=method][value=webauthn]")).to_be_checked()
    expect(dialog.locator("[name=password]")).to_be_hidden()
    expect(dialog.get_by_role("timer")).to_contain_text(re.compile(r"Open for [0-5]:\d\d"))
    assert faults(page) == []
    dialog.locator("[name=method][value=webauthn]").focus()
    page.keyboard.press("ArrowDown")
    expect(dialog.locator("[name=code]")).to_be_focused()
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("The code is wrong; nothing was signed.").first).to_be_visible()

    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    dialog.locator("[name=method][value=webauthn]").check()
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_text("The security key gave no answer; nothing was signed.")).to_be_visible()
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})
    dialog.locator("button[type=submit]").click()
    expect(page.get_by_text("Signed: withdraw my vote.")).to_be_visible()
    approve_again(page, address)
    page.goto(f"{address}/people/account/factors/")
    take_away(page, "app")
    take_away(page, "keys")
    sign_out(page, address)
    first_step(page, address)
    expect(page.locator("nav[aria-label=Main]")).to_be_attached()


def test_at_a_number_a_key_is_told_to_be_elsewhere(bank: House, desk: tuple[Page, CDPSession, str]) -> None:
    page, _, _ = desk
    first_step(page, bank.address)
    page.goto(f"{bank.address}/people/account/factors/")
    confirm(page, "new-key", "Add a security key")
    page.get_by_role("button", name="Touch the key").click()
    expect(page.get_by_text(f"open these pages there: {by_name(bank)}")).to_be_visible()
