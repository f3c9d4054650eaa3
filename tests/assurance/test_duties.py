"""Separation of duties: refused attempts by rule, roles held together, two parts of one person."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account, RoleGrant
from mrm.access.roles import Role
from mrm.assurance import queries
from mrm.audit.trail import recorded
from mrm.core.refusal import Refused
from mrm.signoff import services as signoff
from mrm.signoff.models import Exclusion, Request
from tests.factories import approval as make
from tests.factories.access import SETUP, Cast, account, fresh


def browser(who: Account) -> Client:
    client = Client()
    client.force_login(fresh(who))
    return client


def api(who: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(fresh(who))
    return client


def listed(who: Account, address: str) -> list[dict[str, Any]]:
    answer = api(who).get(f"/api/v1/oversight/{address}").json()
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["results"]
    return found


def tries(asked: Request, who: Account) -> None:
    with pytest.raises(Refused):
        signoff.compose(asked, decision="approve", rationale=make.WHY, conditions=[], actor=fresh(who))


def refused(verb: str, subject: Any, who: Account, *sentences: str) -> None:
    with pytest.raises(Refused), recorded(verb, actor=who, subject=subject):
        raise Refused(*sentences)


def held(who: Account, role: str, since: int, revoked: int | None = None) -> RoleGrant:
    """A grant that began some days ago, and perhaps ended later, past every check of the services."""
    now = timezone.now()
    ended = now - dt.timedelta(days=revoked) if revoked is not None else None
    with recorded("access.grant", actor=SETUP, subject=who):
        return RoleGrant.objects.create(
            account=who, role=role, unit=who.person.unit, since=now - dt.timedelta(days=since), revoked_at=ended
        )


def test_refused_attempts_stand_with_their_rule_record_and_unit(cast: Cast) -> None:
    asked = make.submitted(cast)
    local = account("Oda Officer", cast.retail, (Role.RISK_OFFICER, cast.bank))
    make.sign(asked, cast.officer)
    tries(asked, cast.officer)
    tries(asked, cast.developer)
    with pytest.raises(Refused):
        access.grant(cast.administrator, role=Role.OWNER, unit=cast.retail, actor=fresh(cast.administrator))
    with pytest.raises(Refused):
        access.grant(local, role=Role.DEPLOYER, unit=cast.retail, actor=fresh(cast.administrator))
    found = listed(cast.auditor, "attempts/")
    assert [(row["who"], row["rule"], row["unit"]) for row in found] == [
        ("Adam Administrator", "apart", "Retail Lending"),
        ("Adam Administrator", "own", "Bank"),
        ("Dev Developer", "role", "Retail Lending"),
        ("Rita Officer", "twice", "Retail Lending"),
    ]
    page = browser(cast.auditor).get("/oversight/").content.decode()
    for words in (
        "No violation found", "4 of them about duties", "a person counts once", f"/approvals/{asked.pk}/",
        f"/timeline/{found[0]['event']}/", "Two duties that exclude each other",
    ):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize(
    ("sentence", "rule"),
    [
        ("You may not sign: you own this model.", "own"),
        ("You may not sign: you declared a conflict of interest.", "recused"),
        ("You may not sign: you deployed this; the policy keeps deployer and approver apart.", "apart"),
        ("You may not sign: you validated this version: a validator does not approve.", "apart"),
        ("You may not validate this version: you developed it.", "own"),
        ("You signed for this version; somebody else deploys it.", "apart"),
        ("You may not sign for another who may not himself: he owns this model.", "delegate"),
        ("Somebody of your business unit has signed; the policy asks for different units.", "twice"),
        ("A service account cannot sign: only a person does.", "machine"),
        ("This stage waits for a validator; you hold no such role here.", "role"),
        ("Not open, missing: bias tests. There are none.", "other"),
    ],
)
def test_a_reason_tells_its_rule(cast: Cast, sentence: str, rule: str) -> None:
    refused("validation.conclude", cast.outsider, cast.owner, sentence)
    assert [row["rule"] for row in listed(cast.auditor, "attempts/")] == [rule]
    assert len(listed(cast.auditor, f"attempts/?kind={rule}")) == 1
    assert listed(cast.auditor, f"attempts/?kind={'own' if rule == 'other' else 'other'}") == []


def test_what_is_no_matter_of_duties_is_left_out(cast: Cast) -> None:
    refused("inventory.edit", cast.outsider, cast.owner, "The record changed meanwhile.")
    refused("access.confirm_identity", cast.outsider, cast.owner, "The password is wrong; nothing was signed.")
    with recorded("signoff.comment", actor=cast.owner, subject=cast.outsider):
        pass
    assert listed(cast.auditor, "attempts/") == []
    assert "Nothing was refused" in browser(cast.auditor).get("/oversight/").content.decode()


def test_attempts_are_found_by_person_unit_and_period(cast: Cast) -> None:
    asked = make.submitted(cast)
    tries(asked, cast.developer)
    refused("access.grant", cast.outsider, cast.administrator, "You may not grant a role to yourself; another does.")
    today = timezone.now().date()

    def count(query: str) -> int:
        return len(listed(cast.auditor, f"attempts/?{query}"))

    assert [count(f"unit={unit}") for unit in ("retail", "markets", "risk", "bank")] == [1, 1, 0, 2]
    assert count(f"person={cast.developer.person_id}") == 1
    assert [count(f"since={today}"), count(f"until={today - dt.timedelta(days=1)}")] == [2, 0]
    answer = browser(cast.auditor).get("/oversight/attempts.csv?unit=retail")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (row["who"], row["kind"], row["unit"]) == ("Dev Developer", "role", "Retail Lending")


def test_roles_that_exclude_each_other_are_found_where_they_overlap(cast: Cast) -> None:
    held(cast.outsider, Role.RISK_OFFICER, since=30, revoked=10)
    held(cast.outsider, Role.DEPLOYER, since=20)
    held(cast.lead, Role.RISK_OFFICER, since=30, revoked=10)
    held(cast.lead, Role.DEPLOYER, since=10)
    (pair,) = listed(cast.auditor, "pairs/")
    assert (pair["name"], pair["roles"]) == ("Otto Outsider", ["risk_officer", "deployer"])
    together = [dt.datetime.fromisoformat(pair[name]) for name in ("since", "until")]
    assert [(timezone.now() - moment).days for moment in together] == [20, 10]
    page = browser(cast.auditor).get("/oversight/").content.decode()
    assert "Violations found" in page
    assert "Otto Outsider" in page
    days = [(timezone.now() - dt.timedelta(days=ago)).date() for ago in (5, 15, 25)]
    assert [len(listed(cast.auditor, f"pairs/?since={day}")) for day in days] == [0, 1, 1]
    assert [len(listed(cast.auditor, f"pairs/?until={day}")) for day in days] == [1, 1, 0]
    assert [len(listed(cast.auditor, f"pairs/?unit={unit}")) for unit in ("markets", "retail")] == [1, 0]


def test_two_accounts_of_one_person_are_one_person(cast: Cast) -> None:
    second = access.add_account(username="otto2", person=cast.outsider.person, password=None, actor=SETUP)
    held(cast.outsider, Role.ADMINISTRATOR, since=3)
    held(second, Role.VALIDATOR, since=2)
    (pair,) = listed(cast.auditor, "pairs/")
    assert (pair["name"], pair["until"]) == ("Otto Outsider", None)


def test_who_signed_and_became_a_party_is_told(cast: Cast) -> None:
    asked = make.submitted(cast)
    vote = make.sign(asked, cast.officer)
    assert listed(cast.auditor, "parts/") == []
    with recorded("signoff.settle", actor=SETUP, subject=asked):
        Exclusion.objects.create(request=asked, person=vote.person, reason="contributed to this version")
    (row,) = listed(cast.auditor, "parts/")
    assert (row["request"], row["name"], row["part"]) == (asked.ref, "Rita Officer", "contributed to this version")
    page = browser(cast.auditor).get("/oversight/").content.decode()
    assert "Rita Officer contributed to this version" in page
    assert listed(cast.auditor, "parts/?unit=markets") == []


def test_it_opens_to_who_audits_the_whole_institution_alone(cast: Cast) -> None:
    local = account("Lars Local", cast.retail, (Role.AUDITOR, cast.retail))
    for who in (local, cast.officer, cast.outsider):
        for address in ("/oversight/", "/oversight/attempts.csv"):
            assert browser(who).get(address).status_code == 403
        for part in ("attempts", "pairs", "parts"):
            assert api(who).get(f"/api/v1/oversight/{part}/").status_code == 403
    assert "Separation of duties" not in browser(local).get("/oversight/roles/").content.decode()
    rows = browser(local).get("/people/").context["rows"]
    assert {name: why for _label, name, _text, why in rows}["oversight:attempts"] == (
        "This opens to who audits the whole institution."
    )


def test_the_queries_do_not_grow_with_the_list(cast: Cast) -> None:
    client = browser(cast.auditor)

    def queried() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/oversight/").status_code == 200
        return len(seen)

    refused("access.grant", cast.outsider, cast.administrator, "You may not grant a role to yourself.")
    queried()
    before = queried()
    for _ in range(60):
        refused("access.grant", cast.outsider, cast.administrator, "You may not grant a role to yourself.")
    assert queried() == before <= 22
    second = client.get("/oversight/?kind=own&page=2").content.decode()
    assert "51 to 61 of 61" in second
    assert len(list(queries.all_told(queries.attempts()))) == 61
