"""Exports by page and API: who may ask, what is handed out, and what is said when it cannot be made."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from mrm.assurance import services
from mrm.assurance.models import Export
from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from tests.audit.test_export import KEY, VERIFIER, signed
from tests.factories import approval as making
from tests.factories import inventory as factory
from tests.factories.access import Cast, fresh
from tests.factories.journey import drain


@pytest.fixture
def bank(log_connection: Any) -> Cast:
    cast = Cast()
    factory.model(cast)
    signed(log_connection)
    return cast


def browser(account: Any) -> Client:
    client = Client()
    client.force_login(fresh(account))
    return client


def test_an_auditor_asks_by_page_and_takes_a_true_bundle_along(bank: Cast, tmp_path: Path) -> None:
    client = browser(bank.auditor)
    assert "Ask for the export" in client.get("/log/").content.decode()
    answer = client.post("/log/exports/ask/", {"scope": "log", "since": ""})
    export = Export.objects.get()
    assert answer.url == export.get_absolute_url()
    assert "Waits for a worker" in client.get(answer.url).content.decode()
    drain()
    page = client.get(answer.url).content.decode()
    assert "Download bundle" in page
    assert KEY.vkey.replace("+", "&#x2B;") in page or KEY.vkey in page
    content = b"".join(client.get(f"{answer.url}file/").streaming_content)
    export.refresh_from_db()
    assert hashlib.sha256(content).hexdigest() == export.sha256
    bundle = tmp_path / "taken.zip"
    bundle.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(bundle), "--key", KEY.vkey, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert Event.objects.get(verb="assurance.download_export").actor == bank.auditor.username


def test_the_same_by_json(bank: Cast) -> None:
    client = browser(bank.auditor)
    state = client.get("/api/v1/log/").json()
    assert state["size"] > 0
    assert state["keys"] == [KEY.vkey]
    asked = client.post("/api/v1/log/exports/", {"scope": "log"}, content_type="application/json")
    assert asked.status_code == 202
    again = client.post("/api/v1/log/exports/", {"scope": "log"}, content_type="application/json")
    assert (again.status_code, "is being made already" in again.content.decode()) == (409, True)
    drain()
    made = client.get(f"/api/v1/log/exports/{asked.json()['id']}/").json()
    assert (made["status"], made["events"]) == ("issued", made["log_size"])
    content = b"".join(client.get(made["file"]).streaming_content)
    assert hashlib.sha256(content).hexdigest() == made["sha256"]


def test_one_model_is_exported_from_its_timeline(bank: Cast, tmp_path: Path) -> None:
    client = browser(bank.auditor)
    model = factory.Model.objects.get()
    page = client.get(f"{model.get_absolute_url()}timeline/").content.decode()
    assert f"/log/exports/ask/{model.pk}/" in page
    answer = client.post(f"/log/exports/ask/{model.pk}/")
    drain()
    content = b"".join(client.get(f"{answer.url}file/").streaming_content)
    (tmp_path / "taken.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "taken.zip") as archive:
        scope = json.loads(archive.read("manifest.json"))["scope"]
        assert scope == {"kind": "object", "type": "inventory.model", "id": str(model.pk)}
        assert not [name for name in archive.namelist() if name.startswith("state/")]


@pytest.mark.parametrize("name", ["owner", "developer", "officer", "deployer", "outsider"])
def test_who_does_not_audit_gets_no_log(bank: Cast, name: str) -> None:
    account = fresh(getattr(bank, name))
    with pytest.raises(Forbidden):
        services.request(actor=account)
    client = browser(account)
    assert client.get("/log/").status_code == 403
    assert client.post("/log/exports/ask/", {"scope": "log"}).status_code == 403
    assert client.get("/api/v1/log/").status_code == 403
    assert Export.objects.count() == 0


def test_an_export_is_hidden_from_who_may_not_have_it(bank: Cast) -> None:
    export = services.request(actor=fresh(bank.auditor))
    assert browser(bank.officer).get(export.get_absolute_url()).status_code == 404
    assert browser(bank.officer).get(f"/api/v1/log/exports/{export.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"scope": "everything"}, "everything is no scope; it is log, object, since."),
        ({"scope": "object"}, "An export of one model names the model"),
        ({"scope": "since"}, "The size to go on from is between 1 and"),
        ({"scope": "since", "since": 10**9}, "The size to go on from is between 1 and"),
        ({"scope": "log", "since": 3}, "The size to go on from is between 1 and"),
    ],
)
def test_a_scope_that_makes_no_sense_is_named(bank: Cast, facts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        services.request(actor=fresh(bank.auditor), **facts)


def test_an_export_that_cannot_be_made_says_why(own_database: str) -> None:
    cast = Cast()
    export = services.request(actor=fresh(cast.auditor))
    drain()
    export.refresh_from_db()
    assert (export.status, export.error) == (
        "failed",
        "The log has no signed checkpoint yet; start the sequencer, and export when it has signed one.",
    )
    assert export.error in browser(cast.auditor).get(export.get_absolute_url()).content.decode()
    with pytest.raises(Refused, match="there is no file to download"):
        services.download(export, actor=fresh(cast.auditor))


def test_the_receipt_of_an_event_is_shown_and_downloaded(bank: Cast) -> None:
    event = Event.objects.filter(verb="inventory.register").get()
    client = browser(bank.auditor)
    assert "Receipt</a>" in client.get(f"/timeline/{event.pk}/").content.decode()
    told = client.get(f"/timeline/{event.pk}/receipt/").content
    assert told.startswith(b"c2sp.org/tlog-proof@v1\n")
    assert client.get(f"/api/v1/events/{event.pk}/receipt/").content == told
    assert browser(bank.outsider).get(f"/timeline/{event.pk}/receipt/").status_code == 404
    assert browser(bank.outsider).get(f"/api/v1/events/{event.pk}/receipt/").status_code == 404


def test_a_receipt_that_is_not_there_yet_is_said(bank: Cast) -> None:
    late = factory.model(bank, "Late model")
    event = Event.objects.get(subject_id=str(late.pk), verb="inventory.register")
    client = browser(bank.auditor)
    assert "Waits for its place" in client.get(f"/timeline/{event.pk}/").content.decode()
    answer = client.get(f"/api/v1/events/{event.pk}/receipt/")
    assert (answer.status_code, "waits for its place in the log" in answer.content.decode()) == (409, True)


def test_a_signature_shows_its_receipt_as_soon_as_the_log_holds_it(
    log_connection: Any, own_database: str, tmp_path: Path
) -> None:
    cast = Cast()
    request = making.approved(cast).request
    client = browser(cast.officer)
    address, api = request.get_absolute_url(), f"/api/v1/requests/{request.pk}/"
    assert "Waits for its place in the log" in client.get(address).content.decode()
    assert [vote["receipt"] for vote in client.get(api).json()["votes"]] == ["", ""]
    signed(log_connection)
    assert client.get(address).content.decode().count(" Receipt<span") == 2
    for vote in client.get(api).json()["votes"]:
        assert client.get(vote["receipt"]).content.startswith(b"c2sp.org/tlog-proof@v1\n")
