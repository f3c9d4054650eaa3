"""Beside the decision, on pages: ask and answer, step aside, ask further people, and let another sign in one's place."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from mrm.access.models import Account
from mrm.signoff import queries
from mrm.signoff.models import Delegation, Question, Recusal, Request, Vote
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import PASSWORD, Cast, account, fresh, with_password


@pytest.fixture
def asked(cast: Cast) -> Request:
    return make.submitted(cast)


def enter(client: Client, who: Account) -> Client:
    client.force_login(fresh(who), backend="mrm.project.signin.AccountBackend")
    return client


def test_a_signer_asks_and_those_behind_answer(cast: Cast, client: Client, asked: Request) -> None:
    url = asked.get_absolute_url()
    enter(client, cast.officer).post(f"{url}questions/", {"ask-text": "Which segment?"})
    question = Question.objects.get()
    page = enter(client, cast.developer).get(url).content.decode()
    assert "Which segment?" in page
    client.post(f"/approvals/questions/{question.pk}/answer/", {"answer-text": "Retail only."})
    question.refresh_from_db()
    assert (question.answer, question.answered_by) == ("Retail only.", cast.developer.person)
    assert "Retail only." in enter(client, cast.officer).get(url).content.decode()


def test_a_party_is_told_that_others_ask(cast: Cast, client: Client, asked: Request) -> None:
    answer = enter(client, cast.developer).post(f"{asked.get_absolute_url()}questions/", {"ask-text": "Why?"})
    assert answer.status_code in {403, 409}
    assert not Question.objects.exists()


def test_who_steps_aside_signs_no_more(cast: Cast, client: Client, asked: Request) -> None:
    url = asked.get_absolute_url()
    assert "Step aside from this request" in enter(client, cast.officer).get(url).content.decode()
    client.post(f"{url}recuse/", {"recuse-reason": "I sponsor it."})
    assert Recusal.objects.get().person == cast.officer.person
    assert "declared a conflict of interest" in client.get(url).content.decode()


def test_a_stage_that_is_not_late_is_not_escalated(cast: Cast, client: Client, asked: Request) -> None:
    answer = enter(client, cast.officer).post(f"{asked.get_absolute_url()}escalate/")
    assert (answer.status_code, "escalates" in answer.content.decode()) == (409, True)


def test_a_delegate_signs_in_anothers_place_by_the_pages(cast: Cast, client: Client, asked: Request) -> None:
    third = account("Olaf Officer", cast.bank, ("risk_officer", cast.bank))
    today = timezone.localdate()
    given = {
        "to": str(third.person_id), "since": today.isoformat(), "until": (today + dt.timedelta(days=5)).isoformat(),
        "reason": "On leave.",
    }  # fmt: skip
    answer = enter(client, cast.officer).post("/approvals/delegations/", given)
    assert answer.status_code == 302, answer.content.decode()
    made = Delegation.objects.get()
    assert (made.principal, made.delegate, made.until > timezone.now() + dt.timedelta(days=4)) == (
        cast.officer.person, third.person, True,
    )  # fmt: skip
    client = enter(client, with_password(fresh(third)))
    page = client.get(asked.get_absolute_url()).content.decode()
    assert "in the place of Rita Officer" in page
    wanted = {
        "decision": "approve", "rationale": "Read for her.", "on_behalf_of": str(cast.officer.person_id),
        "c-TOTAL_FORMS": "0", "c-INITIAL_FORMS": "0",
    }  # fmt: skip
    shown = client.post(f"{asked.get_absolute_url()}statement/", wanted)
    token = shown.context["sign"].initial["token"]
    client.post(f"{asked.get_absolute_url()}sign/", {"token": token, "method": "password", "password": PASSWORD})
    vote = Vote.objects.get(request=asked)
    assert (vote.person, vote.principal) == (third.person, cast.officer.person)
    assert queries.stand_ins(queries.Reading(asked), fresh(third)) == []
    enter(client, cast.officer).post(f"/approvals/delegations/{made.pk}/end/")
    made.refresh_from_db()
    assert made.ended_at is not None


def test_a_delegation_in_the_past_is_told_beside_its_field(cast: Cast, client: Client) -> None:
    yesterday = (timezone.localdate() - dt.timedelta(days=3)).isoformat()
    given = {"to": str(cast.second_officer.person_id), "since": yesterday, "until": yesterday, "reason": "Late."}
    answer = enter(client, cast.officer).post("/approvals/delegations/", given)
    assert (answer.status_code, "lies in the past" in answer.content.decode().lower()) == (422, True)
    assert not Delegation.objects.exists()


def test_who_never_signs_lets_nobody_sign(cast: Cast, client: Client) -> None:
    page = enter(client, cast.owner).get("/approvals/delegations/").content.decode()
    assert "you hold no such role there" in page


def test_a_request_whose_policy_allows_no_conditions_is_signed_by_the_page(cast: Cast, client: Client) -> None:
    found = validation.answer(
        cast, validation.finding(cast, validation.under_way(cast, validation.version(cast, validation.model(cast)))),
        "evidence_submitted",
    )  # fmt: skip
    assert found.asked is not None
    url = found.asked.get_absolute_url()
    client = enter(client, with_password(fresh(cast.validator)))
    page = client.get(url).content.decode()
    given = dict(re.findall(r'name="(c-[A-Z_]+)" value="(\d+)"', page))
    assert given["c-TOTAL_FORMS"].isdigit()
    shown = client.post(f"{url}statement/", {"decision": "approve", "rationale": "Recomputed.", **given})
    token = shown.context["sign"].initial["token"]
    client.post(f"{url}sign/", {"token": token, "method": "password", "password": PASSWORD})
    found.refresh_from_db()
    assert (found.status, found.verification) == ("closed", "Recomputed.")
