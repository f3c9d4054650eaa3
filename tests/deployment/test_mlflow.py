"""The whole way to a real MLflow server: approved bytes, read back, scored, replaced and rolled back; nothing else."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Revision, Target
from mrm.deployment.services.target import connect
from mrm.inventory.models import Model
from mrm.jobs.models import Job
from mrm.jobs.runner import run_next
from tests.connectors.mlflow_server import USER, MlflowServer
from tests.connectors.servers import free_port
from tests.factories.access import SETUP, Cast
from tests.factories.approved import FEATURES, a_model, a_validated, an_approved, onnx
from tests.factories.release import released

pytestmark = pytest.mark.xdist_group("mlflow")
ROWS = [[0.3, -0.7], [-1.0, 0.25], [0.0, 0.9]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    running = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def model(cast: Cast) -> Model:
    return a_model(cast)


def place_of(cast: Cast, server: MlflowServer, patch: pytest.MonkeyPatch, **more: str) -> Target:
    patch.setenv("MRM_SECRET_REGISTRY", server.password)
    config = {"base_url": server.url, "username": USER, "password_secret": "registry", **more}
    return services.add_target(
        key="registry", name="Registry", connector_id="mlflow", environment="production", unit=cast.bank,
        config=config, actor=SETUP,
    )  # fmt: skip


@pytest.fixture
def registry(cast: Cast, server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The registry alone, without a scoring server."""
    return place_of(cast, server, monkeypatch)


def work() -> None:
    """Everything that waits is done now, without its pauses; once."""
    Job.objects.filter(state="queued").update(not_before=timezone.now())
    while run_next():
        pass


def settled(revision: Revision) -> Revision:
    revision.refresh_from_db()
    jobs = Job.objects.filter(subject_id=str(revision.pk)).values_list("state", "error")
    assert revision.status == "applied", (revision.error, list(jobs))
    return revision


def local(seed: int) -> list[float]:
    """What the approved bytes answer here, by the runtime itself and without our code."""
    session = onnxruntime.InferenceSession(onnx(seed))
    name = session.get_inputs()[0].name
    probabilities: list[float] = session.run(None, {name: np.array(ROWS, dtype="float32")})[1][:, 1].tolist()
    return probabilities


def answered(deployment: Deployment) -> list[float]:
    """What the backend answers, through the connector."""
    tensors = [
        {"name": name, "datatype": "FP32", "shape": [len(ROWS)], "data": [row[at] for row in ROWS]}
        for at, name in enumerate(FEATURES)
    ]
    answer = connect(deployment.target).predict(deployment.endpoint, None, {"inputs": tensors}, timeout=10)
    found = next(output for output in answer["outputs"] if output["name"] == "probabilities")
    probabilities: list[float] = np.array(found["data"]).reshape(found["shape"])[:, 1].tolist()
    return probabilities


def bytes_there(server: MlflowServer, endpoint: str) -> bytes:
    """The model file behind the alias, fetched by the server's own interface."""
    where = f"mlflow/registered-models/alias?name={endpoint}&alias=champion"
    source = server.call("GET", where).json()["model_version"]["source"].removeprefix("mlflow-artifacts:/")
    return server.call("GET", f"mlflow-artifacts/artifacts/{source}/model.onnx").content


def registered(server: MlflowServer, endpoint: str) -> list[str]:
    found = server.call("GET", "mlflow/model-versions/search", params={"filter": f"name='{endpoint}'"}).json()
    return sorted(entry["version"] for entry in found.get("model_versions", []))


def timeline(cast: Cast, model: Model) -> str:
    client = Client()
    client.force_login(cast.auditor, backend="mrm.project.signin.AccountBackend")
    return client.get(reverse("inventory:timeline", args=[model.pk])).content.decode()


@pytest.fixture
def scored(
    cast: Cast, model: Model, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Deployment, str]]:
    """An endpoint whose scoring server has an address but does not run yet."""
    url = f"http://127.0.0.1:{free_port()}"
    target = place_of(cast, server, monkeypatch, scoring_url=url)
    yield services.create(model, target=target, endpoint="scored", actor=cast.deployer), url
    server.serve_no_more()


def test_from_the_first_version_to_the_second_and_back(
    cast: Cast, model: Model, server: MlflowServer, scored: tuple[Deployment, str], tmp_path: Path
) -> None:
    deployment, url = scored
    first = an_approved(cast, model, tmp_path)
    one = released(cast, services.deploy(deployment, version=first, actor=cast.deployer))
    work()
    waiting = Job.objects.get(kind="deployment.reconcile")
    assert (waiting.state, one.status) == ("queued", "pending")
    assert waiting.error.startswith("Registry did not do it yet: ")

    server.serve("scored@champion", url)
    work()
    settled(one)
    assert registered(server, "scored") == ["1"]  # the second attempt pushed nothing twice
    assert one.verification["digest"] == first.artifact_id
    assert hashlib.sha256(bytes_there(server, "scored")).hexdigest() == first.artifact_id
    assert one.verification["probe"]["done"] is True
    assert answered(deployment) == pytest.approx(local(1), abs=1e-6)

    second = an_approved(cast, model, tmp_path, label="2.0.0", seed=2)
    two = released(cast, services.deploy(deployment, version=second, actor=cast.deployer))
    work()
    late = Job.objects.get(subject_id=str(two.pk))
    assert late.state == "queued"  # the scoring server still answers from the first version
    assert "Its scoring server loads a model when it starts: start it again." in late.error
    restart(server, url)
    work()
    settled(two)
    assert hashlib.sha256(bytes_there(server, "scored")).hexdigest() == second.artifact_id
    assert answered(deployment) == pytest.approx(local(2), abs=1e-6)
    assert local(2) != pytest.approx(local(1), abs=1e-3)

    back = released(cast, services.roll_back(deployment, number=1, actor=cast.deployer, reason="Worse than hoped"))
    restart_after_push(server, url)
    settled(back)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (back.number, back.restores, first.status, second.status) == (3, 1, "active", "superseded")
    assert hashlib.sha256(bytes_there(server, "scored")).hexdigest() == first.artifact_id
    assert answered(deployment) == pytest.approx(local(1), abs=1e-6)
    assert registered(server, "scored") == ["1", "2"]
    told(cast, model, first.artifact_id)


