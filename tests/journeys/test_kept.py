"""What was typed is there again after a refusal and after signing in again, in its own form, and only for its reader."""

import pytest
from playwright.sync_api import Page, Route, expect

from mrm.project.demo.bank import PASSWORD
from tests.journeys.conftest import Enter, House, Person
from tests.journeys.test_pages import faults

STORE = "sessionStorage.getItem('kept') ?? ''"
ROW = """<form method="post" action="/rows/send/">
  <input type="hidden" name="row" value="{n}"><input type="hidden" name="csrfmiddlewaretoken" value="{token}">
  <textarea name="why"></textarea><input type="datetime-local" name="at"><input type="password" name="secret">
  <input type="checkbox" name="tick" value="a"><input type="checkbox" name="tick" value="b" checked>
  <input type="radio" name="method" value="one" checked><input type="radio" name="method" value="two">
  <select name="many" multiple><option>x</option><option>y</option><option>z</option></select>
  <span data-chooser="/find/" data-choose="Take one."><input type="hidden" name="who" value="">
    <input type="text" role="combobox"><ul hidden></ul><small role="status"></small></span>
  <input type="file" name="proof"><button>Send</button></form>"""
PAGE = """<!doctype html><html><head><meta name="reader" content="jonas">
<script type="module" src="/static/js/kept.js"></script></head><body><div id="messages">{note}</div><main>
<template id="kept" data-refused="Nothing was recorded" data-again="It is here again." data-unsure="Not confirmed." data-typed="This was typed:"
  data-files="Give the file again:"><div class="errors again" tabindex="-1"><h2></h2><ul></ul></div></template>
{rows}</main></body></html>"""
REFUSAL = '<div class="note note-bad"><div>The row is closed.</div></div>'


@pytest.fixture
def jonas(enter: Enter) -> Person:
    return enter("jonas")


@pytest.fixture
def rows(jonas: Person) -> Page:
    """A page with a form in each row, all sent to one address that refuses; every answer has new tokens."""
    asked = iter(range(100))

    def answer(route: Route) -> None:
        note = REFUSAL if route.request.method == "POST" else ""
        made = "".join(ROW.format(n=n, token=next(asked)) for n in ("first", "second"))
        route.fulfill(body=PAGE.format(note=note, rows=made), content_type="text/html")

    jonas.page.route("**/rows/**", answer)
    return jonas.go("/rows/")


def test_a_refused_form_is_open_again_with_what_was_typed(jonas: Person) -> None:
    page = jonas.go("/deployments/environments/")
    page.locator("main table a").first.click()
    form = page.locator("form[action$='/freeze/']")
    page.locator("summary", has_text="Freeze").click()
    form.locator("[name=starts_at]").fill("2020-01-02T10:30")
    form.locator("[name=ends_at]").fill("2020-01-01T10:30")
    form.locator("[name=reason]").fill("The books of the year are closed.")
    form.get_by_role("button", name="Freeze").click()

    told = page.locator("main .errors")
    expect(told).to_be_focused()
    expect(told).to_be_in_viewport()
    expect(told.locator("li")).not_to_be_empty()
    expect(page.locator("#messages .note-bad")).to_have_count(0)
    expect(form.locator("[name=reason]")).to_be_visible()
    expect(form.locator("[name=reason]")).to_have_value("The books of the year are closed.")
    expect(form.locator("[name=starts_at]")).to_have_value("2020-01-02T10:30")
    expect(form.locator("[name=ends_at]")).to_have_value("2020-01-01T10:30")
    assert faults(page) == []
    assert "The books" not in page.evaluate(STORE)


def test_rows_that_send_to_one_address_are_not_mixed_up(rows: Page) -> None:
    form = rows.locator("form").nth(1)
    form.locator("[name=why]").fill("Because of the second.")
    form.locator("[name=at]").fill("2026-05-04T03:02")
    form.locator("[name=secret]").fill("not to be kept")
    form.locator("[value=a]").check()
    form.locator("[value=b]").uncheck()
    form.locator("[value=two]").check()
    form.locator("select").select_option(["x", "z"])
    form.locator("[name=proof]").set_input_files({"name": "proof.txt", "mimeType": "text/plain", "buffer": b"1"})
    form.evaluate(
        "each => { each.querySelector('[name=who]').value = 7; each.querySelector('[role=combobox]').value = 'Ada'; }"
    )
    form.get_by_role("button", name="Send").click()

    expect(rows.locator(".errors li")).to_have_text("The row is closed.")
    expect(rows.locator(".errors")).to_contain_text("Give the file again: proof.txt")
    expect(rows.locator("form").nth(0).locator("[name=why]")).to_have_value("")
    expect(form.locator("[name=why]")).to_have_value("Because of the second.")
    expect(form.locator("[name=at]")).to_have_value("2026-05-04T03:02")
    expect(form.locator("[value=a]")).to_be_checked()
    expect(form.locator("[value=b]")).not_to_be_checked()
    expect(form.locator("[value=two]")).to_be_checked()
    expect(form.locator("select")).to_have_values(["x", "z"])
    expect(form.locator("[role=combobox]")).to_have_value("Ada")
    expect(form.locator("[name=who]")).to_have_value("7")
    expect(form.locator("[name=secret]")).to_have_value("")
    assert form.locator("[name=csrfmiddlewaretoken]").input_value() == "3"


