"""Who holds which role since when: as of a day, cut to what is audited, in a constant number of queries."""

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services
from mrm.access.models import Account, RoleGrant
from mrm.access.roles import Role
from mrm.assurance import queries
from mrm.audit.trail import recorded
from tests.factories.access import SETUP, Cast, account, fresh


def browser(who: Account) -> Client:
    client = Client()
    client.force_login(fresh(who))
    return client


def api(who: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(fresh(who))
    return client


def sheet(who: Account, query: str = "") -> list[dict[str, str]]:
    answer = browser(who).get(f"/oversight/roles.csv?{query}")
    assert answer.status_code == 200
    assert answer.streaming
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def backdated(who: Account, role: str, *, since: int, revoked: int | None = None) -> RoleGrant:
    """A grant that began some days ago, and perhaps ended later."""
    now = timezone.now()
    ended = now - dt.timedelta(days=revoked) if revoked is not None else None
    with recorded("access.grant", actor=SETUP, subject=who):
        return RoleGrant.objects.create(
            account=who, role=role, unit=who.person.unit, since=now - dt.timedelta(days=since), revoked_at=ended
        )


def test_a_role_is_told_with_who_granted_it_and_who_took_it_back(cast: Cast) -> None:
    until = timezone.now() + dt.timedelta(days=30)
    made = services.grant(cast.outsider, role=Role.OWNER, unit=cast.markets, until=until, actor=cast.administrator)
    (held,) = sheet(cast.auditor, f"person={cast.outsider.person_id}")
    assert (held["role"], held["unit"], held["granted_by"]) == ("owner", "markets", "Adam Administrator")
    assert held["until"] == until.isoformat(timespec="seconds")
    assert held["ended"] == ""
    services.revoke(made, reason="Moved on", actor=fresh(cast.administrator))
    assert sheet(cast.auditor, f"person={cast.outsider.person_id}") == []
    (ended,) = sheet(cast.auditor, f"person={cast.outsider.person_id}&ended=on")
    assert (ended["revoked_by"], bool(ended["ended"])) == ("Adam Administrator", True)
    page = browser(cast.auditor).get(f"/oversight/roles/?person={cast.outsider.person_id}&ended=on").content.decode()
    for words in ("Revoked", "by Adam Administrator", "Otto Outsider", "Model owner"):
        assert words in page, words


def test_a_day_shows_what_was_held_at_its_end(cast: Cast) -> None:
    backdated(cast.outsider, Role.DEVELOPER, since=20, revoked=5)
    today = timezone.now().date()

    def held(days: int) -> list[str]:
        on = (today - dt.timedelta(days=days)).isoformat()
        return [row["role"] for row in sheet(cast.auditor, f"person={cast.outsider.person_id}&on={on}")]

    assert [held(days) for days in (21, 20, 6, 5, 0)] == [[], ["developer"], ["developer"], [], []]


def test_a_closed_account_is_told_beside_its_role(cast: Cast) -> None:
    services.deactivate(cast.deployer, reason="Left", actor=cast.administrator)
    found = api(cast.auditor).get(f"/api/v1/oversight/roles/?person={cast.deployer.person_id}").json()["results"]
    assert [(row["state"], bool(row["account_closed"])) for row in found] == [("idle", True)]
    assert "Account closed" in browser(cast.auditor).get("/oversight/roles/?role=deployer").content.decode()


def test_a_unit_finds_the_roles_that_reach_into_it(cast: Cast) -> None:
    names = {row["person"] for row in sheet(cast.auditor, "unit=retail")}
    assert {"Olivia Owner", "Rita Officer", "Lena Lead"} <= names
    names = {row["person"] for row in sheet(cast.auditor, "unit=markets")}
    assert "Rita Officer" in names
    assert "Olivia Owner" not in names


def test_an_auditor_of_a_unit_sees_the_roles_on_it_alone(cast: Cast) -> None:
    local = account("Lars Local", cast.retail, (Role.AUDITOR, cast.retail))
    assert {row["unit"] for row in sheet(local)} == {"retail"}
    assert api(local).get("/api/v1/oversight/roles/?unit=markets").status_code == 422


@pytest.mark.parametrize("address", ["/oversight/roles/", "/oversight/roles.csv"])
def test_who_audits_nothing_is_refused(cast: Cast, address: str) -> None:
    for who in (cast.outsider, cast.owner, cast.officer):
        assert browser(who).get(address).status_code == 403
        assert api(who).get("/api/v1/oversight/roles/").status_code == 403


@pytest.mark.parametrize(
    ("given", "sentence"),
    [("on=2999-01-01", "That day has not come"), ("on=soon", "Enter a valid date"), ("role=king", "not one of")],
)
def test_what_is_no_condition_is_said(cast: Cast, given: str, sentence: str) -> None:
    page = browser(cast.auditor).get(f"/oversight/roles/?{given}")
    told = api(cast.auditor).get(f"/api/v1/oversight/roles/?{given}")
    assert (page.status_code, sentence in page.content.decode()) == (422, True)
    assert (told.status_code, sentence in told.json()["reasons"][0]) == (422, True)
    assert browser(cast.auditor).get(f"/oversight/roles.csv?{given}").status_code == 422


def test_persons_are_counted_once_for_each_role(cast: Cast) -> None:
    backdated(cast.owner, Role.OWNER, since=3, revoked=1)
    services.grant(cast.owner, role=Role.OWNER, unit=cast.markets, actor=SETUP)
    now = timezone.now()
    counts = queries.persons_by_role(queries.role_grants(fresh(cast.auditor), moment=now, ended=True))
    assert (counts[Role.OWNER], counts[Role.RISK_OFFICER]) == (1, 2)


def test_a_name_that_a_spreadsheet_would_run_is_text(cast: Cast) -> None:
    account("=1+1 Formula", cast.retail, (Role.OWNER, cast.retail))
    assert "'=1+1 Formula" in {row["person"] for row in sheet(cast.auditor)}


def test_the_queries_do_not_grow_with_the_list(cast: Cast) -> None:
    client = browser(cast.auditor)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/oversight/roles/").status_code == 200
        return len(seen)

    asked()
    before = asked()
    for number in range(12):
        account(f"P{number} Person", cast.retail, (Role.OWNER, cast.retail))
    assert asked() == before <= 14
