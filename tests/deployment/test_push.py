"""Only what is approved is pushed, byte for byte; it is read back, and rolled back."""

import datetime as dt
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from mrm.approval import services as approval
from mrm.approval.models import Approval, Condition
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Revision, Target
from mrm.deployment.services.reconcile import reconcile
from mrm.inventory.models import Model, Version
from mrm.jobs.kinds import Later
from mrm.jobs.models import Job
from mrm.jobs.runner import run_next
from tests.connectors.receiver import Receiver, shared_secret
from tests.deployment.conftest import Gateway
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, a_validated, an_approved
from tests.factories.release import released, taken_out


@pytest.fixture
def model(cast: Cast) -> Model:
    return a_model(cast)


@pytest.fixture
def deployment(cast: Cast, model: Model, place: Target) -> Deployment:
    return services.create(model, target=place, endpoint="credit", actor=cast.deployer)


def work() -> None:
    while run_next():
        pass


def applied(deployment: Deployment, version: Version, cast: Cast) -> Revision:
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    revision.refresh_from_db()
    assert revision.status == "applied", revision.error
    return revision


def served(gateway: Gateway) -> dict[str, object]:
    body = {
        "inputs": [{"name": name, "shape": [1, 1], "datatype": "FP32", "data": [0.3]} for name in ("income", "debt")]
    }
    answer: dict[str, object] = httpx.post(f"{gateway.address}/v2/models/credit/infer", json=body, timeout=5).json()
    return answer


