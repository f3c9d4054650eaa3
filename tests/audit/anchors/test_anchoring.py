"""The schedule beside the sequencer, the command, and what the page shows."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.template.loader import render_to_string

from mrm.audit import anchoring, keys
from mrm.audit.anchors.anchorage import Contradiction
from mrm.audit.anchors.attempt import Attempt
from mrm.audit.anchors.opening import opened
from mrm.audit.anchors.places import Place, beside, parse
from mrm.audit.log.merkle import EMPTY_ROOT
from mrm.audit.log.notes import Checkpoint as Text
from mrm.audit.models import Anchor, AnchorState, Checkpoint, Event
from mrm.audit.sequencer import Sequencer
from tests.audit.test_sequencer import KEY, ORIGIN, drain, leading, unit
from tests.conftest import _cluster
from tests.witness.process import PROJECT, WitnessProcess

EVERY = {"folder": 0.0, "witness": 0.0, "rfc3161": 0.0}


@pytest.fixture
def log(log_connection: Any) -> Sequencer:
    unit(1)
    sequencer = leading(log_connection)
    drain(sequencer)
    return sequencer


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    process = WitnessProcess(tmp_path, KEY.vkey).start()
    yield process
    process.stop()


@pytest.fixture
def silent() -> Iterator[str]:
    """A place that takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def folder_in(tmp_path: Path) -> Place:
    (tmp_path / "worm").mkdir(exist_ok=True)
    return parse(f"folder=file://{tmp_path}/worm")[0]


def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_places_are_kept_up_to_date_while_one_is_silent_and_signing_goes_on(
    log: Sequencer, witness: WitnessProcess, silent: str, tmp_path: Path
) -> None:
    dsn = log.connection.info.dsn
    slow = parse(f"slow:witness={silent} {witness.vkey}")[0]
    places = [slow, folder_in(tmp_path), parse(f"witness={witness.url} {witness.vkey}")[0]]
    running = anchoring.Anchoring(lambda: psycopg.connect(dsn, autocommit=True), places, EVERY)
    running.start()
    try:
        for number in (10, 11):
            unit(number)
            began = time.monotonic()
            drain(log)
            assert time.monotonic() - began < 2.0
            size = log.frontier.size
            until(lambda size=size: Anchor.objects.filter(checkpoint__size=size).count() == 2)  # type: ignore[misc]
    finally:
        running.stop(0.5)
    assert not Anchor.objects.filter(name="slow").exists()
    assert {state.name: state.problem for state in AnchorState.objects.all()} == {
        places[1].name: "",
        places[2].name: "",
    }


def test_a_place_that_cannot_be_opened_is_noted(log: Sequencer, tmp_path: Path) -> None:
    place = parse(f"tsa=http://127.0.0.1:9/ {tmp_path}/none.pem")[0]
    problems = anchoring.anchor_now(log.connection, [place, folder_in(tmp_path)])
    assert "cannot be read" in problems[place.name]
    assert problems["folder-worm"] == ""
    assert AnchorState.objects.get(name=place.name).failures == 1


def test_what_is_outside_is_asked_before_a_start(log: Sequencer, witness: WitnessProcess, tmp_path: Path) -> None:
    places = [
        folder_in(tmp_path),
        parse(f"witness={witness.url} {witness.vkey}")[0],
        parse(f"away:witness=http://127.0.0.1:9 {witness.vkey}")[0],
    ]
    nothing = KEY.sign(Text(ORIGIN, 0, EMPTY_ROOT).text())
    empty = anchoring.outside(nothing, places)
    assert (empty.size, empty.by, len(empty.problems)) == (0, "", 1)
    anchoring.anchor_now(log.connection, places[1:])
    seen = anchoring.outside(nothing, places)
    assert (seen.size, seen.by) == (log.frontier.size, places[1].name)
    other = KEY.sign(Text(ORIGIN, log.frontier.size, EMPTY_ROOT).text())
    with pytest.raises(Contradiction, match="another history"):
        anchoring.outside(other, places)


def test_the_page_shows_up_to_where_and_by_whom(log: Sequencer, witness: WitnessProcess, tmp_path: Path) -> None:
    places = [beside(tmp_path / "anchors"), parse(f"witness={witness.url} {witness.vkey}")[0]]
    assert [(place.size, place.why) for place in anchoring.anchored(places)] == [
        (None, "Nothing is anchored here yet.")
    ] * 2
    anchoring.anchor_now(log.connection, places)
    folder, cosigned = anchoring.anchored(places)
    size = log.frontier.size
    assert (folder.kind, folder.size, folder.verified, folder.beside) == ("folder", size, True, True)
    assert (cosigned.kind, cosigned.size, cosigned.by, cosigned.verified) == ("witness", size, witness.key.name, True)
    page = render_to_string("audit/_anchors.html", {"anchors": [folder, cosigned]})
    assert page.count("Holds") == 2
    assert page.count("It separates mistakes, not malice") == 1
    assert witness.key.name in page
    assert "Nobody outside has seen this log" in render_to_string("audit/_anchors.html", {"anchors": []})


