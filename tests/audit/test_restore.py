"""The restore drill: a database rolled back behind what others saw is not signed on; a new epoch says so for ever."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from mrm.access import services
from mrm.audit import keys
from mrm.audit.anchoring import anchor_now
from mrm.audit.anchors.places import parse
from mrm.audit.export import Scope, write_bundle
from mrm.audit.log import notes
from mrm.audit.models import Checkpoint, Event, Leaf
from mrm.audit.restoring import Behind, refuse_when_behind
from mrm.audit.sequencer import Sequencer
from tests.audit.test_export import VERIFIER
from tests.conftest import _cluster, _copy, _drop, _use
from tests.factories.access import SETUP

ORIGIN = "nordhaven-bank.example/model-risk-log"


@pytest.fixture
def custody(own_database: str, settings: Any, tmp_path: Path) -> Any:
    """The key in its file and a folder outside that sees every checkpoint."""
    (tmp_path / "outside").mkdir()
    settings.LOG_KEY, settings.LOG_ORIGIN = tmp_path / "secrets" / "log.key", ORIGIN
    settings.LOG_ANCHORS = parse(f"folder=file://{tmp_path}/outside")
    keys.make(settings.LOG_KEY, ORIGIN)
    return settings


def units(*names: str) -> None:
    for name in names:
        services.add_unit(key=name, name=name, parent=None, actor=SETUP)


def raw() -> "psycopg.Connection[Any]":
    name = connections["default"].settings_dict["NAME"]
    return psycopg.connect(_cluster().url("mrm_log", name), autocommit=True)


def run(custody: Any) -> Sequencer:
    """Lead as the command does, sign everything, anchor it."""
    with raw() as connection:
        sequencer = Sequencer(connection, keys.signers(custody.LOG_KEY), ORIGIN)
        sequencer.lead()
        refuse_when_behind(sequencer, custody.LOG_ANCHORS)
        while sequencer.step():
            pass
        anchor_now(connection, custody.LOG_ANCHORS)
    return sequencer


def rolled_back(own_database: str) -> str:
    """A copy of the database as it is now: the backup."""
    connections["default"].close()
    _copy(f"{own_database}_backup", own_database)
    return f"{own_database}_backup"


def verdicts(bundle: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(bundle), "--json", *more], capture_output=True, text=True, check=False
    )
    return done.returncode, {each["name"]: each for each in json.loads(done.stdout)["verdicts"]}


def test_a_database_that_was_rolled_back_is_not_signed_on(custody: Any, own_database: str, tmp_path: Path) -> None:
    units("one", "two")
    run(custody)
    backup = rolled_back(own_database)
    units("three")
    after = run(custody)
    try:
        _use(backup)
        units("other")
        with pytest.raises(Behind, match=f"has seen {after.frontier.size} events of {ORIGIN}, but the log holds"):
            run(custody)
        assert Leaf.objects.count() == after.frontier.size - 1
        said = io.StringIO()
        call_command("audit", "recover", "--reason", "The disk of the database was lost.", stdout=said)
        assert f"The sequencer goes on as {ORIGIN}/2" in said.getvalue()
        again = run(custody)
        assert (again.epoch, again.origin) == (2, f"{ORIGIN}/2")
        first = Leaf.objects.get(index=after.frontier.size - 1).event
        assert first.verb == "audit.open_epoch"
        assert first.details["seen"] == {"folder-outside": after.frontier.size}
        assert first.reason == "The disk of the database was lost."
        assert notes.split_note(first.details["checkpoint"])
        assert run(custody).epoch == 2
        bundle = tmp_path / "bundle.zip"
        write_bundle(bundle, Scope(), lambda *told: None)
        status, told = verdicts(bundle, "--key", keys.load(custody.LOG_KEY).vkey)
        assert status == 0, told
        assert f"RESTORED at size {after.frontier.size - 1}" in told["INTEGRITY"]["sentence"] or "RESTORED" in str(told)
    finally:
        connections["default"].close()
        _use(own_database)
        _drop(backup)


def test_a_new_epoch_is_not_opened_without_need(custody: Any) -> None:
    units("one")
    run(custody)
    with pytest.raises(CommandError, match="Nobody outside has seen more of the log than it holds"):
        call_command("audit", "recover", "--reason", "Just so.")
    assert not Event.objects.filter(verb="audit.open_epoch", outcome="done").exists()


def test_a_log_that_nobody_saw_yet_is_signed(custody: Any) -> None:
    units("one")
    assert run(custody).frontier.size == Event.objects.count()


def test_a_rotation_signs_twice_and_then_with_the_new_key_alone(custody: Any, tmp_path: Path) -> None:
    units("one")
    run(custody)
    old = keys.load(custody.LOG_KEY)
    call_command("audit", "rotate_key", "--reason", "Yearly", stdout=io.StringIO())
    with pytest.raises(CommandError, match="A rotation is under way already"):
        call_command("audit", "rotate_key")
    run(custody)
    new = keys.load(custody.LOG_KEY)
    assert new.vkey != old.vkey
    both = Checkpoint.objects.first()
    assert both is not None
    assert notes.open_note(both.note, [old.verifier])[1] == [ORIGIN]
    assert notes.open_note(both.note, [new.verifier])[1] == [ORIGIN]
    call_command("audit", "rotate_key", "--finish", stdout=io.StringIO())
    units("two")
    run(custody)
    last = Checkpoint.objects.first()
    assert last is not None
    with pytest.raises(notes.NoteError, match="No key that is known signed this note"):
        notes.open_note(last.note, [old.verifier])
    rotation = Event.objects.filter(object_type="audit.logkey").order_by("object_seq")
    assert list(rotation.values_list("verb", flat=True)) == ["audit.rotate_key", "audit.end_key_rotation"]
    bundle = tmp_path / "bundle.zip"
    write_bundle(bundle, Scope(), lambda *told: None)
    status, told = verdicts(bundle, "--key", old.vkey, "--key", new.vkey)
    assert status == 0, told


def test_ending_a_rotation_that_was_not_begun_is_said(custody: Any) -> None:
    with pytest.raises(CommandError, match="No rotation is under way"):
        call_command("audit", "rotate_key", "--finish")
