"""What must outlive a restart besides the routes: who failed over, and which approvals no longer stand."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrm.serving import Failover

from .artifacts import sync_folder
from .breaker import Breaker, moment


class Kept:
    """A JSON object in one file, replaced as a whole."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ValueError(
                f"{self._place} is damaged; without it the gateway does not know what to pass over."
            ) from None
        return found

    def write(self, content: dict[str, Any]) -> None:
        fresh = self._place.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as target:
            json.dump(content, target, ensure_ascii=False, indent=1)
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(self._place)
        sync_folder(self._place.parent)


class Breakers:
    """One breaker for each version of each endpoint; the same one through every revision that keeps the bytes."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root / "breakers.json")
        self._breakers: dict[str, dict[str, Breaker]] = {
            endpoint: {version: Breaker(Failover(), **told) for version, told in versions.items()}
            for endpoint, versions in self._kept.read().items()
        }

    def of(self, endpoint: str, version: str, digest: str, rules: Failover) -> Breaker:
        known = self._breakers.setdefault(endpoint, {})
        if version not in known or known[version].digest != digest:
            known[version] = Breaker(rules, digest)
        known[version].rules = rules
        return known[version]

    def open_at(self, endpoint: str) -> list[Breaker]:
        return [breaker for breaker in self._breakers.get(endpoint, {}).values() if breaker.open]

    def all_open(self) -> dict[tuple[str, ...], float]:
        """Endpoint and version of all that are passed over."""
        return {
            (endpoint, version): 1
            for endpoint, versions in self._breakers.items()
            for version, breaker in versions.items()
            if breaker.open
        }

    def forget(self, endpoint: str) -> None:
        if self._breakers.pop(endpoint, None):
            self.save()

    def note(self) -> None:
        """Keep that one has opened; where that fails it stays open as long as this process lives, and we say so."""
        try:
            self.save()
        except OSError as error:
            logging.getLogger(__name__).error("a fail-over is not kept for the next start: %s", error)

    def save(self) -> None:
        self._kept.write(
            {
                endpoint: {v: b.kept() for v, b in versions.items() if b.open or b.flips}
                for endpoint, versions in self._breakers.items()
            }
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the control plane says of an approval."""

    approval: str
    standing: str
    at: float
    reason: str

    @property
    def valid(self) -> bool:
        return self.standing == "valid"

    @property
    def sentence(self) -> str:
        return f"The approval {self.approval} is {self.standing} since {moment(self.at)}. {self.reason}".strip()
