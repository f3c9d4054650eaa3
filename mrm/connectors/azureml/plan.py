"""What a plan is in the words of Azure Machine Learning. Names follow from content: equal content, equal name."""

import json
from collections.abc import Mapping
from typing import Any

from ..answers import ObservedVariant
from ..errors import Invalid
from ..names import hashed, letter_name
from ..reading import missing, part
from ..shares import basis_points, whole_percent
from ..told import read_back, told_of
from ..values import Desired, Role, Variant

WHO = "Azure"
MOST_MIRRORED = 5_000
_NAME, _VALUE = 32, 256
_LIVE = (Role.CHAMPION, Role.CHALLENGER)
_ENDPOINT, _DEPLOYMENT, _REVISION, _ROLE = "mrm.endpoint", "mrm.deployment", "mrm.revision", "mrm.role."
_TOLD = {"model": "mrm.model", "version": "mrm.version", "digest": "mrm.digest", "approval": "mrm.approval"}
# what decides how a version is served; an address or a time limit gives no new deployment
_SERVING = ("storage", "environment", "instance_type", "instances", "model_type")
_IDENTITIES = {"model", "environmentId", "assetId", "codeId", "compute"}
READY, FAILED, DELETING = "Succeeded", {"Failed", "Canceled"}, "Deleting"


def endpoint_name(endpoint: str) -> str:
    """Unique in the region, 3 to 32 characters, the first a letter."""
    return letter_name(endpoint, _NAME)


def require_fit(desired: Desired) -> None:
    """Azure splits and mirrors in whole percents, mirrors half of the requests at most, and to one deployment."""
    for variant in desired.variants:
        whole_percent(variant.weight_bp, WHO)
        whole_percent(variant.mirror_bp, WHO)
        if variant.mirror_bp > MOST_MIRRORED:
            raise Invalid(f"{WHO} mirrors 50 % of the requests at most, not {variant.mirror_bp / 100:g} %.")
    if [v.role for v in desired.variants].count(Role.SHADOW) > 1:
        raise Invalid(f"{WHO} mirrors to one shadow; take the others away.")
    long = [value for v in desired.variants for value in told_of(v).values() if len(value) > _VALUE]
    if long:
        raise Invalid(f"{WHO} keeps {_VALUE} characters of a name at most; {long[0][:40]}… is longer.")


def told(deployment: Mapping[str, Any]) -> dict[str, str]:
    """What we wrote into a deployment's properties, which Azure lets nobody alter; empty when it is not ours."""
    kept = part(part(deployment, "properties", WHO), "properties", WHO)
    return read_back(kept, _TOLD)


def deployment_name(told: Mapping[str, str], config: Mapping[str, Any]) -> str:
    settings = json.dumps({name: config.get(name) for name in _SERVING}, sort_keys=True)
    return f"v-{hashed(*(told[name] for name in _TOLD), settings)[: _NAME - 4]}"


def model_name(digest: str, config: Mapping[str, Any]) -> str:
    return f"mrm-{hashed(digest, str(config['storage']), str(config.get('model_type')))[:40]}"