def test_the_page_shows_what_does_not_hold(
    log: Sequencer, witness: WitnessProcess, tmp_path: Path, superuser_connection: Any
) -> None:
    folder, seen = folder_in(tmp_path), parse(f"witness={witness.url} {witness.vkey}")[0]
    anchoring.anchor_now(log.connection, [folder, seen])
    (tmp_path / "worm" / "bank.example_log" / str(log.frontier.size)).write_text("changed")
    anchoring.anchor_now(log.connection, [folder])
    superuser_connection.execute("ALTER TABLE audit_anchor DISABLE TRIGGER USER")
    superuser_connection.execute("UPDATE audit_anchor SET token = replace(encode(token, 'escape'), 'A', 'B')::bytea")
    shown = anchoring.anchored([folder, seen])
    assert [(place.verified, place.alarm) for place in shown] == [(False, True), (False, False)]
    assert "does not hold" in shown[1].why
    page = render_to_string("audit/_anchors.html", {"anchors": shown})
    assert "Contradicts the log" in page
    assert "is not the checkpoint of size" in page
    assert "Not checked" in page
    gone = anchoring.anchored([folder])
    assert "does not name this place any more" in gone[1].why


@pytest.fixture
def as_sequencer(own_database: str) -> Iterator[None]:
    connections["default"].close()
    connections["default"].settings_dict["USER"] = "mrm_log"
    yield
    connections["default"].close()
    connections["default"].settings_dict["USER"] = "mrm_app"


def test_the_command_anchors_now_and_says_where(
    log: Sequencer, as_sequencer: None, tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.LOG_ANCHORS = (folder_in(tmp_path),)
    call_command("audit", "anchor")
    assert f"folder-worm: size {log.frontier.size}, seen " in capsys.readouterr().out
    (tmp_path / "worm" / "bank.example_log" / str(log.frontier.size)).unlink()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", "anchor")
    assert ended.value.code == 1
    assert "does not hold bank.example_log" in capsys.readouterr().out
    settings.LOG_ANCHORS = ()
    with pytest.raises(SystemExit):
        call_command("audit", "anchor", "--only-look")
    assert "does not name this place any more" in capsys.readouterr().out


def test_the_sequencer_process_anchors_beside_signing(own_database: str, tmp_path: Path) -> None:
    """The real command as its own role, with a folder and a witness; killed, it goes on where it was."""
    key = keys.make(tmp_path / "log.key", ORIGIN)
    witness = WitnessProcess(tmp_path / "witness", key.vkey).start()
    places = f"{folder_in(tmp_path).address}, witness={witness.url} {witness.vkey}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "MRM_"))}
    environment = kept | {
        "MRM_DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": _cluster().url("mrm_app", own_database),
        "DATABASE_LOG_URL": _cluster().url("mrm_log", own_database),
        "MRM_LOG_KEY": str(tmp_path / "log.key"),
        "MRM_LOG_ORIGIN": ORIGIN,
        "MRM_LOG_ANCHORS": f"folder={places}",
        "MRM_LOG_ANCHOR_EVERY": "0.1",
    }
    try:
        for number, how in enumerate((signal.SIGKILL, signal.SIGTERM)):
            unit(number)
            command = [sys.executable, "manage.py", "sequencer"]
            process = subprocess.Popen(command, cwd=PROJECT, env=environment)
            until(lambda: Anchor.objects.filter(checkpoint__size=Event.objects.count()).count() == 2, 40)
            process.send_signal(how)
            assert process.wait(20) == (0 if how == signal.SIGTERM else -how)
        size = Event.objects.count()
        assert (tmp_path / "worm" / "bank.example_log" / str(size)).read_text() == Checkpoint.objects.first().note  # type: ignore[union-attr]
        now = [sys.executable, "manage.py", "audit", "anchor"]
        told = subprocess.run(now, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert (told.returncode, told.stdout.count(f"size {size}, seen ")) == (0, 2), told.stderr
    finally:
        witness.stop()


def test_a_slip_in_the_setting_is_said_at_start() -> None:
    environment = os.environ | {"MRM_LOG_ANCHORS": "/mnt/worm", "DJANGO_SETTINGS_MODULE": "mrm.project.settings"}
    code = "from django.conf import settings; settings.DEBUG"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "ImproperlyConfigured: MRM_LOG_ANCHORS: '/mnt/worm' names no place to anchor at." in told.stderr


def test_a_thread_lives_on_when_the_database_goes_away(log: Sequencer, tmp_path: Path) -> None:
    calls: list[int] = []

    def connect() -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise psycopg.OperationalError("gone")
        return psycopg.connect(log.connection.info.dsn, autocommit=True)

    place = folder_in(tmp_path)
    running = anchoring.Anchoring(connect, [place], EVERY)
    running.start()
    try:
        until(lambda: Anchor.objects.filter(name=place.name).exists())
    finally:
        running.stop(1.0)
    Attempt(log.connection, opened(place)).run()
    assert AnchorState.objects.get().problem == ""