def sign_in(page: Page, username: str) -> None:
    page.locator("input[name=login]").fill(username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    expect(page.locator("nav[aria-label=Main]")).to_be_attached()


def test_what_was_typed_outlives_the_session_and_no_password_is_kept(enter: Enter, bank: House) -> None:
    admin = enter("admin")
    page = admin.go("/people/all/?q=Daniel")
    page.get_by_role("link", name="Daniel Okafor").click()
    page.get_by_role("link", name="Open an account").click()
    address = page.url
    page.locator("main [name=username]").fill("daniel-second")
    page.locator("main [name=password]").fill("a long password of his")
    admin.context.clear_cookies()
    page.locator("main form button[type=submit]").click()
    expect(page.locator("input[name=login]")).to_be_visible()
    assert "daniel-second" in page.evaluate(STORE)
    assert "a long password" not in page.evaluate(STORE)

    sign_in(page, "admin")
    expect(page).to_have_url(address)
    expect(page.locator("main [name=username]")).to_have_value("daniel-second")
    expect(page.locator("main .errors")).to_contain_text("no answer said that it was recorded")

    admin.context.clear_cookies()
    page.locator("main form button[type=submit]").click()
    expect(page.locator("input[name=login]")).to_be_visible()
    sign_in(page, "hannah")
    assert "daniel-second" not in page.evaluate(STORE)


def test_what_was_accepted_is_not_kept(jonas: Person) -> None:
    page = jonas.go("/reports/verify/")
    page.locator("main [name=ref]").fill("R-1999-00001")
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_text("R-1999-00001").first).to_be_visible()
    assert "R-1999-00001" not in page.evaluate(STORE)


def test_what_was_typed_into_a_form_that_is_gone_by_now_is_shown_once(jonas: Person) -> None:
    form = ROW.format(n="only", token=1).replace("/rows/send/", "/rows/")

    def answer(route: Route) -> None:
        sent = route.request.method == "POST"
        body = PAGE.format(note=REFUSAL, rows="") if sent else PAGE.format(note="", rows=form)
        route.fulfill(body=body, content_type="text/html")

    jonas.page.route("**/rows/", answer)
    page = jonas.go("/rows/")
    page.locator("[name=why]").fill("Two lines,\nas they were <b>typed</b>.")
    page.locator("[name=secret]").fill("not to be kept")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".note-bad blockquote")).to_have_text("Two lines,\nas they were <b>typed</b>.")
    expect(page.locator(".note-bad")).to_contain_text("This was typed:")
    assert "Two lines" not in page.evaluate(STORE)


def test_an_error_page_shows_what_was_typed_and_leads_back_to_the_form(jonas: Person) -> None:
    body = PAGE.format(note="", rows=ROW.format(n="only", token=1).replace("/rows/send/", "/nowhere/"))
    jonas.page.route("**/rows/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page = jonas.go("/rows/")
    page.locator("[name=why]").fill("Typed for nothing?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("main blockquote")).to_have_text("Typed for nothing?")
    page.get_by_role("link", name="Back to the form").click()
    expect(page.locator("[name=why]")).to_have_value("Typed for nothing?")


def test_what_was_picked_to_be_read_side_by_side_outlives_the_session_after_a_refusal_too(enter: Enter) -> None:
    maria = enter("maria")
    page = maria.go("/approvals/")
    page.locator("main tbody [name=asked]").first.check()
    page.get_by_role("button", name="Read side by side").click()
    address, words = page.url, page.locator("main form textarea").first
    read = page.get_by_role("button", name="Read the statements")
    words.fill("The evidence was read.")
    read.click()
    expect(page.locator("main .errors")).to_be_focused()
    expect(page.locator("main .errors li")).to_contain_text("Choose a decision")
    words.fill("The evidence was read twice.")
    maria.context.clear_cookies()
    read.click()
    expect(page.locator("input[name=login]")).to_be_visible()

    sign_in(page, "maria")
    expect(page).to_have_url(address)
    expect(words).to_have_value("The evidence was read twice.")
    expect(page.locator("main .errors")).to_be_focused()
