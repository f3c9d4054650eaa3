"""What is exported from the real database is found true by the verifier that an auditor runs."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from fido2.utils import websafe_encode

from mrm.access import second_factors, services
from mrm.access.models import BusinessUnit
from mrm.access.services import Confirmed
from mrm.audit.export import NotReady, Scope, write_bundle
from mrm.audit.log.notes import SigningKey
from mrm.audit.models import Checkpoint, Event
from mrm.audit.sequencer import Sequencer
from mrm.core.canonical import digest
from mrm.signoff import services as signoff
from mrm.signoff.models import Request
from tests.conftest import ROOT
from tests.factories import approval, inventory
from tests.factories.access import SETUP, Cast
from tests.factories.factors import Key, with_key

KEY = SigningKey.generate("nordhaven-bank.example/model-risk-log")
VERIFIER = ROOT / "deploy" / "verifier" / "verify.py"


def signed(raw: Any, upto: int | None = None) -> Sequencer:
    sequencer = Sequencer(raw, [KEY], KEY.name)
    sequencer.lead()
    while sequencer.step(upto or 1000) and not upto:
        pass
    return sequencer


def export(folder: Path, scope: Scope) -> Path:
    target = folder / "bundle.zip"
    write_bundle(target, scope, lambda stage, done, total: None)
    return target


def verified(bundle: Path, *more: str, status: int = 0) -> dict[str, Any]:
    """What the verifier says, run as an auditor runs it: a bare interpreter, nothing of ours."""
    command = [sys.executable, "-I", str(VERIFIER), str(bundle), "--key", KEY.vkey, "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    told = json.loads(done.stdout)
    return {verdict["name"]: verdict for verdict in told["verdicts"]}


@pytest.fixture
def busy(log_connection: Any) -> Cast:
    """A bank with people, signed to its last event."""
    cast = Cast()
    services.change_password(cast.owner, password="a long enough phrase", actor=cast.owner)
    services.grant(cast.outsider, role="owner", unit=cast.markets, actor=cast.administrator)
    signed(log_connection)
    return cast


def test_the_whole_log_is_found_true(busy: Cast, tmp_path: Path) -> None:
    told = verified(export(tmp_path, Scope()))
    assert [verdict["state"] for verdict in told.values()] == ["OK", "NOT CHECKED", "OK", "OK"], told
    assert f"all {Event.objects.count()} events" in told["INTEGRITY"]["sentence"]


def test_decisions_are_judged_again_by_their_pinned_policies(
    log_connection: Any, own_database: str, tmp_path: Path
) -> None:
    cast = Cast()
    approval.approved(cast)
    signed(log_connection)
    told = verified(export(tmp_path, Scope()))
    assert told["SEPARATION OF DUTIES"]["state"] == "OK", told
    assert told["SEPARATION OF DUTIES"]["sentence"].startswith("2 decisions follow from their votes")
    assert told["COMPLETENESS"]["state"] == "OK", told


def by_key(asked: Request, account: Any, key: Key) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A statement with its token, and the key's answer to it."""
    shown, token = signoff.compose(asked, decision="approve", rationale="It holds.", conditions=[], actor=account)
    return shown, token, key.get(websafe_encode(bytes.fromhex(digest(shown))))


def test_votes_by_security_key_are_verified_offline(log_connection: Any, own_database: str, tmp_path: Path) -> None:
    cast = Cast()
    asked = approval.submitted(cast)
    for place, officer in enumerate((cast.officer, cast.second_officer)):
        account, key = with_key(officer, edwards=bool(place))
        _, token, answer = by_key(asked, account, key)
        signoff.sign(asked, token=token, answer=answer, actor=account)
    signed(log_connection)
    told = verified(export(tmp_path, Scope()))
    assert told["SEPARATION OF DUTIES"]["sentence"].startswith("2 decisions follow from their votes"), told
    assert [told[name]["state"] for name in ("INTEGRITY", "COMPLETENESS", "SEPARATION OF DUTIES")] == ["OK"] * 3


def test_who_runs_everything_still_cannot_forge_a_vote_by_key(
    log_connection: Any, own_database: str, tmp_path: Path
) -> None:
    """The operator writes a vote through the door and signs the log; only the officer's key he does not have."""
    cast = Cast()
    asked = approval.submitted(cast)
    account, _ = with_key(cast.officer)
    own, (shown, _token) = (
        Key(),
        signoff.compose(asked, decision="approve", rationale="It holds.", conditions=[], actor=account),
    )
    answer = second_factors.answered(
        own.get(websafe_encode(bytes.fromhex(digest(shown)))),
        bytes.fromhex(digest(shown)),
        [second_factors.registered_key(own.create({"publicKey": {"challenge": "AAAA"}}))],
    )
    forged = Confirmed("webauthn", answer.evidence)
    signoff.vote(asked, statement=shown, confirmed=forged, actor=account)
    signed(log_connection)
    told = verified(export(tmp_path, Scope()), status=1)
    assert told["INTEGRITY"]["state"] == "OK"
    assert (
        f"is signed by a security key that {account.person_id} had not set up then"
        in told["SEPARATION OF DUTIES"]["sentence"]
    )


