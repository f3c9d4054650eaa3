"""What is due, what an attempt leaves behind, and what stays visible until it is resolved."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrm.audit.anchors.attempt import LONGEST_PAUSE, LOOK, Attempt, Given, Newest, Standing, pause, standing_of
from mrm.audit.anchors.opening import opened
from mrm.audit.anchors.places import Place, parse
from mrm.audit.log.notes import SigningKey
from mrm.audit.models import Anchor, AnchorState, Checkpoint
from mrm.audit.sequencer import Sequencer
from tests.audit.test_sequencer import KEY, ORIGIN, drain, leading, unit
from tests.witness.process import WitnessProcess

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
NEWEST = Newest(7, 1, 20, "note", NOW)
SAME, OLDER = Given(3, 1, 20, "note", b"token"), Given(3, 1, 9, "note", b"token")


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("standing", "wait"),
    [
        (Standing(None, None), LOOK),
        (Standing(NEWEST, None), 0.0),
        (Standing(NEWEST, None, ago(3), None, 1), 2.0),
        (Standing(NEWEST, None, ago(6), None, 1), -1.0),
        (Standing(NEWEST, OLDER, ago(15), ago(200), 3), 5.0),
        (Standing(NEWEST, OLDER, ago(20), ago(20)), 40.0),
        (Standing(NEWEST, OLDER, ago(61), ago(61)), -1.0),
        (Standing(NEWEST, SAME, ago(20), ago(20)), 40.0),
        (Standing(NEWEST, SAME, ago(100), ago(100)), LOOK),
        (Standing(NEWEST, SAME, ago(3601), ago(3601)), -1.0),
        (Standing(Newest(8, 2, 20, "note", NOW), SAME, ago(100), ago(100)), -40.0),
    ],
)
def test_an_attempt_is_due_when_something_is_new_and_time_has_passed(standing: Standing, wait: float) -> None:
    assert standing.wait(60.0, NOW) == pytest.approx(wait)


def test_the_pauses_grow_up_to_a_limit() -> None:
    assert [pause(failures) for failures in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert pause(50) == pause(5000) == LONGEST_PAUSE


@pytest.fixture
def log(log_connection: Any) -> Sequencer:
    for number in range(4):
        unit(number)
    sequencer = leading(log_connection)
    drain(sequencer)
    return sequencer


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    process = WitnessProcess(tmp_path, KEY.vkey).start()
    yield process
    process.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Place:
    (tmp_path / "worm").mkdir()
    return parse(f"folder=file://{tmp_path}/worm")[0]


def attempt(log: Sequencer, place: Place) -> AnchorState:
    Attempt(log.connection, opened(place)).run()
    return AnchorState.objects.get(name=place.name)


def grown(log: Sequencer, number: int) -> int:
    unit(number)
    drain(log)
    return log.frontier.size


def file_of(tmp_path: Path, size: int) -> Path:
    return tmp_path / "worm" / "bank.example_log" / str(size)


def test_an_anchor_is_a_row_and_a_note_of_success(log: Sequencer, witness: WitnessProcess, folder: Place) -> None:
    places = [folder, parse(f"witness={witness.url} {witness.vkey}")[0]]
    for number in (10, 11):
        size = grown(log, number)
        for place in places:
            state = attempt(log, place)
            assert (state.failures, state.problem, state.alarm) == (0, "", False)
            assert state.succeeded_at == state.tried_at
            row = Anchor.objects.filter(name=place.name).order_by("-pk").first()
            assert row is not None
            assert (row.kind, row.checkpoint.size) == (place.kind, size)
            assert opened(place).verify(bytes(row.token), row.checkpoint.note)
            if place.kind == "folder":
                assert row.at >= row.checkpoint.at
            else:
                assert row.at.microsecond == 0
    assert Anchor.objects.count() == 4
    attempt(log, folder)
    assert Anchor.objects.count() == 4


def test_before_the_first_checkpoint_nothing_is_asked(log_connection: Any, folder: Place) -> None:
    Attempt(log_connection, opened(folder)).run()
    assert not AnchorState.objects.exists()


def test_a_place_that_is_away_is_tried_again_later_and_forgotten_once_it_is_back(
    log: Sequencer, witness: WitnessProcess
) -> None:
    place = parse(f"witness={witness.url} {witness.vkey}")[0]
    witness.stop()
    for failures in (1, 2, 3):
        state = attempt(log, place)
        assert (state.failures, state.alarm, state.succeeded_at) == (failures, False, None)
        assert "cannot be reached" in state.problem
    wait = standing_of(log.connection, place.name).wait(60.0, dt.datetime.now(dt.UTC))
    assert 18 < wait <= 20
    witness.start()
    state = attempt(log, place)
    assert (state.failures, state.problem) == (0, "")
    assert Anchor.objects.get().checkpoint.size == log.frontier.size


def test_a_file_changed_behind_our_back_stays_an_alarm_until_it_is_as_it_was(
    log: Sequencer, folder: Place, tmp_path: Path
) -> None:
    attempt(log, folder)
    first = log.frontier.size
    right = file_of(tmp_path, first).read_bytes()
    file_of(tmp_path, first).write_bytes(right + b" ")
    for number in (10, 11):
        size = grown(log, number)
        state = attempt(log, folder)
        assert (state.alarm, state.failures) == (True, 0)
        assert f"is not the checkpoint of size {first} that this log signed" in state.problem
        assert file_of(tmp_path, size).exists(), "the newest is anchored all the same"
    file_of(tmp_path, first).write_bytes(right)
    assert attempt(log, folder).problem == ""


def test_an_alarm_is_not_ended_by_silence(log: Sequencer, folder: Place, tmp_path: Path) -> None:
    attempt(log, folder)
    file_of(tmp_path, log.frontier.size).unlink()
    assert attempt(log, folder).alarm
    (tmp_path / "worm" / "bank.example_log").rmdir()
    (tmp_path / "worm" / "bank.example_log").write_text("no folder any more")
    state = attempt(log, folder)
    assert (state.alarm, state.failures) == (True, 1)
    assert "does not hold" in state.problem


def test_a_database_that_was_rolled_back_is_refused_by_each_that_remembers(
    log: Sequencer, witness: WitnessProcess, folder: Place, superuser_connection: Any
) -> None:
    places = [folder, parse(f"witness={witness.url} {witness.vkey}")[0]]
    before = Checkpoint.objects.count()
    size = log.frontier.size
    grown(log, 10)
    for place in places:
        assert attempt(log, place).problem == ""
    for table in ("anchorstate", "anchor", "checkpoint"):
        superuser_connection.execute(f"ALTER TABLE audit_{table} DISABLE TRIGGER USER")
    superuser_connection.execute("DELETE FROM audit_anchorstate")
    superuser_connection.execute("DELETE FROM audit_anchor")
    superuser_connection.execute("DELETE FROM audit_checkpoint WHERE size > %s", [size])
    assert Checkpoint.objects.count() == before
    for place in places:
        state = attempt(log, place)
        assert (state.alarm, state.failures) == (True, 1), place
        assert f"has seen {size + 1} events of this log, but it holds {size} here" in state.problem
    assert not Anchor.objects.exists()


def test_a_second_history_is_refused_by_each_that_remembers(
    log: Sequencer, witness: WitnessProcess, folder: Place, superuser_connection: Any
) -> None:
    """Somebody with the key rewrites the last checkpoint and signs it anew."""
    places = [folder, parse(f"witness={witness.url} {witness.vkey}")[0]]
    for place in places:
        attempt(log, place)
    for table in ("anchor", "anchorstate", "checkpoint", "leaf"):
        superuser_connection.execute(f"ALTER TABLE audit_{table} DISABLE TRIGGER USER")
    superuser_connection.execute("DELETE FROM audit_anchorstate")
    superuser_connection.execute("DELETE FROM audit_anchor")
    superuser_connection.execute("DELETE FROM audit_checkpoint")
    superuser_connection.execute("UPDATE audit_leaf SET hash = sha256('another past') WHERE \"index\" = 0")
    log.frontier = type(log.frontier)()
    for (leaf,) in log.connection.execute('SELECT hash FROM audit_leaf ORDER BY "index"').fetchall():
        log.frontier.append(bytes(leaf))
    log._sign()
    said = [attempt(log, place) for place in places]
    assert [state.alarm for state in said] == [True, True]
    assert "is not the checkpoint of size" in said[0].problem
    assert "refuses the log: it saw another history" in said[1].problem
    grown_size = grown(log, 10)
    assert "refuses the log: it saw another history" in attempt(log, places[1]).problem
    assert not Anchor.objects.filter(checkpoint__size=grown_size, kind="witness").exists()


def test_one_that_was_overtaken_by_another_process_is_not_an_alarm(
    log: Sequencer, witness: WitnessProcess, folder: Place
) -> None:
    for place in (folder, parse(f"witness={witness.url} {witness.vkey}")[0]):
        late = Attempt(log.connection, opened(place))
        size = grown(log, 10 + Anchor.objects.count())
        attempt(log, place)
        late.run()
        state = AnchorState.objects.get(name=place.name)
        assert (state.problem, state.alarm) == ("", False)
        assert [row.checkpoint.size for row in Anchor.objects.filter(name=place.name)] == [size]


def test_a_log_whose_key_the_witness_does_not_know_is_told_what_to_do(
    log_connection: Any, witness: WitnessProcess
) -> None:
    unit(1)
    sequencer = Sequencer(log_connection, [SigningKey.generate(ORIGIN)], ORIGIN)
    sequencer.lead()
    drain(sequencer)
    state = attempt(sequencer, parse(f"witness={witness.url} {witness.vkey}")[0])
    assert "give its operator the log's key" in state.problem
    assert not state.alarm


def test_whatever_breaks_in_a_place_is_noted(log: Sequencer, folder: Place) -> None:
    anchorage = opened(folder)
    anchorage.place = Place("folder", folder.name, "file://\0")
    Attempt(log.connection, anchorage).run()
    state = AnchorState.objects.get(name=folder.name)
    assert state.failures == 1
    assert state.problem.startswith("The attempt broke unexpectedly (ValueError: ")
