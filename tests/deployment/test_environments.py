"""The policy of environments: who deploys, when, and what follows a difference."""

import datetime as dt
from pathlib import Path

import httpx
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.deployment import queries, services
from mrm.deployment.models import Deployment, Environment, Incident, Look, Operation, Revision, Target
from mrm.deployment.policies import whole
from mrm.deployment.services.looking import look, look_at_due
from mrm.inventory.models import Model
from mrm.jobs.models import Job
from mrm.jobs.runner import run_next
from tests.deployment.conftest import Gateway
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released, taken_out


@pytest.fixture
def model(cast: Cast) -> Model:
    return a_model(cast)


@pytest.fixture
def deployment(cast: Cast, model: Model, place: Target) -> Deployment:
    return services.create(model, target=place, endpoint="credit", actor=cast.deployer)


@pytest.fixture
def production(place: Target) -> Environment:
    return place.environment


def work() -> None:
    while run_next():
        pass


def running(cast: Cast, deployment: Deployment, folder: Path, label: str = "1.0.0", seed: int = 1) -> Revision:
    version = an_approved(cast, deployment.model, folder, label=label, seed=seed)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    revision.refresh_from_db()
    assert revision.status == "applied", revision.error
    return revision


def under(environment: Environment, cast: Cast, policy: str) -> None:
    services.set_policy(
        environment, drift_policy=policy, look_every=300, named_only=False, reason="Tried.", actor=cast.administrator
    )


