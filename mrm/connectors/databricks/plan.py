"""What a plan is in the words of Databricks. Names follow from content: equal content, equal name."""

import json
from collections.abc import Mapping
from typing import Any

from ..answers import ObservedVariant
from ..names import hashed, letter_name
from ..reading import missing, part, text, things
from ..shares import basis_points, whole_percent
from ..told import VARIABLES, read_back
from ..values import Desired, Role
from .registry import WHO, Registered

_LIVE = (Role.CHAMPION, Role.CHALLENGER)
_ENDPOINT, _DEPLOYMENT, _REVISION, _CONFIG, _ROLE = (
    "mrm_endpoint", "mrm_deployment", "mrm_revision", "mrm_config", "mrm_role_",
)  # fmt: skip
_SERVING = ("workload_size", "workload_type", "scale_to_zero")
READY, FAILED = "DEPLOYMENT_READY", {"DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"}


def endpoint_name(endpoint: str) -> str:
    return letter_name(endpoint)


def told(entity: Mapping[str, Any]) -> dict[str, str]:
    """What we gave a served version as its environment; empty when it is not ours."""
    values = part(entity, "environment_vars", WHO)
    return read_back(values, VARIABLES)


def entity(told: Mapping[str, str], registered: Registered, config: Mapping[str, Any]) -> dict[str, Any]:
    """One version at work."""
    settings = json.dumps({name: config.get(name) for name in _SERVING}, sort_keys=True)
    content = (*(told[name] for name in VARIABLES), registered.name, registered.version, settings)
    found = {
        "name": f"v-{hashed(*content)[:24]}",
        "entity_name": registered.name,
        "entity_version": registered.version,
        "workload_size": config.get("workload_size", "Small"),
        "scale_to_zero_enabled": config.get("scale_to_zero", False),
        "environment_vars": {key: told[name] for name, key in VARIABLES.items()},
    }
    return found | ({"workload_type": config["workload_type"]} if "workload_type" in config else {})


def served(entities: Mapping[str, Mapping[str, Any]], desired: Desired) -> dict[str, Any]:
    """The whole of what serves; `entities` are those of the desired versions, by version."""
    live = [(entities[v.version.version]["name"], v.weight_bp) for v in desired.variants if v.role in _LIVE]
    routes = [{"served_entity_name": name, "traffic_percentage": whole_percent(share, WHO)} for name, share in live]
    return {"served_entities": list(entities.values()), "traffic_config": {"routes": routes}}


def tags(desired: Desired, config: Mapping[str, Any]) -> dict[str, str]:
    """Who it belongs to, and which revision belongs to which content; one without the other counts for nothing."""
    names = [item["name"] for item in config["served_entities"]]
    roles = {f"{_ROLE}{name}": v.role.value for name, v in zip(names, desired.variants, strict=True)}
    content = {_REVISION: str(desired.revision), _CONFIG: content_of(config)}
    return {_ENDPOINT: _label(desired.endpoint), _DEPLOYMENT: _label(desired.deployment)} | content | roles


def tags_of(found: Mapping[str, Any]) -> dict[str, str]:
    return {str(tag.get("key")): str(tag.get("value", "")) for tag in things(found, "tags", WHO)}


def our_tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in tags_of(found).items() if key.startswith("mrm_")}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def content_of(config: Mapping[str, Any]) -> str:
    """A digest of which versions serve with which shares; what the backend fills in does not count."""
    shares = {name: share for name, share in routes(config).items() if share}
    return hashed(*sorted(entities(config)), json.dumps(shares, sort_keys=True))[:32]


def entities(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {text(item, "name", WHO): item for item in things(config, "served_entities", WHO)}


def routes(config: Mapping[str, Any]) -> dict[str, int]:
    """Shares in percent by served version, by either of the names that a route may carry."""
    found = things(part(config, "traffic_config", WHO), "routes", WHO)
    named = [
        (str(r.get("served_entity_name") or r.get("served_model_name")), r.get("traffic_percentage")) for r in found
    ]
    return {name: share for name, share in named if isinstance(share, int)}


def same(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether exactly the wanted versions serve, as they were given, with the wanted shares."""
    here = entities(found)
    if set(here) != {item["name"] for item in wanted["served_entities"]} or content_of(wanted) != content_of(found):
        return False
    return not any(missing(item, here[item["name"]]) for item in wanted["served_entities"])


def is_ours(found: Mapping[str, Any], endpoint: str) -> bool:
    return tags_of(found).get(_ENDPOINT) == _label(endpoint)


def is_of(found: Mapping[str, Any], desired: Desired) -> bool:
    return is_ours(found, desired.endpoint) and tags_of(found).get(_DEPLOYMENT) == _label(desired.deployment)


def newest(found: Mapping[str, Any]) -> int:
    """The newest revision that anybody began."""
    number = tags_of(found).get(_REVISION, "")
    return int(number) if number.isascii() and number.isdigit() else 0


def revision(found: Mapping[str, Any]) -> int | None:
    """The revision in force: that of the tags, when they speak of what serves."""
    same = tags_of(found).get(_CONFIG) == content_of(part(found, "config", WHO))
    return newest(found) or None if same else None


def observed(name: str, found: Mapping[str, Any], told: Mapping[str, str], reason: str) -> ObservedVariant:
    """One served version; which bytes were loaded is not told."""
    served = part(found, "config", WHO)
    return ObservedVariant(
        name=told.get("model", name),
        version=told.get("version", str(entities(served)[name].get("entity_version") or "")),
        digest=None,
        ready=not reason,
        weight_bp=basis_points(routes(served).get(name)),
        managed=bool(told),
        role=tags_of(found).get(_ROLE + name, ""),
        reason=reason,
    )


def altered(told: Mapping[str, str], found: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """What of a served version is not as we gave it; its name is a digest of it."""
    registered = Registered(str(found.get("entity_name")), str(found.get("entity_version")))
    wanted = entity(told, registered, config)
    if field := missing(wanted, found):
        same_name = field != "name"
        return (
            f"Its {field} is not as it was deployed." if same_name else "It serves something else than its name says."
        )
    added = set(part(found, "environment_vars", WHO)) - set(VARIABLES.values())
    return f"Somebody gave it the variable {min(added)}." if added else ""


def at_work(entity: Mapping[str, Any]) -> str:
    """Why a served version does not answer yet, or an empty text."""
    state = part(entity, "state", WHO)
    deployment = str(state.get("deployment") or "nothing")
    if deployment == READY:
        return ""
    return f"{WHO} says {deployment}. {str(state.get('deployment_state_message') or '')[:300]}".strip()


def failed(entity: Mapping[str, Any]) -> bool:
    return part(entity, "state", WHO).get("deployment") in FAILED


def _label(value: str) -> str:
    return hashed(value)[:40]
