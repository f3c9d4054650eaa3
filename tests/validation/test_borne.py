"""What is borne for a time stays in PostgreSQL as it was signed for: only its end is added, once."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from mrm.audit.trail import recorded
from mrm.signoff import services as signoff
from mrm.validation import services
from mrm.validation.models import RiskAcceptance
from tests.factories import validation as make
from tests.factories.access import SETUP, Cast
from tests.factories.signing import sign

ONLY_THE_END = "of its rows only ended_at is added"


def accepted(cast: Cast) -> RiskAcceptance:
    finding = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    return make.answer(cast, finding, "risk_accepted").acceptances.get()


def excepted(cast: Cast) -> RiskAcceptance:
    model = make.model(cast)
    until = (timezone.localdate() + dt.timedelta(days=90)).isoformat()
    content = {"clause": "bias", "compensation": "Read by a person.", "until": until}
    made = signoff.propose(model, "policy_exception", content=content, reason="Until the refit.", actor=cast.owner)
    sign(made.request, cast.lead)
    sign(made.request, cast.officer)
    return RiskAcceptance.objects.get(request=made.request)


def written(row: RiskAcceptance, statement: str, *values: object) -> None:
    """Raw SQL inside an action that the log would explain."""
    with (
        transaction.atomic(),
        recorded("approval.grant_exception", actor=SETUP, subject=row),
        connection.cursor() as at,
    ):
        at.execute(statement, [*values, row.pk])


@pytest.mark.parametrize("kind", [accepted, excepted])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("until", "2099-12-31"),
        ("reason", "Another."),
        ("compensation", "None."),
        ("clause", "performance"),
        ("accepted_at", "2020-01-01"),
        ("request_id", None),
    ],
)
def test_nothing_of_it_is_changed(
    cast: Cast, kind: Callable[[Cast], RiskAcceptance], column: str, value: str | None
) -> None:
    row = kind(cast)
    with pytest.raises(DatabaseError, match=ONLY_THE_END):
        written(row, f"UPDATE validation_riskacceptance SET {column} = %s WHERE id = %s", value)
    with pytest.raises(DatabaseError, match="UPDATE of validation_riskacceptance is refused"):
        written(row, f"UPDATE validation_riskacceptance SET ended_at = now(), {column} = %s WHERE id = %s", value)
    assert RiskAcceptance.objects.filter(pk=row.pk, until=row.until, reason=row.reason, ended_at=None).exists()


@pytest.mark.parametrize("kind", [accepted, excepted])
def test_its_end_is_added_once_and_the_row_stays(cast: Cast, kind: Callable[[Cast], RiskAcceptance]) -> None:
    row = kind(cast)
    with pytest.raises(DatabaseError, match="DELETE of validation_riskacceptance is refused"):
        written(row, "DELETE FROM validation_riskacceptance WHERE id = %s")
    written(row, "UPDATE validation_riskacceptance SET ended_at = now() WHERE id = %s")
    for later in ("NULL", "now() + interval '1 day'"):
        with pytest.raises(DatabaseError, match=r"validation_riskacceptance\.ended_at is set once and stays"):
            written(row, f"UPDATE validation_riskacceptance SET ended_at = {later} WHERE id = %s")
    row.refresh_from_db()
    assert row.ended_at


def test_the_service_that_ends_it_still_may(cast: Cast) -> None:
    row = accepted(cast)
    services.resume_finding(row.finding, actor=cast.owner)
    row.refresh_from_db()
    assert (row.ended_at is not None, row.finding.status) == (True, "accepted")
