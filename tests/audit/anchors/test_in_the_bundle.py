"""What the places gave goes along in an export, and the verifier finds it true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrm.audit import anchoring
from mrm.audit.anchors.places import parse
from mrm.audit.export import Scope
from mrm.audit.log.notes import COSIGNATURE, SigningKey
from mrm.audit.models import Anchor, Checkpoint, Event
from tests.audit.anchors.test_timestamp import Stamper
from tests.audit.test_export import KEY, export, signed, verified
from tests.audit.test_sequencer import unit
from tests.witness.process import WitnessProcess


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    process = WitnessProcess(tmp_path, KEY.vkey).start()
    yield process
    process.stop()


@pytest.fixture
def stamper(tmp_path: Path) -> Iterator[Stamper]:
    found = Stamper(tmp_path / "authority")
    yield found
    found.close()


@pytest.fixture
def everywhere(log_connection: Any, witness: WitnessProcess, stamper: Stamper, tmp_path: Path, settings: Any) -> int:
    """A log that grew twice and was anchored at three places each time; its size."""
    (tmp_path / "worm").mkdir()
    witnessed = f"witness={witness.url} {witness.vkey}"
    settings.LOG_ANCHORS = parse(f"folder=file://{tmp_path}/worm, {stamper.place()}, {witnessed}")
    for number in (1, 2):
        unit(number)
        signed(log_connection)
        assert set(anchoring.anchor_now(log_connection, settings.LOG_ANCHORS).values()) == {""}
    assert Anchor.objects.count() == 6
    return Event.objects.count()


@pytest.mark.parametrize("scope", [Scope(), Scope.after(2)])
def test_its_own_anchors_agree_and_those_an_auditor_trusts_vouch(
    everywhere: int, witness: WitnessProcess, stamper: Stamper, tmp_path: Path, scope: Scope
) -> None:
    bundle = export(tmp_path, scope)
    alone = verified(bundle)["UNANCHORED"]
    assert alone["state"] == "NOT CHECKED"
    for kind in ("copies in folder-worm", "time stamps of tsa-127-0-0-1", f"witness {witness.key.name}"):
        assert kind in alone["sentence"], alone
    trusted = ["--witness", witness.vkey, "--tsa", str(stamper.folder / "ca.pem")]
    told = verified(bundle, *trusted, "--anchor", str(tmp_path / "worm"))["ANCHORED"]
    assert told["state"] == "OK", told
    assert f"by witness {witness.key.name}" in told["sentence"]
    assert "by time stamp of " in told["sentence"]
    assert told["sentence"].count(f"up to size {everywhere}") >= 3


def test_a_token_changed_in_the_database_is_a_finding(
    everywhere: int, superuser_connection: Any, tmp_path: Path
) -> None:
    superuser_connection.execute("ALTER TABLE audit_anchor DISABLE TRIGGER USER")
    superuser_connection.execute("UPDATE audit_anchor SET token = token || 'x'::bytea WHERE kind = 'folder'")
    told = verified(export(tmp_path, Scope()), status=1)
    named = [verdict for name, verdict in told.items() if name.endswith("ANCHORED")]
    assert [verdict["state"] for verdict in named] == ["FAILED"]
    assert "folder-worm" in str(named)


def test_what_an_earlier_key_of_a_witness_signed_stays_at_home(
    everywhere: int, witness: WitnessProcess, tmp_path: Path, settings: Any
) -> None:
    other = SigningKey.generate(witness.key.name, COSIGNATURE).vkey
    settings.LOG_ANCHORS = parse(f"witness={witness.url} {other}")
    assert settings.LOG_ANCHORS[0].name == f"witness-{witness.key.name}".replace(".", "-").replace("/", "-")
    told = verified(export(tmp_path, Scope()))["UNANCHORED"]
    assert "anchors agree" not in told["sentence"]


def test_the_witness_itself_gives_the_auditor_what_it_saw_last(
    everywhere: int, witness: WitnessProcess, tmp_path: Path, superuser_connection: Any, log_connection: Any
) -> None:
    """The database is rolled back and nobody but the witness remembers."""
    import httpx

    kept = tmp_path / "seen.note"
    kept.write_text(httpx.get(f"{witness.url}/checkpoint/{KEY.name}", trust_env=False).text)
    told = verified(export(tmp_path, Scope()), "--witness", witness.vkey, "--anchor", str(kept))["ANCHORED"]
    assert told["state"] == "OK", told
    last = Checkpoint.objects.first()
    assert last is not None
    before = Checkpoint.objects.filter(size__lt=last.size).first()
    assert before is not None
    for table in ("anchor", "anchorstate", "checkpoint", "leaf"):
        superuser_connection.execute(f"ALTER TABLE audit_{table} DISABLE TRIGGER USER")
    for statement in ("DELETE FROM audit_anchorstate", "DELETE FROM audit_anchor"):
        superuser_connection.execute(statement)
    superuser_connection.execute("DELETE FROM audit_checkpoint WHERE size > %s", [before.size])
    superuser_connection.execute('DELETE FROM audit_leaf WHERE "index" >= %s', [before.size])
    cut = verified(export(tmp_path, Scope.after(0)), "--witness", witness.vkey, "--anchor", str(kept), status=1)
    named = next(verdict for name, verdict in cut.items() if name.endswith("ANCHORED"))
    assert "the newest were cut off, the log was rolled back, or there are two logs" in str(named)
