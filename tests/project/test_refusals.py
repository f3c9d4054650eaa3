"""A refused form leads back to something a person can look at, never to an address that takes forms only."""

import ast
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories.access import Cast, fresh

MRM = Path(__file__).resolve().parents[2] / "mrm"

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(cast: Cast) -> Client:
    client = Client()
    client.force_login(fresh(cast.officer))
    return client


def test_what_was_sent_from_an_answer_to_a_form_leads_to_the_page_above(browser: Client) -> None:
    page, asked = reverse("access:factors"), reverse("access:begin_key")
    sent = {"name": "Blue key", "token": "not ours", "answer": '{"id": "x"}'}
    answer = browser.post(reverse("access:enrol_key"), sent, HTTP_REFERER=f"http://testserver{asked}", follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "This was not begun here, or too long ago; begin again." in answer.content.decode()


def test_what_was_sent_from_a_page_leads_back_to_it(browser: Client) -> None:
    page = f"http://testserver{reverse('access:factors')}?tab=keys"
    answer = browser.post(reverse("access:begin_key"), {"secret": "wrong"}, HTTP_REFERER=page)
    assert answer["Location"] == page


def test_an_address_that_takes_forms_only_says_so_and_names_its_page(browser: Client) -> None:
    answer = browser.get(reverse("access:begin_key"))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert f'href="{reverse("access:factors")}"' in answer.content.decode()


def test_every_address_that_takes_forms_only_is_known_as_one() -> None:
    """Django's own decorator leaves no mark, so a refusal would lead people to an empty page."""
    users = [
        path.name
        for path in MRM.rglob("*.py")
        if any(
            isinstance(node, ast.Name) and node.id == "require_POST" for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert users == ["methods.py"]


def test_a_form_that_is_sent_after_the_session_ended_leads_back_to_its_page() -> None:
    page, asked = reverse("access:factors"), reverse("access:begin_key")
    answer = Client().post(asked, {"secret": "wrong"}, HTTP_REFERER=f"http://testserver{page}?tab=keys")
    assert answer["Location"] == f"{reverse('account_login')}?next={page}%3Ftab%3Dkeys"
    answer = Client().post(asked, {"secret": "wrong"}, HTTP_REFERER=f"http://testserver{asked}?tab=keys")
    assert answer["Location"] == f"{reverse('account_login')}?next={page}%3Ftab%3Dkeys", (
        "the page above, as it was asked"
    )
    answer = Client().post(asked, {"secret": "wrong"}, HTTP_REFERER="http://elsewhere.example/")
    assert answer["Location"] == f"{reverse('account_login')}?next={page}"


def test_a_part_of_a_page_says_that_nobody_is_signed_in_and_only_a_form_leads_away() -> None:
    page = reverse("access:factors")
    part = Client().get(page, HTTP_HX_REQUEST="true")
    assert (part.status_code, part.content, part.has_header("HX-Redirect")) == (401, b"", False)
    form = Client().post(reverse("access:begin_key"), HTTP_HX_REQUEST="true", HTTP_REFERER=f"http://testserver{page}")
    assert (form.status_code, form["HX-Redirect"]) == (401, f"{reverse('account_login')}?next={page}")


def test_a_form_with_an_old_token_is_refused_in_words(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(fresh(cast.officer))
    page = client.post(reverse("access:begin_key"), {"secret": "wrong"})
    assert (page.status_code, "The form is out of date" in page.content.decode()) == (403, True)
    part = client.post(reverse("access:begin_key"), {"secret": "wrong"}, HTTP_HX_REQUEST="true")
    assert (part.status_code, "The form is out of date" in part.content.decode()) == (409, True)
