"""What a plan is in SageMaker's words. Names follow from content: equal content, equal name."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from ..errors import Invalid
from ..names import hashed, short_name
from ..values import FULL, Desired, Role, Variant

TOLD = "MRM"
_LIMIT, _MAX_PIECES = 1024, 90  # what one value and one model may hold
DEPLOYMENT, ENDPOINT = "mrm:deployment", "mrm:endpoint"
_LIVE = (Role.CHAMPION, Role.CHALLENGER)


def prefix(endpoint: str) -> str:
    """What the names of an endpoint's models and configurations begin with."""
    return f"mrm-{hashed(endpoint)[:16]}"


def model_name(desired: Desired, variant: Variant) -> str:
    version = variant.version
    parts = (desired.endpoint, version.model, version.version, version.artifact.digest, version.approval_id)
    return f"{prefix(desired.endpoint)}-{hashed(*parts, *version.features)[:16]}"


def config_name(desired: Desired, settings: Mapping[str, Any]) -> str:
    content = json.dumps(dict(settings), sort_keys=True)
    return f"{prefix(desired.endpoint)}-{hashed(desired.fingerprint(), content)[:16]}-r{desired.revision}"


def revision(config: str) -> int | None:
    """The revision that a configuration's name carries; None for names of others."""
    number = config.rpartition("-r")[2]
    return int(number) if config.startswith("mrm-") and number.isdigit() else None


def model(desired: Desired, variant: Variant, settings: Mapping[str, Any], uri: str) -> dict[str, Any]:
    """The input of CreateModel: a fixed image, an immutable place, and what it is."""
    version = variant.version
    told = {
        "endpoint": desired.endpoint,
        "model": version.model,
        "version": version.version,
        "digest": version.artifact.digest,
        "approval_id": version.approval_id,
        "features": list(version.features),
        "files": [file.name for file in version.artifact.files],
    }
    source = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
    written = json.dumps(told, ensure_ascii=False)
    pieces = [written[start : start + _LIMIT] for start in range(0, len(written), _LIMIT)]
    if len(pieces) > _MAX_PIECES:
        raise Invalid("The names of this version's features are too long for SageMaker.")
    return {
        "ModelName": model_name(desired, variant),
        "ExecutionRoleArn": settings["execution_role"],
        "EnableNetworkIsolation": True,
        "PrimaryContainer": {
            "Image": settings["image"],
            "ModelDataSource": {"S3DataSource": source},
            "Environment": {f"{TOLD}_{number}": piece for number, piece in enumerate(pieces)},
        },
    }


def told(described: Mapping[str, Any]) -> dict[str, Any]:
    """What we wrote into a model; empty when it is not ours."""
    container = described.get("PrimaryContainer")
    environment = container.get("Environment") if isinstance(container, dict) else None
    values = environment if isinstance(environment, dict) else {}
    written = "".join(str(values.get(f"{TOLD}_{number}", "")) for number in range(_MAX_PIECES))
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def config(desired: Desired, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The input of CreateEndpointConfig. Weights are basis points, which a float keeps exactly."""
    live = [_variant(desired, v, v.weight_bp, settings) for v in desired.variants if v.role in _LIVE]
    shadow = [_variant(desired, v, v.mirror_bp, settings) for v in desired.variants if v.role == Role.SHADOW]
    if shadow and (len(live) > 1 or len(shadow) > 1):
        raise Invalid("SageMaker mirrors one champion to one shadow; take the challengers or the other shadows away.")
    found = {"EndpointConfigName": config_name(desired, settings), "ProductionVariants": live}
    return found | ({"ShadowProductionVariants": shadow} if shadow else {})


def tags(desired: Desired) -> list[dict[str, str]]:
    """Tag values allow few characters, so ours are encoded."""
    return [
        {"Key": ENDPOINT, "Value": _encoded(desired.endpoint)},
        {"Key": DEPLOYMENT, "Value": _encoded(desired.deployment)},
    ]


def from_tags(found: list[dict[str, Any]]) -> dict[str, str]:
    """Endpoint and deployment, as far as the tags are ours."""
    values = {str(tag.get("Key")): str(tag.get("Value")) for tag in found}
    return {key: _decoded(values[key]) for key in (ENDPOINT, DEPLOYMENT) if key in values}


def is_of(found: list[dict[str, Any]], deployment: str) -> bool:
    """Whether the tags name this deployment."""
    return {"Key": DEPLOYMENT, "Value": _encoded(deployment)} in found


def basis_points(weights: Mapping[str, float]) -> dict[str, int]:
    """SageMaker's relative weights as shares; the largest takes what rounding leaves."""
    total = sum(weights.values())
    if total <= 0:
        return dict.fromkeys(weights, 0)
    shares = {name: round(weight / total * FULL) for name, weight in weights.items()}
    largest = max(shares, key=lambda name: shares[name])
    shares[largest] += FULL - sum(shares.values())
    return shares


def role_of(variant_name: str) -> str:
    return variant_name.partition("-")[0]


def _variant(desired: Desired, variant: Variant, weight: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "VariantName": f"{variant.role}-{hashed(variant.version.version)[:8]}",
        "ModelName": model_name(desired, variant),
        "InitialInstanceCount": settings["instances"],
        "InstanceType": settings["instance_type"],
        "InitialVariantWeight": float(weight),
    }


def _encoded(value: str) -> str:
    found = base64.urlsafe_b64encode(value.encode()).decode()
    return f"b64:{found}" if len(found) <= 250 else short_name(value)


def _decoded(value: str) -> str:
    if not value.startswith("b64:"):
        return value
    try:
        return base64.urlsafe_b64decode(value[4:]).decode()
    except ValueError:
        return value