def model(digest: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A registered model: the folder that the digest names, which Azure lets nobody alter."""
    uri = f"{config['storage'].rstrip('/')}/{digest}"
    kind = config.get("model_type", "custom_model")
    return {"properties": {"modelUri": uri, "modelType": kind, "properties": {_TOLD["digest"]: digest}}}


def deployment(told: Mapping[str, str], model_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A managed deployment of one version."""
    return {
        "location": config["location"],
        "sku": {"name": "Default", "capacity": config.get("instances", 1)},
        "properties": {
            "endpointComputeType": "Managed",
            "model": model_id,
            "environmentId": config["environment"],
            "instanceType": config["instance_type"],
            "properties": {key: told[name] for name, key in _TOLD.items()},
        },
    }


def endpoint(desired: Desired, config: Mapping[str, Any], *, serving: bool) -> dict[str, Any]:
    """The endpoint with who it belongs to and, once its deployments run, its traffic: one write, never half of it."""
    tags = {_ENDPOINT: desired.endpoint, _DEPLOYMENT: _label(desired.deployment), _REVISION: str(desired.revision)}
    live = {_own_name(v, config): v for v in desired.variants}
    traffic = {name: whole_percent(v.weight_bp, WHO) for name, v in live.items() if v.role in _LIVE}
    mirrored = {name: whole_percent(v.mirror_bp, WHO) for name, v in live.items() if v.role == Role.SHADOW}
    if serving:
        tags |= {f"{_ROLE}{name}": v.role.value for name, v in live.items()}
    return {
        "location": config["location"],
        "identity": {"type": "SystemAssigned"},
        "tags": tags,
        "properties": {
            "authMode": config.get("auth_mode", "AADToken"),
            "publicNetworkAccess": "Enabled" if config.get("public", False) else "Disabled",
            "traffic": traffic if serving else {},
            "mirrorTraffic": mirrored if serving else {},
        },
    }


def same_endpoint(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether nothing differs; traffic and our tags count also where there is too much of them."""
    here, there = part(found, "properties", WHO), wanted["properties"]
    traffic = all(dict(part(here, field, WHO)) == there[field] for field in ("traffic", "mirrorTraffic"))
    ours = {key: value for key, value in part(found, "tags", WHO).items() if key.startswith("mrm.")}
    return traffic and ours == wanted["tags"] and not missing(dict(wanted), found)


def owner(found: Mapping[str, Any]) -> tuple[str, str, int]:
    """Endpoint, deployment and revision in its tags; empty where they are not ours."""
    tags = part(found, "tags", WHO)
    revision = str(tags.get(_REVISION, ""))
    return (
        str(tags.get(_ENDPOINT, "")),
        str(tags.get(_DEPLOYMENT, "")),
        int(revision) if revision.isascii() and revision.isdigit() else 0,
    )


def is_of(found: Mapping[str, Any], desired: Desired) -> bool:
    return owner(found)[:2] == (desired.endpoint, _label(desired.deployment))


def state(found: Mapping[str, Any]) -> str:
    return str(part(found, "properties", WHO).get("provisioningState") or "in no state")


def role(name: str, endpoint: Mapping[str, Any]) -> str:
    """What a deployment does behind its endpoint, as our tags say."""
    return str(part(endpoint, "tags", WHO).get(_ROLE + name, ""))


def observed(name: str, endpoint: Mapping[str, Any], told: Mapping[str, str], reason: str) -> ObservedVariant:
    """One deployment as its endpoint uses it; which bytes were loaded is not told."""
    settings = part(endpoint, "properties", WHO)
    return ObservedVariant(
        name=told.get("model", name),
        version=told.get("version", ""),
        digest=None,
        ready=not reason,
        weight_bp=basis_points(part(settings, "traffic", WHO).get(name)),
        managed=bool(told),
        role=role(name, endpoint),
        reason=reason,
        mirror_bp=basis_points(part(settings, "mirrorTraffic", WHO).get(name)),
    )


def dropped(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The first field that does not read back; Azure writes identities of things with capitals of its own."""
    return missing(_plain(wanted), _plain(found))


def altered(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What of a deployment is not as we wrote it, also where something was added that decides what runs.

    How many instances there are is left to who scales them.
    """
    if field := dropped({key: value for key, value in wanted.items() if key != "sku"}, found):
        return f"Its {field} is not as it was deployed."
    here = part(found, "properties", WHO)
    added = [name for name in ("codeConfiguration", "environmentVariables", "modelMountPath") if here.get(name)]
    return f"Somebody gave it a {added[0]}." if added else ""


def _plain(value: Any, field: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner, name) for name, inner in value.items()}
    return value.lower() if field in _IDENTITIES and isinstance(value, str) else value


def _own_name(variant: Variant, config: Mapping[str, Any]) -> str:
    return deployment_name(told_of(variant), config)


def _label(value: str) -> str:
    return value if len(value) <= _VALUE else hashed(value)
