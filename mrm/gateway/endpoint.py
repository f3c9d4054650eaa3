"""One endpoint at one revision, ready to answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mrm.serving import Serving as Rules

from .assignment import Assignment
from .breaker import Breaker
from .record import beginning
from .refusal import Refused
from .remote import Remote
from .route import LIVE, RouteVariant
from .routes import Stored
from .runtime import Model
from .segment import Segment


@dataclass(frozen=True)
class Loaded:
    """A variant and its model, or the reason why there is none."""

    variant: RouteVariant
    model: Model | None
    reason: str = ""
    segment: Segment | None = None
    breaker: Breaker | None = None
    remote: Remote | None = None  # where it answers, if not here

    @cached_property
    def able(self) -> bool:
        return self.model is not None or self.remote is not None

    @cached_property
    def digest(self) -> str | None:
        """Of the bytes that answer: those in memory, or those that each answer from elsewhere must name."""
        return self.model.digest if self.model else self.variant.digest if self.remote else None

    def require(self) -> Model:
        if self.remote is not None:
            raise Refused(503, f"Version {self.variant.version} is served elsewhere.")
        if self.model is None:
            raise Refused(503, f"Version {self.variant.version} is not ready: {self.reason}")
        return self.model


@dataclass(frozen=True)
class Endpoint:
    """Replaced as a whole, never changed."""

    stored: Stored
    loaded: tuple[Loaded, ...]

    @property
    def ready(self) -> bool:
        return all(item.able for item in self.loaded)

    @cached_property
    def name(self) -> str:
        return self.stored.endpoint

    @cached_property
    def rules(self) -> Rules:
        return self.stored.route.rules

    @cached_property
    def must_log(self) -> bool:
        """Whether an answer waits until its line in the prediction log is on disk."""
        return self.rules.must_log

    @cached_property
    def seconds(self) -> float:
        """How long a version may take to answer."""
        return self.rules.failover.timeout_ms / 1_000

    @cached_property
    def beginnings(self) -> dict[str, bytes]:
        """How a line of the prediction log begins, by version."""
        return {item.variant.version: beginning(self._who(item.variant)) for item in self.loaded}

    @cached_property
    def told(self) -> dict[str, dict[str, Any]]:
        """What the parameters of an answer say about who gave it, by version."""
        return {item.variant.version: self._told(item) for item in self.loaded}

    def _told(self, item: Loaded) -> dict[str, Any]:
        route = self.stored.route
        return {
            "role": item.variant.role,
            "digest": item.digest,
            "deployment": route.deployment,
            "revision": route.revision,
        }

    def _who(self, variant: RouteVariant) -> dict[str, Any]:
        route = self.stored.route
        return {
            "endpoint": self.name,
            "deployment": route.deployment,
            "revision": route.revision,
            "role": variant.role,
            "model": variant.model,
            "version": variant.version,
            "digest": variant.digest,
            "approval": variant.approval_id,
        }

    @cached_property
    def backup(self) -> Loaded | None:
        return next((item for item in self.loaded if item.variant.role == "fallback"), None)

    @cached_property
    def champion(self) -> Loaded:
        return next(item for item in self.loaded if item.variant.role == "champion")

    @cached_property
    def _versions(self) -> dict[str, Loaded]:
        return {item.variant.version: item for item in self.loaded}

    @cached_property
    def _assignment(self) -> Assignment:
        return Assignment(self.stored.route)

    def version(self, version: str | None) -> Loaded:
        """The named version, or the champion."""
        if version is None:
            return self.champion
        if version not in self._versions:
            raise Refused(404, f"The endpoint {self.name} does not serve version {version}.")
        return self._versions[version]

    def answering(self, version: str) -> Loaded:
        """The named version, when it is one that answers requests."""
        found = self.version(version)
        if found.variant.role not in LIVE:
            what = "only sees mirrored requests" if found.variant.role == "shadow" else "answers when others fail"
            raise Refused(403, f"Version {version} {what}; it is not asked by name.")
        return found

    def assigned(self, unit: str | None) -> Loaded:
        """The version that this unit is assigned to."""
        return self._versions[self._assignment.of(unit).version]

    def mirrors(self, unit: str | None) -> Iterator[Loaded]:
        """The shadows that see this request."""
        for shadow in self._assignment.shadows:
            if self._assignment.mirrored(shadow, unit):
                yield self._versions[shadow.version]
