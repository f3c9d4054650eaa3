"""How long requests wait against their policy, and how fast they were decided: with n, cut to what is audited."""

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access.models import Account
from mrm.access.roles import Role
from mrm.assurance import queries
from mrm.audit.trail import recorded
from mrm.signoff import services as signoff
from mrm.signoff.models import Request, RequestState
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import SETUP, Cast, account, fresh


def browser(who: Account) -> Client:
    client = Client()
    client.force_login(fresh(who))
    return client


def api(who: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(fresh(who))
    return client


def sheet(who: Account, address: str) -> list[dict[str, str]]:
    answer = browser(who).get(f"/oversight/{address}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def a_request(cast: Cast, name: str = "Credit decision") -> Request:
    """Before anything was decided: the version is not validated yet."""
    version = validation.version(cast, validation.model(cast, name=name))
    return signoff.submit("version_use", version, action="approve_for_production", actor=cast.developer)


def copied(
    asked: Request, *, hours: float, ago: int = 0, state: str = RequestState.APPROVED, late: bool = False
) -> None:
    """A request like this one that was decided some days ago, so many hours after it was submitted."""
    decided = timezone.now() - dt.timedelta(days=ago)
    submitted = decided - dt.timedelta(hours=hours)
    due = decided.date() + dt.timedelta(days=-1 if late else 30)
    with recorded("signoff.submit", actor=SETUP, subject=asked):
        Request.objects.create(
            policy=asked.policy, action=asked.action, subject_kind=asked.subject_kind, subject_key=asked.subject_key,
            subject_label=asked.subject_label, subject_digest=asked.subject_digest, subject_content={}, terms=asked.terms,
            unit=asked.unit, tier=asked.tier, status=state, submitted_by=asked.submitted_by, submitted_at=submitted, due=due,
            decided_at=decided,
        )  # fmt: skip


def moved(asked: Request, days: int) -> None:
    """As if it had been submitted so many days earlier."""
    with recorded("signoff.submit", actor=SETUP, subject=asked):
        Request.objects.filter(pk=asked.pk).update(
            submitted_at=asked.submitted_at - dt.timedelta(days=days), due=asked.due - dt.timedelta(days=days)
        )


def test_an_open_request_tells_its_stage_and_the_hours_left(cast: Cast) -> None:
    asked = a_request(cast)
    stages = asked.policy.content["stages"]
    (row,) = api(cast.auditor).get("/api/v1/oversight/ageing/").json()["results"]
    assert row["ref"] == asked.ref
    assert row["stage_hours"] == stages[0]["sla_hours"]
    assert row["hours_left"] == pytest.approx(stages[0]["sla_hours"], abs=0.1)
    assert row["hours_used"] == pytest.approx(0, abs=0.1)
    page = browser(cast.auditor).get("/oversight/ageing/").content.decode()
    for words in (asked.ref, f"of {stages[0]['sla_hours']} h", "h left", "Nothing was decided"):
        assert words in page, words


def test_what_is_over_is_told_and_listed(cast: Cast) -> None:
    late, early = a_request(cast), a_request(cast, "Cards")
    moved(late, 60)
    assert [row["request"] for row in sheet(cast.auditor, "ageing.csv")] == [late.ref, early.ref]
    (row,) = sheet(cast.auditor, "ageing.csv?overdue=on")
    hours = late.policy.content["stages"][0]["sla_hours"]
    assert row["request"] == late.ref
    assert float(row["hours_left"]) == pytest.approx(hours - 60 * 24, abs=0.2)
    page = browser(cast.auditor).get("/oversight/ageing/?overdue=on").content.decode()
    assert "1 of 2 overdue" in page
    assert f"{60 * 24 - hours:,} h over" in page
    assert early.ref not in page


def test_the_clock_of_a_stage_stands_still_while_information_is_asked(cast: Cast) -> None:
    asked = a_request(cast)
    signoff.ask(asked, text="Which data?", actor=fresh(cast.officer))
    (row,) = sheet(cast.auditor, "ageing.csv")
    assert row["clock_stands_still"] == "yes"
    assert "stands still" in browser(cast.auditor).get("/oversight/ageing/").content.decode()


def test_median_and_ninetieth_are_told_with_n(cast: Cast) -> None:
    asked = a_request(cast)
    for hours in range(1, 12):
        copied(asked, hours=hours * 10, late=hours == 11)
    copied(asked, hours=5000, state=RequestState.WITHDRAWN)
    (pace,) = api(cast.auditor).get("/api/v1/oversight/decisions/").json()
    assert (pace["decided"], pace["in_time"], pace["tier"]) == (11, 10, asked.tier)
    # of 10, 20, …, 110 hours the middle is 60, and nine tenths of the way lie at 100
    assert pace["median_hours"] == pytest.approx(60)
    assert pace["ninetieth_percentile_hours"] == pytest.approx(100)
    assert pace["longest_hours"] == pytest.approx(110)
    assert pace["allowed_hours"] == sum(stage["sla_hours"] for stage in asked.policy.content["stages"])
    page = browser(cast.auditor).get("/oversight/ageing/").content.decode()
    assert "60.0 h" in page
    assert len(sheet(cast.auditor, "decided.csv")) == 11


def test_a_period_takes_the_days_of_the_decisions(cast: Cast) -> None:
    asked = a_request(cast)
    for ago in (1, 5, 20):
        copied(asked, hours=10 * ago, ago=ago)
    since = (timezone.now() - dt.timedelta(days=5)).date().isoformat()
    until = (timezone.now() - dt.timedelta(days=2)).date().isoformat()
    assert [row["hours"] for row in sheet(cast.auditor, f"decided.csv?since={since}")] == ["50.0", "10.0"]
    assert [row["hours"] for row in sheet(cast.auditor, f"decided.csv?since={since}&until={until}")] == ["50.0"]
    (pace,) = api(cast.auditor).get(f"/api/v1/oversight/decisions/?until={until}").json()
    assert pace["decided"] == 2


def test_a_real_decision_is_counted(cast: Cast) -> None:
    make.approved(cast)
    rows = sheet(cast.auditor, "decided.csv")  # the outcome of its validation, and the use
    assert [(row["outcome"], row["in_time"]) for row in rows] == [("approved", "yes")] * 2
    assert sheet(cast.auditor, "ageing.csv") == []
    assert "No request is open" in browser(cast.auditor).get("/oversight/ageing/").content.decode()


def test_an_auditor_of_another_unit_sees_nothing_of_it(cast: Cast) -> None:
    asked = a_request(cast)
    copied(asked, hours=3)
    local = account("Lars Local", cast.markets, (Role.AUDITOR, cast.markets))
    assert sheet(local, "ageing.csv") == sheet(local, "decided.csv") == []
    assert api(local).get("/api/v1/oversight/decisions/").json() == []
    assert asked.ref not in browser(local).get("/oversight/ageing/").content.decode()
    assert sheet(cast.auditor, "ageing.csv?unit=markets") == []
    assert len(sheet(cast.auditor, "ageing.csv?unit=bank")) == 1


@pytest.mark.parametrize("address", ["ageing/", "ageing.csv", "decided.csv"])
def test_who_audits_nothing_is_refused(cast: Cast, address: str) -> None:
    assert browser(cast.officer).get(f"/oversight/{address}").status_code == 403
    for part in ("ageing", "decisions"):
        assert api(cast.officer).get(f"/api/v1/oversight/{part}/").status_code == 403


def test_a_period_that_ends_before_it_begins_is_said(cast: Cast) -> None:
    answer = browser(cast.auditor).get("/oversight/ageing/?since=2026-05-01&until=2026-04-01")
    assert (answer.status_code, "The period ends before it begins" in answer.content.decode()) == (422, True)
    assert api(cast.auditor).get("/api/v1/oversight/decisions/?since=soon").status_code == 422


def test_the_queries_do_not_grow_with_the_list(cast: Cast) -> None:
    client, asked = browser(cast.auditor), a_request(cast)
    copied(asked, hours=3)

    def queried() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/oversight/ageing/").status_code == 200
        return len(seen)

    queried()
    before = queried()
    for name in ("Cards", "Loans", "Homes"):
        a_request(cast, name)
    assert queried() == before <= 26
    assert len(queries.waiting(queries.open_of(queries.audited_requests(fresh(cast.auditor))))) == 4
