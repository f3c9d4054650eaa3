"""What is done to a place behind our back, to an approval in mid-rollout, and by clocks: nothing unapproved goes on."""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.approval.services.ending import CLOCK, resume
from mrm.core.refusal import Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Incident, Revision, Target
from mrm.deployment.policies import Share
from mrm.deployment.services.looking import look
from mrm.deployment.services.reconcile import reconcile
from mrm.inventory.models import Version
from mrm.jobs.runner import run_next
from mrm.serving import serving_of
from tests.connectors.mlserver_server import MlServer
from tests.deployment.conftest import Gateway, gateway, place
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved, onnx
from tests.factories.release import released

__all__ = ["gateway", "place"]  # the fixtures of the deployments
STACKED = """
import numpy, onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from mlserver.utils import get_model_uri


class OnnxModel(MLModel):
    async def load(self):
        place = await get_model_uri(self.settings)
        self.session = onnxruntime.InferenceSession(place, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        columns = [NumpyCodec.decode_input(tensor) for tensor in payload.inputs]
        found = self.session.run(["probabilities"], {self.session.get_inputs()[0].name: numpy.hstack(columns)})
        outputs = [NumpyCodec.encode_output("probabilities", found[0])]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
"""


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


def work() -> None:
    services.watch()
    while run_next():
        pass


def wanted(cast: Cast, deployment: Deployment, version: Version, **rules: object) -> Revision:
    asked = services.change_traffic(
        deployment, shares=[Share(version, "champion", 10_000)], rules=serving_of(rules), actor=cast.deployer
    )
    return released(cast, asked)


def serving(gateway: Gateway) -> list[str]:
    """The versions that the gateway has loaded at the endpoint."""
    headers = {"Authorization": f"Bearer {gateway.token}"}
    state = httpx.get(f"{gateway.address}/control/endpoints/credit", headers=headers, timeout=5)
    return [each["version"] for each in state.json()["variants"]] if state.is_success else []


def answers(gateway: Gateway) -> int:
    inputs = [{"name": name, "shape": [1], "datatype": "FP32", "data": [0.2]} for name in ("income", "debt")]
    return httpx.post(f"{gateway.address}/v2/models/credit/infer", json={"inputs": inputs}, timeout=5).status_code


def at(stage: str, do: Callable[[], object]) -> Callable[..., None]:
    """Reports of progress that do something when this stage is reached."""

    def progress(told: str, _done: int = 0, _total: int = 0) -> None:
        if told == stage:
            do()

    return progress


def withdrawn(version: Version, cast: Cast) -> Callable[[], object]:
    granted = Approval.objects.get(version=version)
    return lambda: approval.withdraw(granted, reason="Found a fault.", actor=cast.officer)


@pytest.mark.parametrize("before", [False, True], ids=["first version", "second version"])
def test_approval_withdrawn_during_a_rollout(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path, before: bool
) -> None:
    """What was sent by then is taken out again, and what was in force comes back."""
    first = an_approved(cast, deployment.model, tmp_path)
    if before:
        wanted(cast, deployment, first)
        work()
        assert serving(gateway) == ["1.0.0"]
        first = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    revision = wanted(cast, deployment, first)
    with pytest.raises(Refused):
        reconcile(str(revision.pk), at("Looking at what runs", withdrawn(first, cast)))
    work()
    revision.refresh_from_db()
    assert revision.status == "failed"
    assert serving(gateway) == (["1.0.0"] if before else [])
    incident = Incident.objects.get()
    assert (incident.kind, incident.revision) == ("push_failed", revision)
    assert "has no valid approval" in incident.sentence
    assert "What was sent before that was taken out again." in incident.sentence


