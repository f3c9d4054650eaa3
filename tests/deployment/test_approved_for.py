"""No version serves in an environment that it was not approved for."""

from pathlib import Path

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client

from mrm.access.models import Method
from mrm.access.services import Confirmed
from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.audit.trail import recorded
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import queries, services
from mrm.deployment.models import Deployment, Environment, Revision, Target
from mrm.deployment.policies import Drift, Kind, Share, whole
from mrm.deployment.services.control import fail_over
from mrm.deployment.services.looking import look
from mrm.inventory.models import Version
from mrm.jobs.runner import run_next
from mrm.prediction.models import BatchRun
from mrm.signoff import services as signoff
from mrm.signoff.models import Decision
from mrm.signoff.services.signing import vote
from tests.factories.access import SETUP, Cast, fresh, with_password
from tests.factories.approved import a_model, a_validated, an_approved, approved_for, signed_for
from tests.factories.batch import USE, applicants, asked
from tests.factories.release import released

NOT_HERE = r"approved Credit decision 1\.0\.0 for any test environment, not for Production"


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


def applied(cast: Cast, revision: Revision) -> Revision:
    released(cast, revision)
    while run_next():
        pass
    revision.refresh_from_db()
    return revision


def by_sql(deployment: Deployment, version: Version, cast: Cast, role: str = "champion") -> None:
    """Write a revision and its variant past the service, as whoever holds the database would."""
    granted = Approval.objects.get(version=version, status="valid")
    facts = {"version": version, "approval": granted, "artifact_sha256": version.artifact_id}
    with transaction.atomic(), recorded("deployment.deploy", actor=SETUP, subject=deployment):
        made = Revision.objects.create(
            deployment=deployment, number=90, kind="deploy", requested_by=cast.deployer, status="awaiting",
            variant_count=1, **facts,
        )  # fmt: skip
        made.variants.create(role=role, weight_bp=10_000, **facts)


def test_a_version_approved_for_tests_goes_to_no_production_by_any_way(
    cast: Cast, client: Client, deployment: Deployment, tmp_path: Path
) -> None:
    tested = an_approved(cast, deployment.model, tmp_path, environments=["any:test"])
    serves = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    split = [Share(serves, "champion", 9_000), Share(tested, "challenger", 1_000)]
    with pytest.raises(Refused, match=NOT_HERE):
        services.deploy(deployment, version=tested, actor=cast.deployer)
    with pytest.raises(Refused, match=NOT_HERE):
        services.change_traffic(deployment, shares=split, actor=cast.deployer)
    assert "not for Production" in services.plan(deployment, whole(tested)).closed[0]
    with pytest.raises(IntegrityError, match="approved for its environment"):
        by_sql(deployment, tested, cast)
    client.force_login(fresh(cast.deployer))
    page = client.get(f"/deployments/{deployment.pk}/plan/", {"version": tested.pk}).content.decode()
    assert ("not for Production" in page, "no-deploy" in page, 'name="planned_on"' in page) == (True, True, False)
    asked = {"version": str(tested.pk)}
    told = client.post(f"/api/v1/deployments/{deployment.pk}/plan/", asked, content_type="application/json")
    assert "not for Production" in told.json()["closed"][0]
    told = client.post(f"/api/v1/deployments/{deployment.pk}/revisions/", asked, content_type="application/json")
    assert (told.status_code, "not for Production" in told.json()["reasons"][0]) == (409, True)
    shown = client.post(f"/deployments/{deployment.pk}/deploy/", asked)
    assert (shown.status_code, "not for Production" in shown.content.decode()) == (409, True)
    assert not deployment.revisions.exists()


def test_what_ran_before_does_not_come_back_once_it_is_approved_for_elsewhere_alone(
    cast: Cast, deployment: Deployment, tmp_path: Path
) -> None:
    first = an_approved(cast, deployment.model, tmp_path)
    second = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)
    assert applied(cast, services.deploy(deployment, version=first, actor=cast.deployer)).status == "applied"
    renewal = approval.submit(first, environments=["any:test"], actor=cast.developer)
    assert applied(cast, services.deploy(deployment, version=second, actor=cast.deployer)).status == "applied"
    waiting = released(cast, services.roll_back(deployment, number=1, reason="Better.", actor=cast.deployer))
    signed_for(cast, renewal)
    while run_next():
        pass
    waiting.refresh_from_db()
    assert (waiting.status, "not for Production" in waiting.error) == ("failed", True)
    for emergency in (False, True):
        with pytest.raises(Refused, match=NOT_HERE):
            services.roll_back(deployment, number=1, reason="Now.", emergency=emergency, actor=cast.deployer)
    assert fail_over(deployment, because=Drift(Kind.MISSING, "Gone.", "2.0.0")) is None
    approved_for(cast, Version.objects.get(pk=second.pk), ["any:test"])
    look(str(deployment.pk))
    assert "2.0.0 for any test environment, not for Production" in deployment.incidents.get(kind="withdrawn").sentence


