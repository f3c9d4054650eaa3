"""Several versions behind one endpoint: each of them approved, brought there by nobody who made or signed for it."""

from pathlib import Path

import httpx
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from mrm.access import services as access
from mrm.access.roles import Role
from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Refused
from mrm.deployment import queries, services
from mrm.deployment.models import Deployment, Incident, Revision, Target, Variant
from mrm.deployment.policies import Share, not_whole, place_cannot, steps_wrong
from mrm.deployment.queries import release_request
from mrm.deployment.services.looking import look
from mrm.deployment.services.target import offered_by
from mrm.inventory.models import Version
from mrm.jobs.runner import run_next
from tests.deployment.conftest import Gateway
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_model, a_validated, an_approved
from tests.factories.release import released, taken_out


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


@pytest.fixture
def pair(cast: Cast, deployment: Deployment, tmp_path: Path) -> tuple[Version, Version]:
    first = an_approved(cast, deployment.model, tmp_path)
    return first, an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=2)


def canary(pair: tuple[Version, Version], weight: int = 1_000) -> list[Share]:
    return [Share(pair[0], "champion", 10_000 - weight), Share(pair[1], "challenger", weight)]


def applied(cast: Cast, revision: Revision) -> Revision:
    released(cast, revision)
    while run_next():
        pass
    revision.refresh_from_db()
    assert revision.status == "applied", revision.error
    return revision


def test_a_plan_serves_each_version_with_its_share_and_proves_each(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    planned = services.plan(deployment, canary(pair))
    assert ("Version 2.0.0", "not served", "challenger, 10 %") in [(c.what, c.before, c.after) for c in planned.changes]
    asked = services.change_traffic(
        deployment, shares=canary(pair), planned_on=planned.fingerprint, actor=cast.deployer
    )
    request = release_request(asked)
    assert request is not None
    revision = applied(cast, asked)
    deployment.refresh_from_db()
    seen = {each["version"]: (each["role"], each["weight_bp"]) for each in deployment.observed["variants"]}
    assert seen == {"1.0.0": ("champion", 9_000), "2.0.0": ("challenger", 1_000)}
    for version in pair:
        proof = revision.proof_of(version.label)
        assert (proof["digest"], proof["probe"]["done"]) == (version.artifact_id, True)
        version.refresh_from_db()
        assert version.status == "active"
    event = Event.objects.get(verb="deployment.change_traffic", outcome="done")
    assert event.details["version"] == (
        "Credit decision 1.0.0 as champion with 90 %, Credit decision 2.0.0 as challenger with 10 %"
    )


def test_a_withdrawn_challenger_is_the_incident_that_a_withdrawn_champion_is_and_leaves_by_fail_over(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    services.set_policy(
        deployment.target.environment, drift_policy="failover", look_every=300, named_only=False, reason="Tried.",
        actor=cast.administrator,
    )  # fmt: skip
    applied(cast, services.deploy(deployment, version=pair[0], actor=cast.deployer))
    applied(cast, services.change_traffic(deployment, shares=canary(pair), actor=cast.deployer))
    approval.withdraw(Approval.objects.get(version=pair[1]), actor=cast.officer, reason="Found a fault")
    assert services.watch() == 1
    look(str(deployment.pk))
    incident = Incident.objects.get(kind="withdrawn")
    assert (incident.severity, "2.0.0" in incident.sentence) == ("critical", True)
    while run_next():
        pass
    back = deployment.revisions.first()
    assert back is not None
    assert (back.kind, back.restores, back.status) == ("failover", 1, "applied"), back.error
    assert [(each.version.label, each.weight_bp) for each in back.variants.all()] == [("1.0.0", 10_000)]


def test_a_withdrawal_of_any_version_between_wish_and_push_stops_the_whole_push(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version], gateway: Gateway
) -> None:
    revision = released(cast, services.change_traffic(deployment, shares=canary(pair), actor=cast.deployer))
    approval.withdraw(Approval.objects.get(version=pair[1]), actor=cast.officer, reason="Found a fault")
    while run_next():
        pass
    revision.refresh_from_db()
    assert (revision.status, "2.0.0 has no valid approval" in revision.error) == ("failed", True)
    assert httpx.get(f"{gateway.address}/v2/models/credit", timeout=5).status_code == 404


def test_weights_changed_by_hand_are_told_of_each_version(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version], gateway: Gateway
) -> None:
    applied(cast, services.change_traffic(deployment, shares=canary(pair), actor=cast.deployer))
    address, headers = f"{gateway.address}/control/endpoints/credit", {"Authorization": f"Bearer {gateway.token}"}
    state = httpx.get(address, headers=headers, timeout=5).json()
    variants = [
        {**each, "weight_bp": 5_000, "approval_id": "by hand", "features": ["income", "debt"]}
        for each in state["variants"]
    ]
    body = {"deployment": str(deployment.pk), "revision": state["revision"], "variants": variants}
    httpx.put(address, json=body, headers=headers, timeout=5).raise_for_status()
    look(str(deployment.pk))
    deployment.refresh_from_db()
    assert [line["sentence"] for line in deployment.drift if line["kind"] == "traffic"] == [
        "Version 1.0.0 takes 50 % of the traffic there, wanted are 90 %.",
        "Version 2.0.0 takes 50 % of the traffic there, wanted are 10 %.",
    ]
    assert Incident.objects.filter(kind="traffic").count() == 1


