"""A backup at another gateway: wanted by rules that are signed for, through the gate, and seen when it is lost."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from mrm.core.refusal import Invalid, Refused
from mrm.deployment import queries, services
from mrm.deployment.models import Deployment, Incident, Target
from mrm.deployment.policies import Share
from mrm.deployment.services.looking import look
from mrm.inventory.models import Version
from mrm.jobs.models import Job
from mrm.serving import serving_of
from tests.deployment.conftest import Gateway, start
from tests.deployment.test_changing import Other
from tests.deployment.test_pages import api, browser
from tests.deployment.test_rules import applied
from tests.deployment.test_standing import answer, highest
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved, onnx
from tests.factories.journey import drain
from tests.factories.release import released
from tests.gateway.process import GatewayProcess, variant

Pair = tuple[Version, Version]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Gateway]:
    (tmp_path / "there").mkdir()
    started = start(tmp_path / "there")
    yield started
    started.stop()


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


@pytest.fixture
def spare(cast: Cast, deployment: Deployment, there: Gateway, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """The same model's endpoint at the other gateway."""
    monkeypatch.setenv("MRM_SECRET_OTHER", there.token)
    place = services.add_target(
        key="other", name="Other engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": there.address, "token_secret": "other"}, actor=SETUP,
    )  # fmt: skip
    return services.create(deployment.model, target=place, endpoint="spare", actor=cast.deployer)


@pytest.fixture
def pair(cast: Cast, deployment: Deployment, tmp_path: Path) -> Pair:
    surer, other = sorted((1, 2), key=highest, reverse=True)
    first = an_approved(cast, deployment.model, tmp_path, seed=surer)
    return first, an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=other)


def wanted(pair: Pair, spare: Deployment) -> dict[str, Any]:
    """The champion fails by saying more than its bound; its fallback is at the other place."""
    between = (highest(1) + highest(2)) / 2
    failing = {"minimum": 2, "output": "probabilities", "output_high": between, "cool_down_seconds": 0}
    rules = serving_of({"failover": failing, "elsewhere": {"deployment": str(spare.pk), "url": "http://10.9.8.7"}})
    return {"shares": [Share(pair[0], "champion", 10_000), Share(pair[1], "fallback")], "rules": rules}


def test_a_backup_at_another_gateway_from_the_wish_to_its_loss(
    cast: Cast, deployment: Deployment, spare: Deployment, pair: Pair, gateway: Gateway, there: Gateway
) -> None:
    plan = wanted(pair, spare)
    with pytest.raises(Refused, match=r"Nothing is in force at spare at Other engine; deploy version 2\.0\.0"):
        services.change_traffic(deployment, **plan, actor=cast.deployer)
    applied(cast, services.deploy(spare, version=pair[1], actor=cast.deployer))
    revision = applied(cast, services.change_traffic(deployment, **plan, actor=cast.deployer))
    assert revision.rules["elsewhere"]["url"] == there.address, "the address is that of the place, whatever was given"
    assert revision.verification["others"]["2.0.0"]["probe"]["done"] is True, "the golden rows went there and back"
    assert answer(gateway) == (200, "2.0.0", ["failed"])
    look(str(deployment.pk))
    assert not Incident.objects.exists()
    _on_page_and_in_api(cast, deployment, spare, there)
    there.stop()
    assert answer(gateway)[0] == 503
    look(str(deployment.pk))
    incident = Incident.objects.get(deployment=deployment, kind="not_ready")
    assert "did not answer" in incident.sentence


def _on_page_and_in_api(cast: Cast, deployment: Deployment, spare: Deployment, there: Gateway) -> None:
    page = browser(cast.deployer).get(reverse("deployment:rules", args=[deployment.pk])).content.decode()
    assert f'<option value="{spare.pk}" selected>spare at Other engine</option>' in page
    told = api(cast.auditor).get(f"/api/v1/deployments/{deployment.pk}/rules/").json()
    assert told["in_words"]["Where the backup answers"] == f"as spare at {there.address}"
    assert told["rules"]["elsewhere"]["deployment"] == str(spare.pk)


@pytest.fixture
def third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayProcess]:
    """A gateway that serves other bytes by the name and the label of the backup."""
    process, other = GatewayProcess(tmp_path / "third").start(), onnx(9)
    monkeypatch.setenv("MRM_SECRET_THIRD", process.token)
    served = Other(other, hashlib.sha256(other).hexdigest())
    process.upload(served)
    assert process.apply("spare", variant(served, "2.0.0")).is_success
    yield process
    process.stop()


