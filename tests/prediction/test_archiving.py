"""Full days move to files known by their digest; they are read with the days that stayed, and a changed file is told."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from mrm.audit.models import Event
from mrm.core import blobs
from mrm.deployment.models import Revision
from mrm.jobs.runner import run_next
from mrm.prediction import queries, services
from mrm.prediction.models import Alert, Archive, Prediction
from mrm.prediction.services.alerts import LOG
from mrm.project.celery import archive as ask_for_archive
from tests.factories.access import Cast, fresh
from tests.factories.prediction import NOBODY, an_answer, spooled

OLD = dt.datetime.now(dt.UTC).replace(hour=9) - dt.timedelta(days=40)


@pytest.fixture
def old(revision: Revision, folder: Path) -> dict[str, Any]:
    """An answer of a day that is older than the log keeps it, among others of that day and of today."""
    answer = an_answer(revision, at=OLD.isoformat(), flags=["out of range"])
    spooled(folder, [answer, an_answer(revision, at=OLD.isoformat(), parent=answer["id"], role="shadow")])
    spooled(folder, [an_answer(revision), an_answer(deployment=NOBODY, at=OLD.isoformat(), id="stranger")])
    services.take()
    return answer


def test_a_full_day_moves_to_the_archive_and_is_found_there(old: dict[str, Any], bank: Cast) -> None:
    auditor = fresh(bank.auditor)
    (before,) = queries.by_request(old["id"], auditor).rows
    ask_for_archive()
    while run_next():
        pass
    archive = Archive.objects.get()
    assert (archive.day, archive.rows) == (OLD.date(), 3)
    assert OLD.date() not in queries.days_kept()
    assert Prediction.objects.count() == 1
    event = Event.objects.get(verb="prediction.archive")
    assert json.loads(event.payload)["details"] == {
        "digest": f"{archive.sha256[:12]}…",
        "rows": 3,
        "sha256": archive.sha256,
    }
    (after,) = queries.by_request(old["id"], auditor).rows
    facts = [field.attname for field in Prediction._meta.concrete_fields]
    assert {name: getattr(after, name) for name in facts} == {name: getattr(before, name) for name in facts}
    assert [each.role for each in queries.shadows_of(after, auditor)] == ["shadow"]
    assert len(queries.by_request(old["id"], auditor, on=OLD.date()).rows) == 1
    assert queries.by_request(old["id"], auditor, on=OLD.date() + dt.timedelta(days=1)).rows == []
    assert queries.by_request(old["id"], fresh(bank.outsider)).rows == []
    assert queries.by_request("stranger", fresh(bank.owner)).rows == []
    assert len(queries.by_request("stranger", auditor).rows) == 1


def test_rows_that_come_late_are_a_part_of_their_own(
    old: dict[str, Any], revision: Revision, folder: Path, bank: Cast
) -> None:
    services.archive_due()
    spooled(folder, [an_answer(revision, at=OLD.isoformat(), id="late")])
    services.take()
    services.archive_due()
    assert list(Archive.objects.values_list("part", "rows")) == [(2, 1), (1, 3)]
    assert len(queries.by_request("late", fresh(bank.auditor)).rows) == 1


def test_a_day_is_not_dropped_for_an_archive_that_holds_less(old: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError, match="holds 3 rows, its archive 2"):
        services.archive(day=OLD.date(), sha256="a" * 64, size=1, rows=2, actor=LOG)
    assert (Archive.objects.count(), Prediction.objects.count()) == (0, 4)


def test_a_changed_archive_is_told_by_its_digest(
    old: dict[str, Any], bank: Cast, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services.archive_due()
    call_command("predictions", "check")
    assert capsys.readouterr().out == "Every archived file has its recorded digest.\n"
    archive = Archive.objects.get()
    stored = storage / "blobs" / blobs._path(archive.sha256)
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    found = queries.by_request(old["id"], fresh(bank.auditor))
    assert found.rows == []
    assert "they were changed in the storage" in str(found.unread[0][1])
    with pytest.raises(CommandError, match="they were changed in the storage"):
        call_command("predictions", "check")
    assert Alert.objects.get(kind="archive").sentence.startswith("The archived predictions of ")