def test_worker_killed_after_sending_and_the_approval_withdrawn_before_the_next(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    version = an_approved(cast, deployment.model, tmp_path)
    revision = wanted(cast, deployment, version)

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconcile(str(revision.pk), at("Looking at what runs", killed))
    assert serving(gateway) == ["1.0.0"]
    withdrawn(version, cast)()
    work()
    assert serving(gateway) == []
    incident = Incident.objects.get()
    assert (incident.kind, "was taken out again" in incident.sentence) == ("push_failed", True)


def test_clock_of_the_control_plane_runs_ahead(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fall counts whatever the clocks say; that it holds again is believed by the right time only."""
    version = an_approved(cast, deployment.model, tmp_path)
    wanted(cast, deployment, version, on_withdrawn="stop")
    work()
    granted, right = Approval.objects.get(version=version), timezone.now
    with monkeypatch.context() as wrong:
        wrong.setattr(timezone, "now", lambda: right() + dt.timedelta(hours=2))
        approval.suspend(granted, reason="Looked into.", actor=CLOCK)
        work()
        assert answers(gateway) == 503
        resume(granted, actor=CLOCK)
        work()
        assert answers(gateway) == 503, "it is dated ahead of the gateway's clock"
    withdrawn(version, cast)()
    work()
    assert answers(gateway) == 503
    look(str(deployment.pk))
    incident = Incident.objects.get()
    assert (incident.kind, "1.0.0 is suspended. Looked into." in incident.sentence) == ("withdrawn", True)


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlServer]:
    server = MlServer(tmp_path_factory.mktemp("mlserver"))
    (server.root / "stacked.py").write_text(STACKED)
    try:
        yield server.start()
    finally:
        server.stop()


def test_model_swapped_in_memory(cast: Cast, mlserver: MlServer, settings: Any, tmp_path: Path) -> None:
    """Other bytes are loaded and the approved ones put back: only the golden rows tell."""
    settings.CONNECTOR_FOLDERS = [str(mlserver.repository)]
    config = {
        "base_url": mlserver.url, "repository": str(mlserver.repository), "implementations": {"onnx": "stacked.OnnxModel"},
    }  # fmt: skip
    there = services.add_target(
        key="mlserver", name="MLServer", connector_id="oip", environment="production", unit=cast.bank, config=config,
        actor=SETUP,
    )  # fmt: skip
    deployment = services.create(a_model(cast), target=there, endpoint="credit", actor=cast.deployer)
    version = an_approved(cast, deployment.model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    revision.refresh_from_db()
    assert revision.status == "applied", revision.error
    _swap(mlserver, onnx(2))
    look(str(deployment.pk))
    incident = Incident.objects.get()
    assert (incident.kind, incident.severity) == ("behaviour", "critical")
    assert "answers otherwise there than the approved model" in incident.sentence


def _swap(server: MlServer, content: bytes) -> None:
    """Load other bytes under the same name and version, and restore the file."""
    mark = next(server.repository.glob("*/mrm.json"))
    assert json.loads(mark.read_text())["endpoint"] == "credit"
    file = next((mark.parent / "artifact").iterdir())
    kept = shutil.copy(file, server.root / "kept")
    file.write_bytes(content)
    httpx.post(f"{server.url}/v2/repository/models/{mark.parent.name}/load", timeout=20).raise_for_status()
    shutil.copy(kept, file)


def test_weights_changed_by_hand(cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path) -> None:
    """Everything else stays as it was, so there is one incident, and it tells both shares."""
    pair = [
        an_approved(cast, deployment.model, tmp_path, label=label, seed=seed) for seed, label in ((1, "1"), (2, "2"))
    ]
    shares = [Share(pair[0], "champion", 9_000), Share(pair[1], "challenger", 1_000)]
    revision = released(cast, services.change_traffic(deployment, shares=shares, actor=cast.deployer))
    work()
    revision.refresh_from_db()
    assert revision.status == "applied", revision.error
    address, headers = f"{gateway.address}/control/endpoints/credit", {"Authorization": f"Bearer {gateway.token}"}
    state = httpx.get(address, headers=headers, timeout=5).json()
    body = {name: state[name] for name in ("deployment", "revision", "serving")}
    body["variants"] = [{**each, "weight_bp": 5_000} for each in state["variants"]]
    httpx.put(address, json=body, headers=headers, timeout=5).raise_for_status()
    look(str(deployment.pk))
    incident = Incident.objects.get()
    assert incident.sentence.startswith("Version 1 takes 50 % of the traffic there, wanted are 90 %.")
