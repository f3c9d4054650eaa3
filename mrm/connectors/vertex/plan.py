"""What a plan is in the words of Vertex AI. Names follow from content: equal content, equal name."""

import json
from collections.abc import Mapping
from typing import Any

from ..answers import ObservedVariant
from ..guide import BYTES_LIE_THERE, ROWS_ARE_REMOVED
from ..names import hashed, letter_name
from ..reading import missing, part, things
from ..shares import basis_points, whole_percent
from ..told import VARIABLES, read_back, told_of
from ..values import Desired, Role

WHO = "Vertex AI"
GUIDE = (
    BYTES_LIE_THERE,
    (
        "For batches name a folder such as gs://exchange/mrm. The path that scores takes"
        ' {"instances": [[…], …]}, lists of numbers in the order of the version\'s features with null where one is'
        ' missing, and answers {"predictions": […]}, for each row a number or a list of which the last is the score.'
    ),
    (
        "Our account reads and lists the objects under the place of the bytes, which are hashed before a batch and after"
        " it; reads, writes and deletes those under the folder for batches; and creates, cancels and deletes batch"
        " prediction jobs, which are called mrm-batch- and the run."
    ),
    ROWS_ARE_REMOVED,
)
_LONGEST_NAME = 128
_LIVE = (Role.CHAMPION, Role.CHALLENGER)
ENDPOINT, _DEPLOYMENT, _REVISION, _CLAIM, _ROLE = (
    "mrm-endpoint", "mrm-deployment", "mrm-revision", "mrm-claim", "mrm-role-",
)  # fmt: skip
# what decides how a version is served; an address or a time limit gives no new model
_SERVING = ("storage", "image", "predict_route", "health_route", "port")
_RUNNING = ("machine_type", "instances", "service_account")


def endpoint_id(endpoint: str) -> str:
    return letter_name(endpoint)


def told(model: Mapping[str, Any]) -> dict[str, str]:
    """What we wrote into a model's container, which nobody can alter; empty when it is not ours."""
    container = part(model, "containerSpec", WHO)
    values = {str(item.get("name")): str(item.get("value")) for item in things(container, "env", WHO)}
    return read_back(values, VARIABLES)


def model_id(told: Mapping[str, str], config: Mapping[str, Any]) -> str:
    return f"mrm-{hashed(*(told[name] for name in VARIABLES), _settings(_SERVING, config))[:40]}"


def deployed_id(told: Mapping[str, str], config: Mapping[str, Any]) -> str:
    """Ten digits, which is all that Vertex AI allows."""
    number = int(hashed(model_id(told, config), _settings(_RUNNING, config)), 16)
    return str(10**9 + number % (9 * 10**9))


def model(told: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, Any]:
    """A fixed image over the folder that the digest names; Vertex AI lets nobody alter either."""
    return {
        "displayName": f"{told['model']} {told['version']}"[:_LONGEST_NAME],
        "artifactUri": f"{config['storage'].rstrip('/')}/{told['digest']}",
        "containerSpec": {
            "imageUri": config["image"],
            "predictRoute": config["predict_route"],
            "healthRoute": config["health_route"],
            "ports": [{"containerPort": config.get("port", 8080)}],
            "env": [{"name": key, "value": told[name]} for name, key in VARIABLES.items()],
        },
    }


