"""A model as it was known on a day: from the trail, in words, in a constant number of queries."""

import datetime as dt
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mrm.approval import services as approval
from mrm.assurance import queries
from mrm.audit.past import rows_at
from mrm.inventory import services as inventory
from mrm.inventory.models import Model
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, an_approved


def browser(account: object) -> Client:
    client = Client()
    client.force_login(fresh(account))  # type: ignore[arg-type]
    return client


def test_rows_are_known_as_they_were_at_each_moment(cast: Cast) -> None:
    model = a_model(cast)
    before = timezone.now()
    model.refresh_from_db()
    inventory.edit(model, changes={"use_summary": "Decides on cards"}, revision=model.revision, actor=cast.owner)
    then = rows_at({Model: [model.pk]}, before)[Model][str(model.pk)]
    now = rows_at({Model: [model.pk]}, timezone.now())[Model][str(model.pk)]
    assert (then["use_summary"], now["use_summary"]) == ("Decides on credit", "Decides on cards")
    assert rows_at({Model: [model.pk]}, before - dt.timedelta(days=1))[Model] == {}


def test_a_withdrawn_approval_was_valid_the_day_before(cast: Cast, tmp_path: Path) -> None:
    version = an_approved(cast, a_model(cast), tmp_path)
    granted = version.approvals.get()
    today = queries.model_as_of(version.model, timezone.localdate())
    assert [row["status"] for row in today.approvals] == ["Valid"]
    assert today.approvals[0]["conditions"]
    approval.withdraw(granted, reason="Drift", actor=fresh(cast.officer))
    after = queries.model_as_of(version.model, timezone.localdate())
    assert [(row["status"], row["ended_reason"]) for row in after.approvals] == [("Withdrawn", "Drift")]
    assert after.changed == 0


def test_the_page_tells_then_and_today(cast: Cast, tmp_path: Path) -> None:
    version = an_approved(cast, a_model(cast), tmp_path)
    client = browser(cast.auditor)
    page = client.get(f"/log/models/{version.model_id}/").content.decode()
    for words in ("As it was known at the end of", "1.0.0", "Valid", "Credit decision 1.0.0", "the same"):
        assert words in page, words
    early = client.get(f"/log/models/{version.model_id}/?on=2020-01-01").content.decode()
    assert "The model was registered after that day." in early


@pytest.mark.parametrize(
    ("given", "sentence"), [("2999-01-01", "That day has not come"), ("yesterday", "Enter a valid date")]
)
def test_a_day_that_is_none_is_said(cast: Cast, given: str, sentence: str) -> None:
    model = a_model(cast)
    answer = browser(cast.auditor).get(f"/log/models/{model.pk}/?on={given}")
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)


def test_an_outsider_learns_nothing(cast: Cast) -> None:
    model = a_model(cast)
    assert browser(cast.outsider).get(f"/log/models/{model.pk}/").status_code == 404


def test_the_queries_are_constant(cast: Cast, tmp_path: Path) -> None:
    version = an_approved(cast, a_model(cast), tmp_path)
    client = browser(cast.auditor)
    address = f"/log/models/{version.model_id}/"
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        client.get(address)
    assert len(seen) <= 12, "\n".join(query["sql"][:160] for query in seen)
