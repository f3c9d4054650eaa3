"""What places hold is listed and matched, and what nobody registered or approved is found: against the real gateway."""

import dataclasses
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from mrm.access.models import Account
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.connectors.folder import FolderConnector
from mrm.connectors.protocol import Unsupported
from mrm.core.refusal import Forbidden, Refused
from mrm.deployment import services as deployment
from mrm.deployment.models import Target
from mrm.discovery import services
from mrm.discovery.models import Listing, ShadowFinding, Sighting
from mrm.discovery.policies import Candidate, How, guess, plain
from mrm.jobs.models import Job
from tests.factories import discovery
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_draft, a_model, an_approved, onnx
from tests.gateway.models import matrix
from tests.gateway.process import GatewayProcess, variant

pytestmark = pytest.mark.django_db


@dataclasses.dataclass(frozen=True)
class Bytes:
    """A version's bytes as the gateway is given them behind the system's back."""

    content: bytes
    digest: str


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    process = GatewayProcess(tmp_path / "gateway").start()
    yield process
    process.stop()


@pytest.fixture
def engine(cast: Cast, gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("MRM_SECRET_GATEWAY", gateway.token)
    return deployment.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": gateway.url, "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip


def listed(target: Target) -> int:
    """As the worker does it; the next pages of a real place."""
    return services.list_place(str(target.pk), lambda *_: None)


def serve(gateway: GatewayProcess, name: str, trained: Any, label: str, revision: int = 1) -> None:
    gateway.upload(trained)
    answer = gateway.apply(name, variant(trained, label), revision=revision)
    assert answer.is_success, answer.text


def test_what_nobody_registered_is_found_and_closed_when_it_is_over(
    cast: Cast, engine: Target, gateway: GatewayProcess
) -> None:
    serve(gateway, "rogue", matrix(1), "9")
    assert listed(engine) == 1
    (found,) = ShadowFinding.objects.all()
    assert found.cause == "unregistered"
    assert found.sentence == "rogue 9 answers at Engine, and the inventory knows of no such model version."
    assert (found.sighting.serving, found.sighting.digest) == (True, matrix(1).digest)
    assert Event.objects.filter(verb="discovery.open_finding", object_id=str(found.sighting.pk)).count() == 1

    with pytest.raises(Refused, match="This is still so: say which approved version it is"):
        services.close_finding(found, resolution="Seen.", actor=fresh(cast.officer))
    facts = {"status": "closed", "resolution": "Seen.", "closed_by": cast.officer, "closed_at": timezone.now()}
    with (
        pytest.raises(DatabaseError, match="what this finding found is still so"),
        transaction.atomic(),
        recorded("discovery.close_finding", actor=cast.officer, subject=found),
    ):
        ShadowFinding.objects.update(**facts)
    events = Event.objects.count()
    listed(engine)  # nothing is new
    assert (Event.objects.count(), ShadowFinding.objects.count()) == (events, 1)

    assert gateway.call("DELETE", "/control/endpoints/rogue").status_code < 300
    listed(engine)
    gone = Sighting.objects.get()
    assert gone.gone_at is not None
    assert not gone.serving
    with pytest.raises(Forbidden):
        services.close_finding(found, resolution="Taken out.", actor=fresh(cast.deployer))
    closed = services.close_finding(found, resolution="Taken out.", actor=fresh(cast.officer))
    assert (closed.status, closed.closed_by) == ("closed", cast.officer)

    serve(gateway, "rogue", matrix(1), "9", revision=2)
    listed(engine)  # it comes back, and is a finding anew
    assert ShadowFinding.objects.filter(status="open").count() == 1
    assert Sighting.objects.get().gone_at is None


def test_the_same_bytes_are_known_whatever_their_name(
    cast: Cast, engine: Target, gateway: GatewayProcess, tmp_path: Path
) -> None:
    model = a_model(cast)
    approved = an_approved(cast, model, tmp_path)
    draft = a_draft(cast, model, tmp_path, "2.0.0", seed=2)
    serve(gateway, "copied", Bytes(onnx(1), approved.artifact.sha256), "x")
    serve(gateway, "too-early", Bytes(onnx(2), draft.artifact.sha256), "y")
    listed(engine)
    assert {(each.name, each.status, each.version, each.how) for each in Sighting.objects.all()} == {
        ("copied", "matched", approved, "digest"),
        ("too-early", "matched", draft, "digest"),
    }
    (found,) = ShadowFinding.objects.all()  # registered, and not approved: that serves all the same
    assert (found.cause, found.sighting.name) == ("unapproved", "too-early")
    assert "which is draft, not approved." in found.sentence


def test_a_name_is_no_proof_and_a_maker_is_no_judge(
    cast: Cast, engine: Target, gateway: GatewayProcess, tmp_path: Path
) -> None:
    approved = an_approved(cast, a_model(cast), tmp_path)
    serve(gateway, "credit-decision", matrix(5), "1.0.0")
    listed(engine)
    seen = Sighting.objects.get()
    assert (seen.status, seen.version, seen.how) == ("proposed", approved, "name")
    assert ShadowFinding.objects.get().cause == "unregistered"
    for somebody in (cast.developer, cast.owner, cast.deployer, cast.outsider, cast.auditor):
        with pytest.raises(Forbidden):
            services.confirm(seen, version=approved, actor=fresh(somebody))
    with (
        pytest.raises(DatabaseError, match="whoever made a model does not say what runs under its name"),
        transaction.atomic(),
        recorded("discovery.confirm", actor=cast.developer, subject=seen),
    ):
        Sighting.objects.update(status="matched", how="person", settled_by=cast.developer, version=approved)

    settled = services.confirm(seen, version=approved, reason="Built on another day.", actor=fresh(cast.officer))
    assert (settled.status, settled.how, settled.settled_by) == ("matched", "person", cast.officer)
    services.close_finding(ShadowFinding.objects.get(), resolution="It is 1.0.0.", actor=fresh(cast.officer))

    serve(gateway, "credit-decision", matrix(6), "1.0.0", revision=2)  # other bytes under the same name
    listed(engine)
    seen.refresh_from_db()
    assert (seen.status, seen.settled_by, seen.digest) == ("proposed", None, matrix(6).digest)
    assert ShadowFinding.objects.filter(status="open").count() == 1
    with pytest.raises(Refused, match="Say why this is no model"):
        services.dismiss(seen, reason=" ", actor=fresh(cast.officer))
    services.dismiss(seen, reason="A test of the network.", actor=fresh(cast.officer))
    services.close_finding(ShadowFinding.objects.get(status="open"), resolution="No model.", actor=fresh(cast.officer))


def page(account: Account, address: str, **sent: Any) -> Any:
    client = Client()
    client.force_login(fresh(account), backend="mrm.project.signin.AccountBackend")
    return client.post(address, sent) if sent else client.get(address)


def test_pages_and_api_say_what_was_found_and_take_what_people_say(cast: Cast, engine: Target, tmp_path: Path) -> None:
    approved = an_approved(cast, a_model(cast), tmp_path)
    rogue, named = discovery.seen(engine, ("Pilot", "3"), ("Credit decision", "1.0.0"))
    assert "2 models serve that nobody" in page(cast.officer, "/").content.decode()
    listed = page(cast.officer, "/found/").content.decode()
    assert "Credit decision 1.0.0" in listed
    assert "Pilot 3" in page(cast.officer, "/found/?show=all").content.decode()
    shown = page(cast.officer, named.get_absolute_url()).content.decode()
    assert f'href="{approved.get_absolute_url()}"' in shown
    assert "a version of a unit that you do not see" not in shown
    assert page(cast.outsider, named.get_absolute_url()).status_code == 404
    assert "This is done by a" in page(cast.deployer, named.get_absolute_url()).content.decode()
    assert page(cast.officer, f"/found/{named.pk}/confirm/", version=str(uuid4())).status_code == 422
    assert page(cast.officer, f"/found/{named.pk}/confirm/", version=str(approved.pk)).status_code == 302
    named.refresh_from_db()
    assert (named.status, named.version) == ("matched", approved)

    api = APIClient()
    api.force_authenticate(fresh(cast.officer))
    assert api.get("/api/v1/sightings/?show=magic").status_code == 400
    (told,) = (each for each in api.get("/api/v1/sightings/").json()["results"] if each["id"] == str(named.pk))
    assert (told["version"], told["how"], told["settled_by"]) == (str(approved.pk), "person", cast.officer.username)
    assert api.post(f"/api/v1/sightings/{rogue.pk}/dismiss/", {"reason": "A probe."}).json()["status"] == "dismissed"
    for each in api.get("/api/v1/shadow-findings/").json()["results"]:
        closed = api.post(f"/api/v1/shadow-findings/{each['id']}/close/", {"resolution": "Said."})
        assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert api.post(f"/api/v1/targets/{engine.pk}/list/").status_code == 202
    assert Job.objects.filter(kind="discovery.list").count() == 1


def test_an_interrupted_listing_goes_on_and_loses_nothing(engine: Target, gateway: GatewayProcess) -> None:
    model = matrix(1)
    gateway.upload(model)
    for number in range(205):  # three pages
        assert gateway.apply(f"e-{number:03d}", variant(model, "1")).is_success

    def killed(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt  # as a worker that is told to stop

    with pytest.raises(KeyboardInterrupt):
        services.list_place(str(engine.pk), killed)
    assert (Listing.objects.get().cursor, Sighting.objects.count()) == ("e-099", 200)
    assert listed(engine) == 105  # from the page on whose end was not written down
    listing = Listing.objects.get()
    assert (listing.number, listing.cursor, Sighting.objects.count()) == (1, "", 205)
    assert not Sighting.objects.exclude(gone_at=None).exists()

    gateway.stop()
    with pytest.raises(Refused):
        listed(engine)
    assert Listing.objects.get().error
    assert not Sighting.objects.exclude(gone_at=None).exists()  # a place that is silent has not lost its models


def test_every_place_that_can_is_asked_at_night(
    cast: Cast, engine: Target, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CONNECTOR_FOLDERS = [str(tmp_path)]
    (tmp_path / "share" / "credit" / "1.2").mkdir(parents=True)
    (tmp_path / "share" / "credit" / "1.2" / "model.onnx").write_bytes(matrix(3).content)
    (tmp_path / "share" / "notes.txt").write_text("no model")
    (tmp_path / "share" / "away.onnx").symlink_to("/etc/hostname")
    share = deployment.add_target(
        key="share", name="Share", connector_id="folder", environment="test", unit=cast.bank,
        config={"folder": str(tmp_path / "share")}, actor=SETUP,
    )  # fmt: skip
    monkeypatch.setenv("MRM_SECRET_HOOK", "k" * 40)
    deployment.add_target(
        key="hook", name="Hook", connector_id="webhook", environment="test", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "signing_secret": "hook"}, actor=SETUP,
    )  # fmt: skip
    assert services.ask_for_listings() == 2
    assert set(Job.objects.filter(kind="discovery.list").values_list("subject_id", flat=True)) == {
        str(engine.pk), str(share.pk),
    }  # fmt: skip
    assert listed(share) == 1
    seen = Sighting.objects.get(target=share)
    assert (seen.name, seen.label, seen.digest, seen.serving) == ("credit", "1.2", matrix(3).digest, False)
    assert not ShadowFinding.objects.exists()  # a file in a folder decides nothing
    with pytest.raises(Refused, match="Share lists what it holds; nothing is served there"):
        deployment.create(a_model(cast), target=share, endpoint="credit", actor=fresh(cast.deployer))


def test_a_folder_is_only_read(tmp_path: Path) -> None:
    folder: Any = FolderConnector({"folder": str(tmp_path)}, {}, None)  # type: ignore[arg-type]
    for call in (
        lambda: folder.apply(None, op=None), lambda: folder.delete("e", op=None), lambda: folder.poll("h"),
        lambda: folder.observe("e"), lambda: folder.predict("e", None, {}, timeout=1),
    ):  # fmt: skip
        with pytest.raises(Unsupported, match=r"it is a folder|the folder is read only"):
            call()


CANDIDATES = [
    Candidate(uuid4(), "Crédit decision", "2", "a" * 64),
    Candidate(uuid4(), "Credit-Decision", "1", "b" * 64, ("arn:1",)),
    Candidate(uuid4(), "Other", "1", "a" * 64),
]


def test_bytes_then_source_then_name() -> None:
    same = guess("anything", "1", "a" * 64, "arn:1", CANDIDATES)
    assert same is not None
    assert (same.key, same.how, same.certain) == (CANDIDATES[2].key, How.DIGEST, True)
    known = guess("anything", "1", "c" * 64, "arn:1", CANDIDATES)
    assert known is not None
    assert (known.key, known.how, known.certain) == (CANDIDATES[1].key, How.SOURCE, False)
    named = guess("credit_decision", "2", None, "", CANDIDATES)
    assert named is not None
    assert (named.key, named.how, named.certain) == (CANDIDATES[0].key, How.NAME, False)
    assert guess("credit decision", "3", None, "", CANDIDATES) is None


@given(st.text(), st.text(), st.text())
def test_names_that_mean_nothing_match_nothing(name: str, label: str, source: str) -> None:
    found = guess(name, label, None, source, [Candidate(uuid4(), "", "", "")])
    assert found is None or plain(name) == plain(label) == ""