def deployed(told: Mapping[str, str], model: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """One version at work on machines of its own, pinned to the first version of its registered model."""
    instances = config.get("instances", 1)
    found = {
        "id": deployed_id(told, config),
        "model": f"{model}@1",
        "displayName": f"{told['model']} {told['version']}"[:_LONGEST_NAME],
        "dedicatedResources": {
            "machineSpec": machine(config),
            "minReplicaCount": instances,
            "maxReplicaCount": instances,
        },
    }
    return found | ({"serviceAccount": config["service_account"]} if "service_account" in config else {})


def machine(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"machineType": config["machine_type"]}


def endpoint(desired: Desired) -> dict[str, Any]:
    """A new endpoint, empty, claimed by this plan."""
    return {
        "displayName": desired.endpoint[:_LONGEST_NAME],
        "description": desired.endpoint,
        "labels": _owner(desired) | {_CLAIM: claim(desired)},
    }


def traffic(desired: Desired, found: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Shares, roles and revision in one write, never half of it."""
    ids = {deployed_id(told_of(v), config): v for v in desired.variants}
    labels = _foreign(found) | _owner(desired) | {_CLAIM: claim(desired), _REVISION: str(desired.revision)}
    labels |= {f"{_ROLE}{number}": v.role.value for number, v in ids.items()}
    split = {number: whole_percent(v.weight_bp, WHO) for number, v in ids.items() if v.role in _LIVE}
    return {"description": desired.endpoint, "labels": labels, "trafficSplit": {k: v for k, v in split.items() if v}}


def same_traffic(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    split = {k: v for k, v in part(found, "trafficSplit", WHO).items() if v}
    labels = dict(part(found, "labels", WHO))
    return (found.get("description"), labels, split) == (
        wanted["description"], wanted["labels"], wanted["trafficSplit"],
    )  # fmt: skip


def claimed(desired: Desired, found: Mapping[str, Any]) -> dict[str, str]:
    """The labels with this plan's claim: whoever comes with an older one is told no."""
    return dict(part(found, "labels", WHO)) | {_CLAIM: claim(desired)}


def claim(desired: Desired) -> str:
    return f"{desired.revision}-{desired.fingerprint()[:16]}"


def has_claim(desired: Desired, found: Mapping[str, Any]) -> bool:
    return part(found, "labels", WHO).get(_CLAIM) == claim(desired)


def is_ours(found: Mapping[str, Any], endpoint: str) -> bool:
    return part(found, "labels", WHO).get(ENDPOINT) == label(endpoint)


def is_of(found: Mapping[str, Any], desired: Desired) -> bool:
    labels = part(found, "labels", WHO)
    return all(labels.get(key) == value for key, value in _owner(desired).items())


def role(number: str, endpoint: Mapping[str, Any]) -> str:
    """What a deployed model does behind its endpoint, as we wrote it; empty where we did not."""
    return str(part(endpoint, "labels", WHO).get(_ROLE + number, ""))


def revision(found: Mapping[str, Any]) -> int:
    """The revision whose traffic is in force."""
    return _number(part(found, "labels", WHO).get(_REVISION))


def newest(found: Mapping[str, Any]) -> int:
    """The newest revision that anybody began."""
    labels = part(found, "labels", WHO)
    return max(_number(labels.get(_REVISION)), _number(str(labels.get(_CLAIM, "")).partition("-")[0]))


def observed(
    number: str, endpoint: Mapping[str, Any], told: Mapping[str, str], shown: str, reason: str
) -> ObservedVariant:
    """One deployed model as its endpoint uses it; which bytes were loaded is not told."""
    return ObservedVariant(
        name=told.get("model", shown),
        version=told.get("version", ""),
        digest=None,
        ready=not reason,
        weight_bp=basis_points(part(endpoint, "trafficSplit", WHO).get(number)),
        managed=bool(told),
        role=role(number, endpoint),
        reason=reason,
    )


def altered(
    told: Mapping[str, str], found: Mapping[str, Any], registered: Mapping[str, Any], config: Mapping[str, Any]
) -> str:
    """What is not as we wrote it."""
    if reason := altered_model(told, registered, config):
        return reason
    field = missing(deployed(told, "", config) | {"model": found.get("model")}, found)
    return f"Its {field} is not as it was deployed." if field else ""


def altered_model(told: Mapping[str, str], registered: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The same of a registered model alone, also where something was added that decides what runs."""
    wanted = model(told, config)
    if wanted["artifactUri"] != registered.get("artifactUri"):
        return "It reads its model from a place that is not the approved one."
    if field := missing(wanted, registered):
        return f"The {field} of its model is not as it was registered."
    container = part(registered, "containerSpec", WHO)
    added = [name for name in ("command", "args") if container.get(name)]
    return f"Somebody gave its container {added[0]} of another kind." if added else ""


def _owner(desired: Desired) -> dict[str, str]:
    return {ENDPOINT: label(desired.endpoint), _DEPLOYMENT: label(desired.deployment)}


def _foreign(found: Mapping[str, Any]) -> dict[str, str]:
    return {k: v for k, v in part(found, "labels", WHO).items() if not k.startswith("mrm-")}


def label(value: str) -> str:
    """Labels allow few characters, so ours are digests."""
    return hashed(value)[:40]


def _settings(names: tuple[str, ...], config: Mapping[str, Any]) -> str:
    return json.dumps({name: config.get(name) for name in names}, sort_keys=True)


def _number(value: object) -> int:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() else 0
