"""Between the protocol's values and the gateway's JSON."""

from collections.abc import Mapping
from typing import Any

from mrm.serving import rules_fingerprint

from ..protocol import Desired, Invalid, Listed, Observed, ObservedVariant, Serving, Variant

ROUTE = "application/vnd.mrm.gateway.route.v1+json"
APPROVAL = "application/vnd.mrm.gateway.approval.v1+json"


def route_of(desired: Desired) -> dict[str, Any]:
    """The whole route of an endpoint; rules that are the defaults go without saying."""
    route = {
        "endpoint": desired.endpoint,
        "deployment": desired.deployment,
        "revision": desired.revision,
        "variants": [_variant(variant) for variant in desired.variants],
    }
    return route if desired.rules == Serving() else route | {"serving": desired.rules.told()}


def _variant(variant: Variant) -> dict[str, Any]:
    version = variant.version
    return {
        "role": str(variant.role),
        "model": version.model,
        "version": version.version,
        "digest": version.artifact.digest,
        "approval_id": version.approval_id,
        "weight_bp": variant.weight_bp,
        "mirror_bp": variant.mirror_bp,
        "features": list(version.features),
    }


def observed(state: Mapping[str, Any]) -> Observed:
    try:
        variants = tuple(
            ObservedVariant(
                name=item["model"],
                version=item["version"],
                digest=_digest(item),
                ready=item["ready"],
                weight_bp=item["weight_bp"],
                managed=True,
                role=item["role"],
                reason=item["reason"],
                mirror_bp=item["mirror_bp"],
                standing=item["standing"],
                passed_over=item["passed_over"],
            )
            for item in state["variants"]
        )
        rules = rules_fingerprint(state["serving"])
        return Observed(True, variants, etag=state["etag"], revision=state["revision"], rules=rules)
    except (KeyError, TypeError):
        raise Invalid("The gateway described its endpoint in a way that is not understood.") from None


def _digest(item: Mapping[str, Any]) -> str | None:
    """Of what is loaded; of its file where that was changed since: with the next start that one counts."""
    digest: str | None = item["digest"]
    changed = digest is not None and item["file"] != item["wanted_digest"]
    return item["file"] if changed else digest


def listed(state: Mapping[str, Any]) -> list[Listed]:
    return [
        Listed(name_of(state), item.version, item.digest, item.name, item.managed, (item.role,))
        for item in observed(state).variants
    ]


def name_of(state: Mapping[str, Any]) -> str:
    return str(state["endpoint"])


def list_of(answer: Mapping[str, Any], field: str) -> list[Any]:
    found = answer.get(field)
    if not isinstance(found, list):
        raise Invalid(f"The gateway's answer has no list of {field}.")
    return found
