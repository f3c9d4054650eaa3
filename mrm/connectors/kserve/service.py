"""An InferenceService as we write it and as we read it back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from .. import reading
from ..answers import ObservedVariant
from ..names import hashed, letter_name
from ..shares import basis_points, whole_percent
from ..values import FULL, Desired, Role, Variant

API, KIND = "serving.kserve.io/v1beta1", "InferenceService"
MANAGER = "mrm"
MODE = "serving.kserve.io/deploymentMode"
DEPLOYMENT, ENDPOINT, REVISION = "mrm/deployment", "mrm/endpoint", "mrm/revision"
part, things = partial(reading.part, who="Kubernetes"), partial(reading.things, who="Kubernetes")
_FAILED = {"BlockedByFailedLoad", "InvalidSpec"}


def object_name(endpoint: str) -> str:
    """A label of DNS that begins with a letter."""
    return letter_name(endpoint)


def wanted(desired: Desired, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The whole object that we own; what is not in it belongs to others."""
    champion = next(v for v in desired.variants if v.role == Role.CHAMPION)
    challengers = [v for v in desired.variants if v.role == Role.CHALLENGER]
    spec: dict[str, Any] = {"predictor": _predictor(champion, settings)}
    if challengers:
        percents = [(v, whole_percent(v.weight_bp, "KServe")) for v in challengers]
        spec["canary"] = [{"trafficPercent": p, "predictor": _predictor(v, settings)} for v, p in percents]
    marks = {
        DEPLOYMENT: desired.deployment,
        ENDPOINT: desired.endpoint,
        REVISION: str(desired.revision),
        MODE: "Standard" if settings["mode"] == "standard" else "Knative",
    }
    where = {"name": object_name(desired.endpoint), "namespace": settings["namespace"], "annotations": marks}
    return {"apiVersion": API, "kind": KIND, "metadata": where, "spec": spec}


def observed(found: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[ObservedVariant, ...]:
    """The variants of the specification, with what the status and the managers of its fields tell."""
    spec = part(found, "spec")
    canaries = things(spec, "canary")
    left = FULL - sum(basis_points(canary.get("trafficPercent")) for canary in canaries)
    reason = waiting(found) or changed_by(found) or _wrong_mode(found, settings)
    variants = [_variant(part(spec, "predictor"), Role.CHAMPION, left, reason, settings)]
    for canary in canaries:
        predictor = part(canary, "predictor")
        own = reason or _canary_reason(found, str(predictor.get("name")))
        variants.append(_variant(predictor, Role.CHALLENGER, basis_points(canary.get("trafficPercent")), own, settings))
    return tuple(variants)


def annotations(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return part(part(found, "metadata"), "annotations")


def waiting(found: Mapping[str, Any]) -> str:
    """Why the object is not ready, or an empty text; an old status says nothing about a new generation."""
    status, meta = part(found, "status"), part(found, "metadata")
    if status.get("observedGeneration") != meta.get("generation"):
        return "KServe has not looked at this change yet."
    transition = str(part(status, "modelStatus").get("transitionStatus", ""))
    if transition in _FAILED:
        failure = part(part(status, "modelStatus"), "lastFailureInfo").get("message", "")
        return f"KServe says {transition}. {str(failure)[:300]}".strip()
    ready = [item for item in things(status, "conditions") if item.get("type") == "Ready"]
    if not ready or ready[0].get("status") != "True":
        return f"KServe is not ready. {str(ready[0].get('message', ''))[:300] if ready else ''}".strip()
    return "" if transition in ("", "UpToDate") else f"KServe says {transition}."


def failed(found: Mapping[str, Any]) -> bool:
    """Whether waiting longer does not help."""
    transition = part(part(found, "status"), "modelStatus").get("transitionStatus")
    current = part(found, "status").get("observedGeneration") == part(found, "metadata").get("generation")
    return current and transition in _FAILED


def changed_by(found: Mapping[str, Any]) -> str:
    """Who else holds fields of the specification: Kubernetes keeps name and time."""
    for entry in things(part(found, "metadata"), "managedFields"):
        if entry.get("manager") != MANAGER and "f:spec" in part(entry, "fieldsV1"):
            return f"The specification was changed by {entry.get('manager')} at {entry.get('time')}."
    return ""


def _predictor(variant: Variant, settings: Mapping[str, Any]) -> dict[str, Any]:
    version, artifact = variant.version, variant.version.artifact
    model: dict[str, Any] = {
        "modelFormat": {"name": artifact.format},
        "storageUri": _uri(artifact.digest, settings),
        "protocolVersion": "v2",
    }
    if "runtime" in settings:
        model["runtime"] = settings["runtime"]
    marks = {
        "mrm/model": version.model,
        "mrm/version": version.version,
        "mrm/digest": artifact.digest,
        "mrm/approval": version.approval_id,
    }
    name = f"v-{hashed(version.model, version.version, artifact.digest)[:10]}"
    return {"name": name, "annotations": marks, "model": model}


def _variant(
    predictor: Mapping[str, Any], role: Role, weight: int, reason: str, settings: Mapping[str, Any]
) -> ObservedVariant:
    marks, model = part(predictor, "annotations"), part(predictor, "model")
    digest = str(marks.get("mrm/digest", ""))
    if model.get("storageUri") != _uri(digest, settings):
        reason = reason or "It reads its model from a place that is not the approved one."
    if model.get("image") or model.get("command") or predictor.get("containers"):
        reason = reason or "It is run by a container that nobody configured."
    return ObservedVariant(
        name=str(marks.get("mrm/model", "")),
        version=str(marks.get("mrm/version", "")),
        digest=None,
        ready=not reason,
        weight_bp=weight,
        managed="mrm/version" in marks,
        role=role,
        reason=reason,
    )


def _uri(digest: str, settings: Mapping[str, Any]) -> str:
    return f"{settings['storage'].rstrip('/')}/{digest}"


def _wrong_mode(found: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """In the other mode the shares of the traffic would be ignored without a word."""
    mode = part(found, "status").get("deploymentMode")
    expected = "Standard" if settings["mode"] == "standard" else "Knative"
    return "" if mode in (None, expected) else f"KServe runs it in mode {mode}, where its traffic is not as declared."


def _canary_reason(found: Mapping[str, Any], name: str) -> str:
    """The object may be ready while a canary is not."""
    for status in things(part(found, "status"), "canaryStatuses"):
        if status.get("name") == name:
            return "" if status.get("ready") is True else f"The canary {name} is not ready."
    return f"KServe does not know the canary {name}: it may have ignored it."
