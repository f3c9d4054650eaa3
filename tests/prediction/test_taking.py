"""Files of the spool are taken in exactly once; what is no line is set aside, and what was not approved is told."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from mrm.audit import heartbeat
from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid
from mrm.deployment.models import Incident, Revision
from mrm.prediction import services
from mrm.prediction.models import Alert, Hour, Prediction, TakenFile
from mrm.prediction.policies import read
from tests.conftest import _cluster
from tests.factories.access import Cast, fresh
from tests.factories.prediction import NOBODY, an_answer, spooled

ROOT = Path(__file__).resolve().parent.parent.parent
NOW = dt.datetime(2026, 11, 27, 3, 8, tzinfo=dt.UTC)


def test_files_are_taken_once_with_every_sign_of_every_line(revision: Revision, folder: Path) -> None:
    answers = [an_answer(revision, flags=['outside:"a, b"', "b\\c"], reason="a\tb\nc\\d") for _ in range(3)]
    first = spooled(folder, answers[:2])
    spooled(folder, [answers[2]])
    writing = spooled(folder, [an_answer(revision)], ending=".open")
    copy = first.read_bytes()
    assert services.take() == services.Taken(files=2, rows=3)
    assert list(folder.iterdir()) == [writing]
    first.with_name("another-name.jsonl").write_bytes(copy)
    assert services.take() == services.Taken()
    assert (TakenFile.objects.count(), Prediction.objects.count()) == (2, 3)
    kept = Prediction.objects.select_related("deployment", "approval").get(request=answers[0]["id"])
    assert (kept.at.isoformat(), kept.digest, kept.revision) == (answers[0]["at"], revision.artifact_sha256, 1)
    assert (kept.deployment, kept.approval) == (revision.deployment, revision.approval)
    assert (kept.flags, kept.reason, kept.parent) == (answers[0]["flags"], answers[0]["reason"], "")
    assert '"a\\tcar \\\\ \\"boat\\"\\n"' in kept.inputs
    hour = Hour.objects.get()
    assert (hour.answers, hour.flagged, hour.flags) == (3, 3, {'outside:"a, b"': 3, "b\\c": 3})
    assert (Incident.objects.count(), Alert.objects.count()) == (0, 0)


def test_a_taker_killed_between_any_two_statements_loses_and_doubles_nothing(
    revision: Revision, own_database: str, folder: Path, tmp_path: Path
) -> None:
    answers = [an_answer(revision) for _ in range(4)]
    spooled(folder, answers[:2])
    spooled(folder, [*answers[2:], b"{"])
    environment = os.environ | {"DATABASE_URL": _cluster().url("mrm_app", own_database), "MRM_DATA_DIR": str(tmp_path)}
    environment |= {"DJANGO_SETTINGS_MODULE": "mrm.project.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.prediction.killing", str(folder)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) > 20
    assert sorted(Prediction.objects.values_list("request", flat=True)) == sorted(each["id"] for each in answers)
    assert (TakenFile.objects.count(), Hour.objects.get().answers, Alert.objects.count()) == (2, 4, 1)
    assert [path.suffix for path in folder.iterdir()] == [".bad"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b'{"id": "cut', "It is no JSON: a line is one object, written to its end."),
        (b"[]", "It is no JSON object: a line is one object with the fields of a prediction."),
        ({"id": ""}, "id is missing; it is a text of 1 to 100 characters."),
        ({"id": "x" * 101}, f"id is '{'x' * 79}; it is a text of 1 to 100 characters."),
        ({"reason": "a\0b"}, "It holds the sign U+0000, which no text of the log may hold."),
        ({"at": "yesterday"}, "at is 'yesterday'; it is a moment in UTC such as 2026-11-27T03:08:48.000001Z."),
        ({"at": "2026-11-27T03:08:00"}, "at is '2026-11-27T03:08:00'; it is a moment in UTC such as 2026-11-27T03:08:48.000001Z."),
        ({"at": "2031-01-01T00:00:00Z"}, "at is 2031-01-01T00:00:00Z; it lies between 400 days ago and tomorrow, else a clock is wrong."),
        ({"deployment": "credit"}, "deployment is 'credit'; it is the id of a deployment."),
        ({"approval": "REQ-1"}, "approval is 'REQ-1'; it is the id of an approval, or empty."),
        ({"outcome": "ok"}, "outcome is 'ok'; it is served, refused or failed."),
        ({"micros": -1}, "micros is -1; it is a whole number from 0 to 2147483647."),
        ({"flags": "range"}, "flags is 'range'; it is a list of texts of 1 to 100 characters."),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_told_what_would_be_right(said: Any, sentence: str) -> None:
    import json

    content = said if isinstance(said, bytes) else json.dumps(an_answer(at=NOW.isoformat()) | said).encode()
    assert read(content, NOW) == sentence


def test_what_is_no_line_is_set_aside_and_told_once(revision: Revision, bank: Cast, folder: Path) -> None:
    good = an_answer(revision)
    bad = spooled(folder, [good, b'{"id": "cut'])
    spooled(folder, [b"[]"])
    assert services.take() == services.Taken(files=2, rows=1, bad=2)
    kept = bad.with_suffix(".bad").read_text()
    assert kept == '# line 2: It is no JSON: a line is one object, written to its end.\n{"id": "cut\n'
    assert Prediction.objects.get().request == good["id"]
    alert = Alert.objects.get()
    assert "1 lines of" in alert.sentence
    assert Event.objects.filter(verb="prediction.raise_alert").count() == 1
    with pytest.raises(Forbidden, match="risk officer"):
        services.close_alert(alert, resolution="Mine.", actor=fresh(bank.deployer))
    with pytest.raises(Invalid, match=r"Say what became of it\."):
        services.close_alert(alert, resolution=" ", actor=fresh(bank.officer))
    services.close_alert(alert, resolution="The disk was full.", actor=fresh(bank.officer))
    outcomes = Event.objects.filter(verb="prediction.close_alert").order_by("at").values_list("outcome", flat=True)
    assert list(outcomes) == ["refused", "done"]


def test_an_answer_of_other_bytes_opens_one_incident(revision: Revision, folder: Path) -> None:
    other = an_answer(revision, digest="b" * 64)
    spooled(folder, [an_answer(revision), other, an_answer(revision, digest="b" * 64)])
    spooled(folder, [an_answer(revision) | {"revision": 7}, an_answer(deployment=NOBODY)])
    services.take()
    kinds = {each.kind: each for each in Incident.objects.all()}
    assert set(kinds) == {"artifact", "extra"}
    told = f"Version 1.0.0 answered with the digest bbbbbbbbbbbb…; approved for revision 1 is {revision.artifact_sha256[:12]}…."
    assert kinds["artifact"].sentence == f"{told} So says the prediction log."
    assert kinds["extra"].sentence.startswith("Revision 7 is none that brings a version to this endpoint.")
    assert Alert.objects.get().sentence.startswith(f"A gateway answered for the endpoint {NOBODY}")
    assert Prediction.objects.count() == 5


def test_the_application_cannot_take_back_or_change_what_is_logged(
    revision: Revision, folder: Path, owner_connection: psycopg.Connection[Any]
) -> None:
    spooled(folder, [an_answer(revision)])
    services.take()
    day = f"mrm_days.log_{dt.datetime.now(dt.UTC):%Y%m%d}"
    for statement in (
        "UPDATE prediction_log SET digest = 'x'", "DELETE FROM prediction_log", "TRUNCATE prediction_log",
        "DELETE FROM prediction_takenfile", f"DROP TABLE {day}", f"SELECT * FROM {day}", f"DELETE FROM {day}",
        "SELECT prediction_drop_day(current_date)", "SELECT prediction_make_day('1990-01-01')",
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    for statement in ("UPDATE prediction_log SET digest = 'x'", f"DELETE FROM {day}", f"TRUNCATE {day}"):
        with pytest.raises(psycopg.Error, match="rows there are never taken back"):
            owner_connection.execute(statement)
    assert Prediction.objects.count() == 1


def test_days_that_come_and_go_are_no_finding_and_one_without_its_guard_is(
    bank: Cast, owner_connection: psycopg.Connection[Any]
) -> None:
    services.make_ready()
    heartbeat.beat()
    services.make_days([dt.datetime.now(dt.UTC).date() - dt.timedelta(days=9)])
    assert heartbeat.beat() is None
    day = f"log_{dt.datetime.now(dt.UTC):%Y%m%d}"
    owner_connection.execute(f"ALTER TABLE mrm_days.{day} DISABLE TRIGGER audit_append_only")
    changed = heartbeat.beat()
    assert changed is not None
    assert changed.state["days of prediction_log"] == day


def test_the_command_takes_what_is_there(revision: Revision, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spooled(folder, [an_answer(revision), b"nonsense"])
    call_command("predictions", "take")
    assert capsys.readouterr().out == "Taken: 1 files, 1 rows; 1 lines were set aside.\n"