def restart(server: MlflowServer, url: str) -> None:
    server.serve_no_more()
    server.serve("scored@champion", url)


def restart_after_push(server: MlflowServer, url: str) -> None:
    work()
    restart(server, url)
    work()


def told(cast: Cast, model: Model, digest: str | None) -> None:
    """The trail holds each step once, and the timeline of the model tells them."""
    assert digest is not None
    verbs = ("deployment.deploy", "deployment.verify", "deployment.roll_back")
    seen = Event.objects.filter(verb__in=verbs, outcome="done").order_by("position").values_list("verb", flat=True)
    assert list(seen) == [
        "deployment.deploy", "deployment.verify", "deployment.deploy", "deployment.verify",
        "deployment.roll_back", "deployment.verify",
    ]  # fmt: skip
    page = timeline(cast, model)
    for sentence in (
        "asked to deploy Credit decision 1.0.0 to Registry",
        "asked to deploy Credit decision 2.0.0 to Registry",
        "asked to roll back Registry to Credit decision 1.0.0",
        f"verified revision 3 of Credit decision at Registry: digest {digest[:12]}… read back",
    ):
        assert sentence in page


def test_without_a_valid_approval_nothing_reaches_the_registry(
    cast: Cast, model: Model, registry: Target, server: MlflowServer, tmp_path: Path
) -> None:
    deployment = services.create(model, target=registry, endpoint="unapproved", actor=cast.deployer)
    version = a_validated(cast, model, tmp_path)
    with pytest.raises(Refused, match=r"1\.0\.0 may not be deployed\. Credit decision 1\.0\.0 has no valid approval\."):
        services.deploy(deployment, version=version, actor=cast.deployer)
    work()
    assert registered(server, "unapproved") == []
    assert not Revision.objects.exists()
    refused = Event.objects.get(verb="deployment.deploy")
    assert (refused.outcome, refused.object_id) == ("refused", str(model.pk))


def test_another_digest_than_the_approved_cannot_be_put_in_its_place(
    cast: Cast, model: Model, registry: Target, server: MlflowServer, tmp_path: Path
) -> None:
    """Approved are the bytes, not the name: what a revision wants is never changed, and the approved bytes are sent."""
    deployment = services.create(model, target=registry, endpoint="other-digest", actor=cast.deployer)
    version = an_approved(cast, model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    other = blobs.put_bytes(onnx(2)).sha256
    opened = recorded("deployment.deploy", actor=SETUP, subject=revision)
    with pytest.raises(DatabaseError, match="is never changed"), transaction.atomic(), opened:
        Revision.objects.filter(pk=revision.pk).update(artifact_sha256=other)
    revision.refresh_from_db()
    assert revision.artifact_sha256 == version.artifact_id


def test_bytes_changed_in_the_storage_never_reach_the_registry(
    cast: Cast, model: Model, registry: Target, server: MlflowServer, storage: Path, tmp_path: Path
) -> None:
    deployment = services.create(model, target=registry, endpoint="tampered", actor=cast.deployer)
    version = an_approved(cast, model, tmp_path)
    digest = str(version.artifact_id)
    kept = storage / "blobs" / "sha256" / digest[:2] / digest
    kept.write_bytes(onnx(2))
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    revision.refresh_from_db()
    assert (revision.status, registered(server, "tampered")) == ("failed", [])
    assert "they were changed in the storage" in revision.error


def test_bytes_changed_at_the_registry_are_seen_as_a_difference(
    cast: Cast, model: Model, registry: Target, server: MlflowServer, tmp_path: Path
) -> None:
    deployment = services.create(model, target=registry, endpoint="changed-there", actor=cast.deployer)
    version = an_approved(cast, model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    assert settled(revision).verification["probe"] == {
        "done": False, "why": "This place does not answer predictions to us.",
    }  # fmt: skip
    where = "mlflow/registered-models/alias?name=changed-there&alias=champion"
    source = server.call("GET", where).json()["model_version"]["source"].removeprefix("mlflow-artifacts:/")
    server.call("PUT", f"mlflow-artifacts/artifacts/{source}/model.onnx", content=onnx(2))
    services.refresh(deployment, actor=cast.deployer)
    work()
    deployment.refresh_from_db()
    assert (deployment.sync, deployment.health) == ("drifted", "degraded")
    approved = str(version.artifact_id)[:12]
    assert any(f"approved is {approved}" in line["sentence"] for line in deployment.drift), json.dumps(deployment.drift)


def test_a_registry_with_another_password_says_so_and_nothing_is_pushed(
    cast: Cast, model: Model, registry: Target, server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = services.create(model, target=registry, endpoint="locked", actor=cast.deployer)
    version = an_approved(cast, model, tmp_path)
    monkeypatch.setenv("MRM_SECRET_REGISTRY", "not the password")
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    for _ in range(5):
        work()
    revision.refresh_from_db()
    assert revision.status == "failed"
    assert "MLflow did not accept" in revision.error
    assert httpx.get(f"{server.url}/health", timeout=5).is_success
    assert registered(server, "locked") == []