def pointed_at(third: GatewayProcess, spare: Deployment, cast: Cast) -> None:
    services.change_target(
        spare.target, name=spare.target.name, config={"base_url": third.url, "token_secret": "third"}, revision=1,
        reason="The server moves.", actor=cast.administrator,
    )  # fmt: skip


def test_a_backup_whose_place_is_pointed_at_other_bytes_differs_at_once_until_rules_name_its_address_anew(
    cast: Cast, deployment: Deployment, spare: Deployment, pair: Pair, third: GatewayProcess
) -> None:
    applied(cast, services.deploy(spare, version=pair[1], actor=cast.deployer))
    applied(cast, services.change_traffic(deployment, **wanted(pair, spare), actor=cast.deployer))
    pointed_at(third, spare, cast)
    asked = Job.objects.filter(kind="deployment.observe", state="queued")
    assert set(asked.values_list("subject_id", flat=True)) == {str(spare.pk), str(deployment.pk)}
    drain()
    assert Incident.objects.get(deployment=spare).kind == "artifact"
    incident = Incident.objects.get(deployment=deployment)
    assert (incident.kind, incident.severity) == ("backup", "high")
    assert f"Other engine is at {third.url} now" in incident.sentence
    again: dict[str, Any] = {"rules": wanted(pair, spare)["rules"], "reason": "It moved.", "actor": cast.deployer}
    with pytest.raises(Refused, match="spare at Other engine is not as wanted now"):
        services.change_rules(deployment, **again)

    applied(cast, services.deploy(spare, version=pair[1], actor=cast.deployer))
    services.set_policy(
        deployment.target.environment, drift_policy="freeze", look_every=60, named_only=False, reason="Stricter.",
        actor=cast.administrator,
    )  # fmt: skip
    assert look(str(deployment.pk)).sync == "drifted", "its rules name the former address still"
    revision = applied(cast, services.change_rules(deployment, **again))
    assert revision.rules["elsewhere"]["url"] == third.url
    assert (look(str(deployment.pk)).sync, deployment.revisions.count()) == ("in_sync", 2)


def test_a_revision_that_names_the_former_address_of_its_backup_is_not_sent(
    cast: Cast, deployment: Deployment, spare: Deployment, pair: Pair, third: GatewayProcess
) -> None:
    applied(cast, services.deploy(spare, version=pair[1], actor=cast.deployer))
    asked = services.change_traffic(deployment, **wanted(pair, spare), actor=cast.deployer)
    assert asked.status == "awaiting"
    pointed_at(third, spare, cast)
    applied(cast, services.deploy(spare, version=pair[1], actor=cast.deployer))
    released(cast, asked)
    drain()
    asked.refresh_from_db()
    assert asked.status == "failed"
    assert f"its place Other engine is at {third.url} now" in asked.error


def test_a_backup_answers_only_where_its_own_bytes_are_in_force(
    cast: Cast, deployment: Deployment, spare: Deployment, pair: Pair
) -> None:
    def why(there: str, label: str = "2.0.0", digest: str = str(pair[1].artifact_id)) -> str | None:
        return queries.why_not_elsewhere(deployment, serving_of({"elsewhere": {"deployment": there}}), label, digest)

    applied(cast, services.deploy(spare, version=pair[1], actor=cast.deployer))
    assert why(str(spare.pk)) is None
    assert why("nowhere") == "The deployment at which the backup is to answer is not there; choose another."
    assert why(str(deployment.pk)) == "credit at Engine is at the same place; a backup there falls with it."
    other = "spare at Other engine serves version 2.0.0; the fallback here is 1.0.0."
    assert why(str(spare.pk), "1.0.0", str(pair[0].artifact_id)) == other
    with pytest.raises(Invalid, match="needs a name of letters"):
        services.read_rules({"elsewhere": {"deployment": str(spare.pk), "secret": "MRM_SECRET_KEY"}})
    with pytest.raises(Refused, match="no version is a fallback here"):
        services.deploy(
            deployment, version=pair[0], rules=serving_of({"elsewhere": {"deployment": str(spare.pk)}}),
            actor=cast.deployer,
        )  # fmt: skip