def test_an_approval_for_shadows_lets_a_version_answer_nobody_and_one_environment_is_not_another(
    cast: Cast, deployment: Deployment, tmp_path: Path
) -> None:
    serves = an_approved(cast, deployment.model, tmp_path, environments=["production"])
    shadow = an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2, environments=["any:shadow"])
    plan = [Share(serves, "champion", 10_000), Share(shadow, "shadow", 0, 5_000)]
    assert applied(cast, services.change_traffic(deployment, shares=plan, actor=cast.deployer)).status == "applied"
    with pytest.raises(Refused, match="for a shadow in any production environment, not for Production:"):
        services.deploy(deployment, version=shadow, actor=cast.deployer)
    with pytest.raises(IntegrityError, match="approved for its environment"):
        by_sql(deployment, shadow, cast)
    other = services.define_environment(key="abroad", name="Abroad", stage="production", actor=cast.administrator)
    far = services.add_target(
        key="far", name="Far", connector_id="embedded", environment=other.key, unit=cast.bank,
        config=deployment.target.config, actor=SETUP,
    )  # fmt: skip
    abroad = services.create(deployment.model, target=far, endpoint="abroad", actor=cast.deployer)
    with pytest.raises(Refused, match=r"for the environment Production \(production\), not for Abroad"):
        services.deploy(abroad, version=serves, actor=cast.deployer)
    assert queries.why_not_served(abroad, shadow, shadow.artifact_id or "", "shadow") is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE deployment_environment SET stage = 'production' WHERE key = 'test'",
        "UPDATE deployment_target SET environment_id = (SELECT id FROM deployment_environment WHERE key = 'test')",
        "UPDATE deployment_deployment SET target_id = gen_random_uuid()",
    ],
)
def test_what_is_approved_for_is_not_moved_under_another_name(
    cast: Cast, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "x" * 40)
    target = services.add_target(
        key="any", name="Any", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    services.create(a_model(cast), target=target, endpoint="credit", actor=cast.deployer)
    opened = recorded("deployment.set_policy", actor=SETUP, subject=Environment.objects.get(key="test"))
    with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic(), opened:
        connection.cursor().execute(change)


def test_the_environments_are_signed_and_nobody_widens_them(cast: Cast, tmp_path: Path) -> None:
    version = a_validated(cast, a_model(cast), tmp_path)
    for wrong, sentence in ((["mars"], "no environment mars to approve for"), ([], "Say for which environments")):
        with pytest.raises(Invalid, match=sentence):
            approval.submit(version, environments=wrong, actor=cast.developer)
    approved = approved_for(cast, version, ["any:test", "production"])
    granted = Approval.objects.get(version=approved)
    assert granted.environments == ["any:test", "production"]
    signed = {"any:test": "any test environment", "production": "the environment Production (production)"}
    assert all(
        f'"terms":{{"environments":{{"any:test":"{signed["any:test"]}"' in v.statement
        for v in granted.request.votes.all()
    )
    for change in (
        "UPDATE approval_approval SET environments = '{any:production}'",
        "UPDATE approval_approval SET environments = '{}'",
    ):
        opened = recorded("approval.grant", actor=SETUP, subject=granted)
        with pytest.raises(IntegrityError, match="environments that were signed"), transaction.atomic(), opened:
            connection.cursor().execute(change)
    opened = recorded("signoff.submit", actor=SETUP, subject=granted.request)
    with pytest.raises(ProgrammingError, match="terms of a request"), transaction.atomic(), opened:
        connection.cursor().execute("UPDATE signoff_request SET terms = '{}'")


def test_a_statement_about_other_terms_signs_nothing(cast: Cast, tmp_path: Path) -> None:
    narrow = approval.submit(
        a_validated(cast, a_model(cast), tmp_path), environments=["any:test"], actor=cast.developer
    )
    signer = with_password(fresh(cast.officer))
    statement, _ = signoff.compose(narrow, decision=Decision.REJECT, rationale="Too soon", conditions=[], actor=signer)
    assert statement["terms"] == {"environments": {"any:test": "any test environment"}}
    confirmed = Confirmed(Method.PASSWORD)
    for other in ({}, {"environments": {"any:production": "any production environment"}}):
        with pytest.raises(Refused, match="other terms than the request"):
            vote(narrow, statement={**statement, "terms": other}, confirmed=confirmed, actor=signer)
    assert vote(narrow, statement=statement, confirmed=confirmed, actor=signer).decision == "reject"


def test_a_data_set_is_scored_only_where_the_approval_holds(cast: Cast, tmp_path: Path) -> None:
    version = an_approved(cast, a_model(cast), tmp_path, environments=["any:test", "any:shadow"])
    data = applicants(cast, tmp_path)
    with pytest.raises(Invalid, match=NOT_HERE.replace("for any test environment", ".*")) as refused:
        asked(cast, version, data)
    assert set(refused.value.fields) == {"environment"}

    def forged(environment: str) -> None:
        with recorded("prediction.start_batch", actor=SETUP, subject=version), transaction.atomic():
            BatchRun.objects.create(
                version=version, approval=version.approvals.get(), artifact_sha256=version.artifact_id, dataset=data,
                dataset_sha256=data.sha256, rows=data.rows, environment=Environment.objects.get(key=environment), use=USE,
                part_rows=30, requested_by=cast.deployer,
            )  # fmt: skip

    with pytest.raises(IntegrityError, match="only a version with a valid approval of these bytes scores"):
        forged("production")
    forged("test")
    assert BatchRun.objects.get().environment.key == "test"