def test_an_approved_version_is_pushed_and_verified(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    revision = applied(deployment, version, cast)
    assert revision.verification["digest"] == version.artifact_id
    assert revision.verification["probe"]["done"] is True
    assert revision.verification["probe"]["largest_difference"] < 1e-5
    deployment.refresh_from_db()
    model.refresh_from_db()
    version.refresh_from_db()
    assert (deployment.sync, deployment.health) == ("in_sync", "healthy")
    assert (model.lifecycle, version.status) == ("in production", "active")
    assert served(gateway)["model_version"] == "1.0.0"
    assert Event.objects.filter(verb="deployment.verify", outcome="done").count() == 1


def test_an_unapproved_version_is_refused_and_the_refusal_recorded(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    version = a_validated(cast, model, tmp_path)
    with pytest.raises(Refused, match=r"has no valid approval"):
        services.deploy(deployment, version=version, actor=cast.deployer)
    assert Event.objects.get(verb="deployment.deploy").outcome == "refused"
    assert not Revision.objects.exists()


def test_the_developer_does_not_deploy(cast: Cast, model: Model, deployment: Deployment, tmp_path: Path) -> None:
    version = an_approved(cast, model, tmp_path)
    with pytest.raises(Forbidden, match="This is done by a deployer"):
        services.deploy(deployment, version=version, actor=cast.developer)


def test_a_withdrawal_between_wish_and_push_stops_the_push(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    approval.withdraw(Approval.objects.get(version=version), actor=cast.officer, reason="Found a fault")
    work()
    revision.refresh_from_db()
    assert revision.status == "failed"
    assert "has no valid approval" in revision.error
    assert httpx.get(f"{gateway.address}/v2/models/credit", timeout=5).status_code == 404


def test_an_overdue_condition_closes_the_gate(cast: Cast, model: Model, deployment: Deployment, tmp_path: Path) -> None:
    version = an_approved(cast, model, tmp_path)
    condition = Condition.objects.first()
    assert condition is not None
    with recorded("approval.meet_condition", actor=SETUP, subject=condition):
        Condition.objects.filter(pk=condition.pk).update(due=timezone.localdate() - dt.timedelta(days=1))
    with pytest.raises(Refused, match="is not met"):
        services.deploy(deployment, version=version, actor=cast.deployer)


def test_bytes_changed_in_the_storage_are_never_pushed(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, storage: Path, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    digest = str(version.artifact_id)
    kept = storage / "blobs" / "sha256" / digest[:2] / digest
    kept.write_bytes(kept.read_bytes()[:-1] + b"!")
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    revision.refresh_from_db()
    assert (revision.status, "changed in the storage" in revision.error) == ("failed", True)
    assert httpx.get(f"{gateway.address}/v2/models/credit", timeout=5).status_code == 404


def test_a_second_version_and_the_way_back(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    first = an_approved(cast, model, tmp_path)
    applied(deployment, first, cast)
    before = served(gateway)
    second = an_approved(cast, model, tmp_path, label="2.0.0", seed=2)
    applied(deployment, second, cast)
    assert served(gateway)["model_version"] == "2.0.0"
    back = released(cast, services.roll_back(deployment, number=1, actor=cast.deployer, reason="Worse than hoped"))
    work()
    back.refresh_from_db()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (back.number, back.restores, back.status) == (3, 1, "applied")
    assert (first.status, second.status) == ("active", "superseded")
    assert served(gateway)["outputs"] == before["outputs"]


def test_a_rollback_needs_a_reason_and_something_that_ran(
    cast: Cast, model: Model, deployment: Deployment, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="needs its reason"):
        services.roll_back(deployment, number=1, actor=cast.deployer, reason=" ")
    with pytest.raises(Refused, match="Revision 7 was never verified"):
        services.roll_back(deployment, number=7, actor=cast.deployer, reason="why not")


def test_taken_out_it_answers_no_more(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    applied(deployment, version, cast)
    taken_out(cast, deployment, reason="Replaced by hand")
    work()
    model.refresh_from_db()
    assert httpx.get(f"{gateway.address}/v2/models/credit", timeout=5).status_code == 404
    assert model.lifecycle == "approved"


def test_a_dead_backend_is_tried_again_and_then_said(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    gateway.stop()
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    job = Job.objects.get(kind="deployment.reconcile")
    assert (job.state, job.attempts) == ("queued", 1)
    for _ in range(job.most_attempts):
        Job.objects.update(not_before=timezone.now())
        work()
    revision.refresh_from_db()
    assert revision.status == "failed"
    assert "It was tried 5 times." in revision.error


def test_a_push_interrupted_before_it_was_recorded_converges(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    """The worker dies after the push: the next attempt finds it done and pushes nothing twice."""
    version = an_approved(cast, model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))

    def killed_before_recording(stage: str, done: int = 0, total: int = 0) -> None:
        if stage == "Scoring the golden rows":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconcile(str(revision.pk), killed_before_recording)
    stages: list[str] = []
    reconcile(str(revision.pk), lambda stage, done=0, total=0: stages.append(stage))
    revision.refresh_from_db()
    assert revision.status == "applied"
    assert "Pushing" not in stages


def test_a_stop_does_not_wait_for_a_slow_place(
    cast: Cast, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRM_SECRET_HOOK", "k" * 40)
    version = an_approved(cast, model, tmp_path)
    with Receiver(shared_secret("k" * 40), slow=True) as receiver:
        place = services.add_target(
            key="hook", name="Hook", connector_id="webhook", environment="production", unit=cast.bank,
            config={"base_url": receiver.url, "signing_secret": "hook"}, actor=SETUP,
        )  # fmt: skip
        deployment = services.create(model, target=place, endpoint="credit", actor=cast.deployer)
        revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
        stops = [lambda: taken_out(cast, deployment, "It was the wrong one.")]
        monkeypatch.setattr(
            "mrm.deployment.services.reconcile.time.sleep", lambda _seconds: stops.pop()() if stops else None
        )
        with pytest.raises(Later, match="Something else is wanted there by now"):
            reconcile(str(revision.pk), lambda *_: None)
        work()
    tried = revision.operations.get()
    assert (tried.status, revision.deployment.revisions.first().status) == ("unknown", "applied")  # type: ignore[union-attr]
    assert receiver.states == {}


def test_what_somebody_changed_at_the_place_is_seen(
    cast: Cast, model: Model, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    version = an_approved(cast, model, tmp_path)
    applied(deployment, version, cast)
    answer = httpx.delete(
        f"{gateway.address}/control/endpoints/credit", headers={"Authorization": f"Bearer {gateway.token}"}, timeout=5
    )
    assert answer.is_success, answer.text
    services.refresh(deployment, actor=cast.deployer)
    work()
    deployment.refresh_from_db()
    assert (deployment.sync, deployment.health) == ("drifted", "down")
    assert [(line["kind"], line["sentence"]) for line in deployment.drift] == [
        ("missing", "Wanted is version 1.0.0; the place serves nothing.")
    ]


def test_whoever_signed_does_not_deploy(cast: Cast, model: Model, deployment: Deployment, tmp_path: Path) -> None:
    from mrm.deployment.policies import not_a_signer

    version = an_approved(cast, model, tmp_path)
    votes = Approval.objects.get(version=version).request.votes.all()
    signers = [str(vote.person_id) for vote in votes]
    assert (
        not_a_signer(str(cast.officer.person_id), signers) == "You signed for this version; somebody else deploys it."
    )
    assert not_a_signer(str(cast.deployer.person_id), signers) is None


def test_the_artifact_stays_readable_by_its_digest(cast: Cast, model: Model, tmp_path: Path) -> None:
    version = an_approved(cast, model, tmp_path)
    assert blobs.fetch(str(version.artifact_id), tmp_path).stat().st_size == version.artifact.size  # type: ignore[union-attr]
