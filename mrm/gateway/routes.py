"""The routes on disk."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrm.core.fields import BadField

from .artifacts import sync_folder
from .refusal import Refused
from .route import Route, parse
from .seal import ROUTE, Seal


@dataclass(frozen=True)
class Stored:
    """A route as it lies on disk; the etag is new with every write."""

    endpoint: str
    etag: str
    route: Route
    body: dict[str, Any] = field(compare=False)  # as it was received


def parse_route(endpoint: str, body: Any) -> Route:
    """The route of this endpoint: one that is signed for another does not serve here."""
    if isinstance(body, dict) and body.get("endpoint", endpoint) != endpoint:
        raise Refused(400, f"The route is for the endpoint {body['endpoint']}, sent for {endpoint}.")
    return parse(body)


class Routes:
    """One JSON file per endpoint, replaced as a whole or not at all."""

    def __init__(self, root: Path, seal: Seal) -> None:
        self._root, self._seal = root / "routes", seal
        self._root.mkdir(parents=True, exist_ok=True)
        for left_over in self._root.glob("*.new"):
            left_over.unlink()

    def save(self, stored: Stored) -> None:
        place = self._path(stored.endpoint)
        fresh = place.with_suffix(".new")
        content = {"endpoint": stored.endpoint, "etag": stored.etag, "route": stored.body}
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
            except (Refused, BadField) as refused:
                yield f"The route file {place.name} is not served. {refused.message}"
            except (ValueError, KeyError, TypeError):
                yield f"The route file {place.name} is damaged and is not served."

    def _read(self, place: Path) -> Stored:
        content = json.loads(place.read_text(encoding="utf-8"))
        body = content["route"]
        name = str(content["endpoint"])
        stored = Stored(name, str(content["etag"]), parse_route(name, self._seal.content(body, ROUTE)), body)
        if place != self._path(stored.endpoint):
            raise ValueError(place)
        return stored

    def _path(self, endpoint: str) -> Path:
        return self._root / f"{hashlib.sha256(endpoint.encode()).hexdigest()}.json"