def test_a_canary_goes_by_its_registered_steps_which_were_signed_for_with_the_first(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    with pytest.raises(Refused, match="No canary is under way here"):
        services.advance(deployment, actor=cast.deployer)
    first = services.change_traffic(deployment, shares=canary(pair), steps=[1_000, 2_500, 5_000], actor=cast.deployer)
    applied(cast, first)
    with pytest.raises(Forbidden):
        services.advance(deployment, actor=cast.developer)
    second = services.advance(deployment, actor=cast.deployer)
    assert (second.status, second.step, second.canary_id) == ("pending", 2, first.pk), "signed for with the first"
    with pytest.raises(Refused, match="Revision 2 is not settled yet"):
        services.advance(deployment, actor=cast.deployer)
    applied(cast, second)
    assert sorted(second.variants.values_list("weight_bp", flat=True)) == [2_500, 7_500]
    applied(cast, services.advance(deployment, actor=cast.deployer))
    with pytest.raises(Refused, match="Every step that was registered is done"):
        services.advance(deployment, actor=cast.deployer)
    promoted = services.deploy(deployment, version=pair[1], actor=cast.deployer)
    assert (promoted.status, release_request(promoted) is not None) == ("awaiting", True), "a promotion is signed anew"


def test_plans_that_are_no_whole_are_refused_in_words(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    first, second = pair
    for shares, sentence in {
        (Share(first, "challenger", 10_000),): "needs exactly one champion; this one names none",
        (Share(first, "champion", 9_000), Share(second, "challenger", 500)): "add up to 95 % instead of 100 %",
        (Share(first, "champion", 9_000), Share(first, "challenger", 1_000)): "stands in this plan twice",
        (Share(first, "champion", 10_000), Share(second, "shadow")): "needs copies of more than 0 %",
        (Share(first, "champion", 9_000), Share(second, "fallback", 1_000)): "takes no share of the traffic",
    }.items():
        assert sentence in str(not_whole(shares))
        with pytest.raises(Refused, match=sentence):
            services.change_traffic(deployment, shares=shares, actor=cast.deployer)
    assert "do not rise" in str(steps_wrong(canary(pair), [1_000, 500]))
    assert "gives 2.0.0 10 %" in str(steps_wrong(canary(pair), [500, 1_000]))
    assert not Revision.objects.exists()


def test_a_place_is_asked_for_no_more_than_its_connector_offers(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    from mrm.connectors.protocol import Cap

    shadowed = [Share(pair[0], "champion", 10_000), Share(pair[1], "shadow", 0, 10_000)]
    told = "Engine cannot send copies of the traffic to a shadow: its connector embedded does not offer it."
    assert str(place_cannot("Engine", "embedded", Cap.DEPLOY | Cap.SPLIT, shadowed)).startswith(told)
    assert place_cannot("Engine", "embedded", Cap.DEPLOY | Cap.SHADOW, shadowed) is None
    assert Cap.SHADOW in offered_by(deployment.target)
    whole = applied(cast, services.change_traffic(deployment, shares=shadowed, actor=cast.deployer))
    pair[1].refresh_from_db()
    assert pair[1].status == "approved", "a shadow answers nobody"
    with (
        pytest.raises(IntegrityError, match="goes to the whole"),
        transaction.atomic(),
        recorded("deployment.roll_back", actor=SETUP, subject=deployment),
    ):
        _without_its_shadow(whole)


def _without_its_shadow(whole: Revision) -> None:
    """Goes back to the champion alone."""
    champion = whole.variants.get(role="champion")
    half = Revision.objects.create(
        deployment=whole.deployment, number=9, kind="rollback", restores=whole.number, variant_count=1, reason="Half.",
        version=champion.version, approval=champion.approval, artifact_sha256=champion.artifact_sha256,
        requested_by=whole.requested_by, status="awaiting", salt=whole.salt, unit_field=whole.unit_field,
    )  # fmt: skip
    Variant.objects.create(
        revision=half, role="champion", version=champion.version, approval=champion.approval,
        artifact_sha256=champion.artifact_sha256, weight_bp=10_000,
    )  # fmt: skip
    connection.check_constraints()


def test_every_version_passes_the_gate_in_whichever_role(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version], tmp_path: Path
) -> None:
    third = a_validated(cast, deployment.model, tmp_path, label="3.0.0", seed=3)
    shares = [Share(pair[0], "champion", 9_000), Share(third, "challenger", 1_000)]
    with pytest.raises(Refused, match=r"3\.0\.0 may not be deployed\. .* has no valid approval"):
        services.change_traffic(deployment, shares=shares, actor=cast.deployer)
    assert queries.why_not_by(cast.officer, pair[1], Approval.objects.get(version=pair[1])) == (
        "You signed for this version; somebody else deploys it."
    )
    assert queries.why_not_by(cast.developer, pair[1], Approval.objects.get(version=pair[1])) == (
        "You made this version; somebody else deploys it."
    )


def test_the_database_holds_the_plan_whatever_writes_it(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    revision = applied(cast, services.change_traffic(deployment, shares=canary(pair), actor=cast.deployer))
    granted = {version: Approval.objects.get(version=version) for version in pair}

    def refused(match: str, **facts: object) -> None:
        content = {
            "deployment": deployment, "number": 9, "kind": "deploy", "version": pair[0], "approval": granted[pair[0]],
            "artifact_sha256": pair[0].artifact_id, "requested_by": cast.deployer, "status": "awaiting", "variant_count": 2,
            "salt": "0" * 32, "unit_field": "unit",
        }  # fmt: skip
        weights = facts.pop("weights", (9_000, 1_000))
        with pytest.raises(IntegrityError, match=match):
            written(content | facts, weights)

    def written(content: dict[str, object], weights: object) -> None:
        with transaction.atomic(), recorded("deployment.change_traffic", actor=SETUP, subject=deployment):
            made = Revision.objects.create(**content)
            for version, role, weight in zip(pair, ("champion", "challenger"), weights, strict=True):  # type: ignore[call-overload]
                Variant.objects.create(
                    revision=made, role=role, version=version, approval=granted[version],
                    artifact_sha256=version.artifact_id, weight_bp=weight,
                )  # fmt: skip
            connection.check_constraints()

    refused("add up to 10000", weights=(9_000, 900))
    refused("written with it", variant_count=3)
    refused("champion is the version of its revision", version=pair[1], approval=granted[pair[1]])
    refused("made or signed for", requested_by=cast.officer)
    refused("made or signed for", requested_by=cast.developer)
    refused("goes by the steps", step=1, steps=[2_000])
    refused("follows the one before it", step=3, steps=[500, 700, 1_000], canary=revision)
    for rows, change in (
        (Revision.objects.filter(pk=revision.pk), {"number": 7}),
        (Revision.objects.filter(pk=revision.pk), {"steps": [1]}),
        (revision.variants.all(), {"weight_bp": 1}),
    ):
        opened = recorded("deployment.change_traffic", actor=SETUP, subject=deployment)
        with pytest.raises(DatabaseError, match=r"is never changed|is refused"), transaction.atomic(), opened:
            rows.update(**change)  # type: ignore[attr-defined]


def test_a_rollback_goes_to_the_whole_and_not_for_a_signer_even_in_an_emergency(
    cast: Cast, deployment: Deployment, pair: tuple[Version, Version]
) -> None:
    applied(cast, services.change_traffic(deployment, shares=canary(pair), actor=cast.deployer))
    applied(cast, services.deploy(deployment, version=pair[1], actor=cast.deployer))
    access.grant(cast.developer, role=Role.DEPLOYER, unit=cast.bank, actor=SETUP)
    with pytest.raises(Refused, match="You made this version; somebody else deploys it"):
        services.roll_back(deployment, number=1, actor=fresh(cast.developer), reason="It must serve.", emergency=True)
    back = services.roll_back(deployment, number=1, actor=cast.deployer, reason="Too soon.", emergency=True)
    assert queries.shares_of(back) == queries.shares_of(deployment.revisions.get(number=1))
    taken_out(cast, deployment, "Both are wrong.")
