"""What an endpoint should serve: read from JSON and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mrm.core.fields import an_object, number, text
from mrm.serving import Serving as Rules
from mrm.serving import serving_of

from .artifacts import require_digest
from .refusal import Refused

FULL = 10_000
ROLES = ("champion", "challenger", "shadow", "fallback")
LIVE = ("champion", "challenger")
_NAME = re.compile(r"[^/:\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True)
class RouteVariant:
    """One version behind an endpoint, with its share of the traffic, or of the mirrored requests, in basis points."""

    role: str
    model: str
    version: str
    digest: str
    approval_id: str
    weight_bp: int
    features: tuple[str, ...]
    mirror_bp: int = 0


@dataclass(frozen=True)
class Route:
    """The complete content of an endpoint at one revision."""

    deployment: str
    revision: int
    variants: tuple[RouteVariant, ...]
    rules: Rules = field(default_factory=Rules)

    @property
    def backup(self) -> RouteVariant | None:
        return next((v for v in self.variants if v.role == "fallback"), None)


def parse(body: Any) -> Route:
    """A checked route, or a refusal that names the field."""
    body = an_object(body, "The route")
    variants = body.get("variants")
    if not isinstance(variants, list) or not variants:
        raise Refused(400, "The route needs a list of variants.")
    route = Route(
        deployment=text(body, "deployment"),
        revision=number(body, "revision", 1, 2**53),
        variants=tuple(_variant(an_object(item, "Each variant")) for item in variants),
        rules=serving_of(body.get("serving")),
    )
    _require_consistent(route)
    return route


def require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name in {".", ".."}:
        raise Refused(
            400,
            "An endpoint name needs 1 to 200 characters, without '/', ':' or control characters.",
        )


def _variant(item: Mapping[str, Any]) -> RouteVariant:
    role, digest = text(item, "role"), text(item, "digest")
    if role not in ROLES:
        raise Refused(400, f"The role {role!r} is not served here; known roles are {', '.join(ROLES)}.")
    require_digest(digest)
    version = text(item, "version")
    require_name(version)
    return RouteVariant(
        role=role,
        model=text(item, "model"),
        version=version,
        digest=digest,
        approval_id=text(item, "approval_id"),
        weight_bp=number(item, "weight_bp", 0, FULL),
        features=_features(item),
        mirror_bp=number(item, "mirror_bp", 0, FULL, 0),
    )


def _features(item: Mapping[str, Any]) -> tuple[str, ...]:
    features = item.get("features", [])
    if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
        raise Refused(400, "The field features must be a list of names.")
    if len(set(features)) != len(features):
        raise Refused(400, "The field features names a feature twice.")
    return tuple(features)


def _require_consistent(route: Route) -> None:
    roles = [v.role for v in route.variants]
    if roles.count("champion") != 1:
        raise Refused(400, "A route needs exactly one champion.")
    if roles.count("fallback") > 1:
        raise Refused(400, "A route has one backup at most.")
    if len({v.version for v in route.variants}) != len(route.variants):
        raise Refused(400, "A version may stand only once behind an endpoint.")
    if any(v.weight_bp for v in route.variants if v.role not in LIVE):
        raise Refused(400, "Only champion and challengers take a share of the traffic.")
    if any(v.mirror_bp for v in route.variants if v.role != "shadow"):
        raise Refused(400, "Only a shadow is sent mirrored requests.")
    total = sum(v.weight_bp for v in route.variants)
    if total != FULL:
        raise Refused(400, f"The shares of the traffic add up to {total} basis points instead of {FULL}.")
    if route.rules.needs_backup and not route.backup:
        raise Refused(400, "The rules send requests to a backup, and the route has none.")