def taken_away(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {gateway.token}"}
    httpx.delete(f"{gateway.address}/control/endpoints/credit", headers=headers, timeout=5).raise_for_status()


def test_a_freeze_lets_nothing_new_in_but_the_way_out_stays_open(
    cast: Cast, deployment: Deployment, production: Environment, tmp_path: Path
) -> None:
    first = running(cast, deployment, tmp_path)
    second = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    asked = services.deploy(deployment, version=second, actor=cast.deployer)
    now = timezone.now()
    freeze = services.declare_freeze(
        production, starts_at=now, ends_at=now + dt.timedelta(days=3), reason="Year end.", actor=cast.officer
    )
    with pytest.raises(Refused, match=r"Production is frozen until .* Year end"):
        services.deploy(deployment, version=second, actor=cast.deployer)
    asked = released(cast, asked)
    work()
    asked.refresh_from_db()
    assert (asked.status, "is frozen until" in asked.error) == ("failed", True), "also what was asked for before"
    opened = recorded("deployment.deploy", actor=SETUP, subject=deployment)
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic(), opened:
        Revision.objects.create(
            deployment=deployment, number=9, kind="deploy", version=second, approval=first.approval,
            artifact_sha256=second.artifact_id, requested_by=cast.deployer, status="awaiting", variant_count=1,
        )  # fmt: skip
    taken_out(cast, deployment, reason="Out at once.")
    services.lift_freeze(freeze, reason="Over.", actor=cast.officer)
    assert queries.why_closed(deployment) is None
    with pytest.raises(Refused, match="over already"):
        services.lift_freeze(freeze, reason="Again.", actor=cast.officer)


def test_a_freeze_needs_its_reason_its_role_and_an_end(cast: Cast, production: Environment) -> None:
    now = timezone.now()
    tomorrow = now + dt.timedelta(days=1)
    with pytest.raises(Invalid, match="needs its reason"):
        services.declare_freeze(production, starts_at=now, ends_at=tomorrow, reason=" ", actor=cast.officer)
    with pytest.raises(Invalid, match="ends after it starts"):
        services.declare_freeze(production, starts_at=tomorrow, ends_at=now, reason="x", actor=cast.officer)
    with pytest.raises(Forbidden):
        services.declare_freeze(production, starts_at=now, ends_at=tomorrow, reason="x", actor=cast.deployer)
    with pytest.raises(Forbidden):
        services.set_policy(
            production, drift_policy="report", look_every=300, named_only=False, reason="x", actor=cast.deployer
        )


def test_where_only_named_people_deploy_the_role_is_not_enough(
    cast: Cast, deployment: Deployment, production: Environment, tmp_path: Path
) -> None:
    version = an_approved(cast, deployment.model, tmp_path)
    services.set_policy(
        production, drift_policy="report", look_every=300, named_only=True, reason="Fewer.", actor=cast.administrator
    )
    with pytest.raises(Refused, match="only the people named for it deploy"):
        services.deploy(deployment, version=version, actor=cast.deployer)
    services.name_deployer(production, person=cast.deployer.person, actor=cast.administrator)
    assert services.deploy(deployment, version=version, actor=cast.deployer).number == 1
    services.unname_deployer(production, person=cast.deployer.person, actor=cast.administrator)
    with pytest.raises(Refused, match="is not named"):
        services.unname_deployer(production, person=cast.deployer.person, actor=cast.administrator)


def test_by_default_a_difference_is_an_incident_and_nothing_is_changed(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    running(cast, deployment, tmp_path)
    taken_away(gateway)
    look(str(deployment.pk))
    look(str(deployment.pk))
    incident = Incident.objects.get()
    assert (incident.kind, incident.severity, incident.number) == ("missing", "high", 1)
    assert Event.objects.filter(verb="deployment.open_incident").count() == 1
    assert Event.objects.filter(verb="deployment.observe").count() == 1, "what the last look found is not told again"
    assert httpx.get(f"{gateway.address}/v2/models/credit", timeout=5).status_code == 404
    with pytest.raises(Refused, match="still seen there"):
        services.close_incident(incident, resolution="Fine.", actor=cast.officer)
    with pytest.raises(Forbidden):
        services.close_incident(incident, resolution="Fine.", actor=cast.deployer)
    services.explain_incident(incident, cause="Removed by hand in a test.", actor=cast.deployer)


def test_a_place_that_freezes_is_closed_until_the_incident_is(
    cast: Cast, deployment: Deployment, production: Environment, gateway: Gateway, tmp_path: Path
) -> None:
    under(production, cast, "freeze")
    first = running(cast, deployment, tmp_path)
    taken_away(gateway)
    look(str(deployment.pk))
    assert first.version is not None
    with pytest.raises(Refused, match="Incident 1 is open here"):
        services.deploy(deployment, version=first.version, actor=cast.deployer)
    back = services.roll_back(deployment, number=1, actor=cast.deployer, reason="It must serve.", emergency=True)
    work()
    back.refresh_from_db()
    assert back.status == "applied", back.error
    review = Incident.objects.get(kind="emergency")
    with pytest.raises(Forbidden):
        services.close_incident(review, resolution="I was right.", actor=cast.deployer)
    services.close_incident(review, resolution="Right to do.", actor=cast.officer)
    services.close_incident(Incident.objects.get(kind="missing"), resolution="Back.", actor=cast.officer)
    assert queries.why_closed(deployment) is None


def test_a_place_that_heals_is_brought_right_three_times_an_hour_at_most(
    cast: Cast, deployment: Deployment, production: Environment, gateway: Gateway, tmp_path: Path
) -> None:
    under(production, cast, "heal")
    revision = running(cast, deployment, tmp_path)
    for _ in range(4):
        taken_away(gateway)
        look(str(deployment.pk))
        work()
    deployment.refresh_from_db()
    heals = Operation.objects.filter(revision=revision, purpose="heal", status="done")
    assert (heals.count(), deployment.sync) == (3, "drifted")
    assert Incident.objects.count() == 1


def test_what_may_run_no_longer_is_not_healed(
    cast: Cast, deployment: Deployment, production: Environment, gateway: Gateway, tmp_path: Path
) -> None:
    under(production, cast, "heal")
    revision = running(cast, deployment, tmp_path)
    approval.withdraw(Approval.objects.get(version=revision.version), actor=cast.officer, reason="Found a fault")
    taken_away(gateway)
    look(str(deployment.pk))
    work()
    assert set(Incident.objects.values_list("kind", flat=True)) == {"missing", "withdrawn"}
    assert not Operation.objects.filter(purpose="heal").exists()


def test_a_fail_over_goes_back_to_what_ran_before_and_is_reviewed(
    cast: Cast, deployment: Deployment, production: Environment, gateway: Gateway, tmp_path: Path
) -> None:
    under(production, cast, "failover")
    running(cast, deployment, tmp_path)
    second = running(cast, deployment, tmp_path, label="2.0.0", seed=2)
    approval.withdraw(Approval.objects.get(version=second.version), actor=cast.officer, reason="Found a fault")
    look(str(deployment.pk))
    work()
    back = deployment.revisions.first()
    assert back is not None
    assert (back.number, back.restores, back.emergency, back.status) == (3, 1, True, "applied"), back.error
    event = Event.objects.get(verb="deployment.fail_over")
    assert event.actor_name == "system:deployment"
    assert Incident.objects.filter(kind="emergency", status="open").count() == 1
    look(str(deployment.pk))
    assert deployment.revisions.count() == 3, "the way forward again is a person's"


def test_the_golden_rows_catch_a_model_swapped_behind_the_same_name(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    revision = running(cast, deployment, tmp_path)
    kept = dict(revision.verification)
    kept["probe"] = {**kept["probe"], "here": [value + 0.1 for value in kept["probe"]["here"]]}
    with recorded("deployment.verify", actor=cast.deployer, subject=revision):
        Revision.objects.filter(pk=revision.pk).update(verification=kept)
    look(str(deployment.pk))
    incident = Incident.objects.get()
    assert (incident.kind, incident.severity) == ("behaviour", "critical")
    assert "differ by up to 0.100000" in incident.sentence


def test_a_place_that_cannot_be_seen_is_not_a_healthy_one(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    running(cast, deployment, tmp_path)
    gateway.stop()
    for _ in range(3):
        look(str(deployment.pk))
    deployment.refresh_from_db()
    assert (deployment.sync, deployment.health) == ("unknown", "unknown")
    assert Incident.objects.get().kind == "unobservable"
    assert Look.objects.get(deployment=deployment).unseen == 3


def test_a_place_that_failed_five_times_is_left_alone(cast: Cast, place: Target, gateway: Gateway) -> None:
    from mrm.connectors.errors import ConnectorError
    from mrm.deployment.services.target import contact

    gateway.stop()
    for _ in range(5):
        with pytest.raises(ConnectorError), contact(place) as connector:
            connector.observe("credit")
    with pytest.raises(ConnectorError, match="failed 5 times in a row and is left alone"), contact(place) as connector:
        connector.observe("credit")


def test_a_pass_looks_at_what_is_due_and_no_sooner_again(cast: Cast, deployment: Deployment, place: Target) -> None:
    services.create(deployment.model, target=place, endpoint="second", actor=cast.deployer)
    assert look_at_due(lambda stage, done=0, total=0: None) == 2
    assert look_at_due(lambda stage, done=0, total=0: None) == 0
    assert services.look_around() is False
    Look.objects.update(due=timezone.now())
    assert (services.look_around(), services.look_around()) == (True, True)
    assert Job.objects.filter(kind="deployment.look").count() == 1


def test_a_place_whose_secret_is_gone_holds_up_no_other(
    cast: Cast, deployment: Deployment, place: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.create(deployment.model, target=place, endpoint="second", actor=cast.deployer)
    monkeypatch.delenv("MRM_SECRET_GATEWAY")
    for _ in range(3):
        Look.objects.update(due=timezone.now())
        assert look_at_due(lambda stage, done=0, total=0: None) == 2
    assert set(Look.objects.values_list("unseen", flat=True)) == {3}
    told = Incident.objects.values_list("kind", "sentence")
    assert len(told) == 2
    assert all(kind == "unobservable" and "The secret gateway is not set" in sentence for kind, sentence in told)


def test_a_plan_is_carried_out_on_what_it_was_made_for(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    running(cast, deployment, tmp_path)
    second = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    planned = services.plan(deployment, whole(second))
    assert [(each.what, each.before, each.after) for each in planned.changes] == [
        ("Version", "1.0.0", "2.0.0"),
        ("SHA-256", str(deployment.revisions.get().artifact_sha256), str(second.artifact_id)),
        ("Revision", "1", "2"),
    ]
    taken_away(gateway)
    revision = services.deploy(deployment, version=second, actor=cast.deployer, planned_on=planned.fingerprint)
    released(cast, revision)
    work()
    revision.refresh_from_db()
    assert revision.status == "failed"
    assert "The place changed since this was planned" in revision.error
    assert Incident.objects.get(kind="push_failed").revision == revision


def test_an_attempt_is_written_down_before_anything_is_sent(
    cast: Cast, deployment: Deployment, gateway: Gateway, tmp_path: Path
) -> None:
    """The worker dies while the place works: what was sent stands there, and is closed as unknown before the next."""
    from mrm.deployment.services.operations import send

    version = an_approved(cast, deployment.model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    send(revision, purpose="apply", key="lost", before="0" * 64, actor=cast.deployer)
    work()
    revision.refresh_from_db()
    told = list(revision.operations.order_by("attempt").values_list("attempt", "status"))
    assert (revision.status, told) == ("applied", [(1, "unknown"), (2, "done")])
    assert Event.objects.filter(verb="deployment.note").count() == 1


def test_an_emergency_goes_back_only_to_what_was_verified_here(
    cast: Cast, deployment: Deployment, tmp_path: Path
) -> None:
    revision = running(cast, deployment, tmp_path)
    second = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    opened = recorded("deployment.roll_back", actor=SETUP, subject=deployment)
    with pytest.raises(IntegrityError, match="when it is signed for"), transaction.atomic(), opened:
        Revision.objects.create(
            deployment=deployment, number=9, kind="rollback", version=second, approval=revision.approval,
            artifact_sha256=second.artifact_id, requested_by=cast.deployer, status="pending", emergency=True,
            restores=1, reason="Never mind.",
        )  # fmt: skip
