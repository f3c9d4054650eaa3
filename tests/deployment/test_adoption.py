"""What already runs is taken over as it serves, when its bytes are those of an approved version."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Incident, Target
from mrm.deployment.services.looking import look
from mrm.jobs.runner import run_next
from tests.deployment.conftest import Gateway
from tests.factories.access import Cast, fresh
from tests.factories.approved import FEATURES, a_draft, a_model, an_approved, onnx
from tests.factories.release import released


def brought(gateway: Gateway, content: bytes, digest: str, revision: int = 7, **other: Any) -> None:
    """A route that somebody made by hand, past us."""
    headers = {"Authorization": f"Bearer {gateway.token}"}
    httpx.put(f"{gateway.address}/control/artifacts/{digest}", content=content, headers=headers).raise_for_status()
    variant = {
        "role": "champion", "model": "theirs", "version": "v7", "digest": digest, "approval_id": "none",
        "weight_bp": 10_000, "mirror_bp": 0, "features": FEATURES, **other,
    }  # fmt: skip
    route = {"deployment": "by hand", "revision": revision, "variants": [variant]}
    address = f"{gateway.address}/control/endpoints/credit"
    httpx.put(address, json=route, headers=headers).raise_for_status()


def served(gateway: Gateway) -> tuple[str, int]:
    headers = {"Authorization": f"Bearer {gateway.token}"}
    state = httpx.get(f"{gateway.address}/control/endpoints/credit", headers=headers).json()
    return state["variants"][0]["version"], state["revision"]


def test_what_serves_is_planned_signed_taken_over_and_managed(
    cast: Cast, client: Client, place: Target, gateway: Gateway, tmp_path: Path
) -> None:
    model = a_model(cast)
    version = an_approved(cast, model, tmp_path)
    brought(gateway, onnx(1), str(version.artifact_id))
    planned = services.plan_adoption(model, target=place, endpoint="credit")
    assert [(each.seen.version, each.version) for each in planned.taken] == [("v7", version)]
    assert (planned.closed, "callers read its new label" in planned.warnings[0]) == ((), True)
    assert (served(gateway), Deployment.objects.count()) == (("v7", 7), 0), "a plan changes nothing"
    client.force_login(fresh(cast.deployer))
    page = client.get(f"/deployments/places/{place.pk}/adopt/", {"endpoint": "credit", "model": model.pk})
    assert f'value="{planned.fingerprint}"' in page.content.decode()
    asked = {"endpoint": "credit", "model": str(model.pk), "planned_on": planned.fingerprint, "reason": "Ours."}
    told = client.post(f"/api/v1/targets/{place.pk}/adoption/", asked, content_type="application/json")
    assert told.status_code == 202, told.content
    deployment = Deployment.objects.get()
    look(str(deployment.pk))
    assert not Incident.objects.exists(), "what waits to be taken over is no orphan"
    assert served(gateway) == ("v7", 7), "nothing is sent before it is signed for"
    revision = released(cast, deployment.revisions.get())
    while run_next():
        pass
    revision.refresh_from_db()
    deployment.refresh_from_db()
    assert (revision.status, revision.verification["digest"]) == ("applied", version.artifact_id), revision.error
    assert (served(gateway), deployment.sync) == (("1.0.0", 1), "in_sync")
    with pytest.raises(Refused, match="managed here already"):
        services.plan_adoption(model, target=place, endpoint="credit")


def test_what_is_not_matched_changed_or_not_approved_stays_where_it_is(
    cast: Cast, place: Target, gateway: Gateway, tmp_path: Path
) -> None:
    model = a_model(cast)
    with pytest.raises(Refused, match="serves nothing at credit"):
        services.plan_adoption(model, target=place, endpoint="credit")
    stranger = blobs.put_bytes(onnx(9)).sha256
    brought(gateway, onnx(9), stranger)
    wanted = {"target": place, "endpoint": "credit", "reason": "Ours.", "actor": cast.deployer}
    planned = services.plan_adoption(model, target=place, endpoint="credit")
    with pytest.raises(Refused, match=r"No version of Credit decision has the bytes .* register them"):
        services.adopt(model, planned_on=planned.fingerprint, **wanted)
    draft = a_draft(cast, model, tmp_path, label="2.0.0", seed=2)
    brought(gateway, onnx(2), str(draft.artifact_id), revision=8)
    planned = services.plan_adoption(model, target=place, endpoint="credit")
    with pytest.raises(Refused, match=r"2\.0\.0 has no valid approval"):
        services.adopt(model, planned_on=planned.fingerprint, **wanted)
    tested = an_approved(cast, model, tmp_path, environments=["any:test"])
    brought(gateway, onnx(1), str(tested.artifact_id), revision=9)
    planned = services.plan_adoption(model, target=place, endpoint="credit")
    with pytest.raises(Refused, match="not for Production"):
        services.adopt(model, planned_on=planned.fingerprint, **wanted)
    assert (Deployment.objects.count(), served(gateway)) == (0, ("v7", 9))


def test_a_plan_of_yesterday_a_missing_reason_and_a_wrong_role_take_nothing_over(
    cast: Cast, place: Target, gateway: Gateway, tmp_path: Path
) -> None:
    model = a_model(cast)
    version = an_approved(cast, model, tmp_path)
    brought(gateway, onnx(1), str(version.artifact_id))
    planned = services.plan_adoption(model, target=place, endpoint="credit")
    wanted: dict[str, Any] = {"target": place, "endpoint": "credit", "planned_on": planned.fingerprint}
    with pytest.raises(Forbidden):
        services.adopt(model, reason="Ours.", actor=cast.developer, **wanted)
    with pytest.raises(Invalid, match="needs its reason"):
        services.adopt(model, reason=" ", actor=cast.deployer, **wanted)
    with pytest.raises(Refused, match="changed since this was planned"):
        services.adopt(model, reason="Ours.", actor=cast.deployer, **{**wanted, "planned_on": ""})
    brought(gateway, onnx(1), str(version.artifact_id), revision=8)
    with pytest.raises(Refused, match="changed since this was planned"):
        services.adopt(model, reason="Ours.", actor=cast.deployer, **wanted)
    assert not Deployment.objects.exists()
