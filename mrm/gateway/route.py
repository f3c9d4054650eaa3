"""What an endpoint should serve: read from JSON, checked, and kept on disk."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .artifacts import require_digest, sync_folder
from .refusal import Refused

FULL = 10_000
ROLES = ("champion", "challenger")
_NAME = re.compile(r"[^/:\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True)
class RouteVariant:
    """One version behind an endpoint, with its share of the traffic in basis points."""

    role: str
    model: str
    version: str
    digest: str
    approval_id: str
    weight_bp: int
    features: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """The complete content of an endpoint at one revision."""

    deployment: str
    revision: int
    variants: tuple[RouteVariant, ...]

    @property
    def content(self) -> tuple[str, tuple[RouteVariant, ...]]:
        """Everything but the revision."""
        return self.deployment, self.variants


def parse(body: Any) -> Route:
    """A checked route, or a refusal that names the field."""
    body = _object(body, "The route")
    variants = body.get("variants")
    if not isinstance(variants, list) or not variants:
        raise Refused(400, "The route needs a list of variants.")
    route = Route(
        deployment=_text(body, "deployment"),
        revision=_number(body, "revision", 1, 2**53),
        variants=tuple(_variant(_object(item, "Each variant")) for item in variants),
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
    role, digest = _text(item, "role"), _text(item, "digest")
    if role not in ROLES:
        raise Refused(400, f"The role {role!r} is not served here; known roles are champion and challenger.")
    require_digest(digest)
    features = item.get("features", [])
    if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
        raise Refused(400, "The field features must be a list of names.")
    if len(set(features)) != len(features):
        raise Refused(400, "The field features names a feature twice.")
    version = _text(item, "version")
    require_name(version)
    return RouteVariant(
        role=role,
        model=_text(item, "model"),
        version=version,
        digest=digest,
        approval_id=_text(item, "approval_id"),
        weight_bp=_number(item, "weight_bp", 0, FULL),
        features=tuple(features),
    )


def _require_consistent(route: Route) -> None:
    if [v.role for v in route.variants].count("champion") != 1:
        raise Refused(400, "A route needs exactly one champion.")
    if len({v.version for v in route.variants}) != len(route.variants):
        raise Refused(400, "A version may stand only once behind an endpoint.")
    total = sum(v.weight_bp for v in route.variants)
    if total != FULL:
        raise Refused(400, f"The shares of the traffic add up to {total} basis points instead of {FULL}.")


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused(400, f"{what} must be a JSON object.")
    return value


def _text(source: Mapping[str, Any], field: str) -> str:
    value = source.get(field)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"The field {field} must be a text.")
    return value


def _number(source: Mapping[str, Any], field: str, low: int, high: int) -> int:
    value = source.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(400, f"The field {field} must be a whole number from {low} to {high}.")
    return value


@dataclass(frozen=True)
class Stored:
    """A route as it lies on disk; the etag is new with every write."""

    endpoint: str
    etag: str
    route: Route


class Routes:
    """One JSON file per endpoint, replaced as a whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root / "routes"
        self._root.mkdir(parents=True, exist_ok=True)
        for left_over in self._root.glob("*.new"):
            left_over.unlink()

    def save(self, stored: Stored) -> None:
        place = self._path(stored.endpoint)
        fresh = place.with_suffix(".new")
        content = {"endpoint": stored.endpoint, "etag": stored.etag, "route": asdict(stored.route)}
        with fresh.open("w", encoding="utf-8") as target:
            json.dump(content, target, ensure_ascii=False, indent=1)
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(place)
        sync_folder(self._root)

    def remove(self, endpoint: str) -> None:
        self._path(endpoint).unlink(missing_ok=True)
        sync_folder(self._root)

    def all(self) -> Iterator[Stored | str]:
        """Each stored route, or the sentence why its file cannot be read."""
        for place in sorted(self._root.glob("*.json")):
            try:
                yield self._read(place)
            except (ValueError, KeyError, TypeError, Refused):
                yield f"The route file {place.name} is damaged and is not served."

    def _read(self, place: Path) -> Stored:
        content = json.loads(place.read_text(encoding="utf-8"))
        stored = Stored(str(content["endpoint"]), str(content["etag"]), parse(content["route"]))
        if place != self._path(stored.endpoint):
            raise ValueError(place)
        return stored

    def _path(self, endpoint: str) -> Path:
        return self._root / f"{hashlib.sha256(endpoint.encode()).hexdigest()}.json"