def test_rows_that_changed_since_the_checkpoint_are_exported_as_they_were(
    busy: Cast, log_connection: Any, tmp_path: Path
) -> None:
    unit = services.add_unit(key="late", name="Late", parent=None, actor=SETUP)
    services.deactivate(busy.outsider, reason="left", actor=busy.administrator)
    assert BusinessUnit.objects.filter(pk=unit.pk).exists()
    told = verified(export(tmp_path, Scope()))
    assert told["COMPLETENESS"]["state"] == "OK", told


def test_a_row_changed_without_an_event_is_named(busy: Cast, superuser_connection: Any, tmp_path: Path) -> None:
    superuser_connection.execute("ALTER TABLE access_person DISABLE TRIGGER ALL")
    superuser_connection.execute(
        "UPDATE access_person SET name = 'Somebody Else' WHERE id = %s", [busy.owner.person_id]
    )
    told = verified(export(tmp_path, Scope()), status=1)
    assert told["INTEGRITY"]["state"] == "OK"
    sentence = told["COMPLETENESS"]["sentence"]
    assert f"access_person row {busy.owner.person_id}: field name is " in sentence
    assert sentence.endswith('"a person\'s data not disclosed", the log says "Olivia Owner"'), sentence


def test_one_object_with_its_receipts(busy: Cast, tmp_path: Path) -> None:
    told = verified(export(tmp_path, Scope.of_object("access.account", str(busy.outsider.pk))))
    assert told["INTEGRITY"]["state"] == "OK", told
    assert told["COMPLETENESS"]["state"] == "NOT CHECKED"


def test_what_came_after_an_earlier_checkpoint(busy: Cast, log_connection: Any, tmp_path: Path) -> None:
    old = Checkpoint.objects.first()
    assert old is not None
    services.add_unit(key="late", name="Late", parent=None, actor=SETUP)
    signed(log_connection)
    kept = tmp_path / "kept"
    kept.write_text(old.note)
    told = verified(export(tmp_path, Scope.after(old.size)), "--since", str(kept))
    assert f"events {old.size} to {old.size + 1} continue the log" in told["INTEGRITY"]["sentence"], told


def test_nothing_is_exported_before_it_is_signed(own_database: str, tmp_path: Path) -> None:
    services.add_unit(key="late", name="Late", parent=None, actor=SETUP)
    with pytest.raises(NotReady, match="no signed checkpoint yet; start the sequencer"):
        export(tmp_path, Scope())
    assert list(tmp_path.glob("*.zip*")) == []


def test_an_object_without_events_is_no_bundle(busy: Cast, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="holds no event of this record"):
        export(tmp_path, Scope.of_object("access.account", "nobody"))
    assert not (tmp_path / "bundle.zip").exists()


def test_a_full_disk_leaves_nothing_half_written(busy: Cast, tmp_path: Path) -> None:
    """The process may write 20 kB and no more, as on a disk that fills up."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "import django; from django.conf import settings;"
        f"settings.DATABASES['default'].update({_database()!r}); django.setup();"
        "from pathlib import Path; from mrm.audit.export import Scope, write_bundle;"
        f"write_bundle(Path({str(tmp_path / 'bundle.zip')!r}), Scope(), lambda *told: None)"
    )
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "mrm.project.settings"},
    )  # fmt: skip
    assert "The export could not be written: File too large. Nothing was kept of it." in done.stderr
    assert [path.name for path in tmp_path.iterdir() if "bundle" in path.name] == []


def _database() -> dict[str, Any]:
    from django.db import connection

    return {name: connection.settings_dict[name] for name in ("NAME", "USER", "HOST", "PORT")}


def test_the_bundle_carries_its_verifier_and_how_to_use_it(busy: Cast, tmp_path: Path) -> None:
    with zipfile.ZipFile(export(tmp_path, Scope())) as archive:
        assert archive.read("verify.py") == VERIFIER.read_bytes()
        assert KEY.vkey in archive.read("README.md").decode()
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def test_the_command_writes_and_records_it(busy: Cast, tmp_path: Path) -> None:
    target, said = tmp_path / "taken.zip", io.StringIO()
    call_command("audit", "export", str(target), stdout=said)
    sha256 = hashlib.sha256(target.read_bytes()).hexdigest()
    assert sha256 in said.getvalue()
    assert Event.objects.get(verb="audit.export").details["sha256"] == sha256
    assert verified(target)["INTEGRITY"]["state"] == "OK"
    with pytest.raises(CommandError, match="is there already; name a new file"):
        call_command("audit", "export", str(target))


def test_the_command_takes_one_model_by_its_name(log_connection: Any, tmp_path: Path) -> None:
    cast = Cast()
    inventory.model(cast, "Retail PD")
    inventory.model(cast, "Card PD")
    signed(log_connection)
    target = tmp_path / "one.zip"
    call_command("audit", "export", str(target), "--model", "Card PD", stdout=io.StringIO())
    assert verified(target)["INTEGRITY"]["sentence"].startswith("1 events on inventory.model")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "Nobody's"], "The trail knows no model with the id or name Nobody's"),
        (["--since", "99999"], "there is nothing after 99999"),
    ],
)
def test_the_command_names_what_is_wrong(busy: Cast, tmp_path: Path, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("audit", "export", str(tmp_path / "x.zip"), *words)
    assert list(tmp_path.glob("*.zip")) == []


def test_a_folder_that_is_not_there_is_said(busy: Cast, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("audit", "export", str(tmp_path / "nowhere" / "x.zip"))
