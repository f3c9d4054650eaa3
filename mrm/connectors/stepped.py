"""Backends whose changes take minutes: each look takes the one step that is missing, until none is."""

import json
from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from .base import BaseConnector, refuse_unapproved_bytes
from .errors import Invalid
from .protocol import Result
from .values import Artifact, ArtifactFile, Desired, Op, Role, Variant, VersionRef, require_endpoint


@dataclass(frozen=True)
class Waiting:
    """What the backend is busy with.

    `operation` names it where its failure shows nowhere else; `made` tells the thing that is taken away from a
    later one of the same name.
    """

    message: str
    operation: str = ""
    made: str = ""


class SteppedConnector(BaseConnector):
    """The handle carries the plan, so that a step follows from what stands and what is wanted, never from memory.

    A process may die between any two steps: the next apply looks, and goes on.
    """

    poll_seconds = 10.0
    most_minutes: ClassVar[float] = 45.0  # machines are started for it

    @abstractmethod
    def step(self, desired: Desired, *, op: Op | None, first: bool, etag: str | None = None) -> Waiting | None:
        """Take the next step, or say what is waited for; None when all is as desired.

        What failed before is tried again by the first step of an apply, and refused by those that follow.
        """

    @abstractmethod
    def removal(self, endpoint: str, made: str, *, op: Op | None) -> Waiting | None:
        """The same for taking everything of ours away; another thing than `made`, where it is told, stays."""

    def finished(self, operation: str) -> bool:
        """Whether a named operation ended well; raises when it failed."""
        raise Invalid(f"The {self.id} connector knows no operation {operation!r}.")

    def refuse_unfit(self, desired: Desired) -> None:
        """Raise Invalid for what this backend cannot express, before anything is sent."""

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result:
        """Verify the bytes, then take the first step."""
        self.refuse_undeclared(desired, expect_etag)
        refuse_unapproved_bytes(desired)
        self.refuse_unfit(desired)
        for variant in desired.variants:
            for file in variant.version.artifact.files:
                with self.verified(variant.version.artifact, file):
                    pass  # only the reference leaves; the bytes must be the approved ones all the same
        return self._result({"plan": asdict(desired)}, self.step(desired, op=op, first=True, etag=expect_etag))

    def poll(self, handle: str) -> Result:
        """Look again, and take the next step."""
        kept = _kept(handle, self.id)
        operation = kept.pop("operation", "")
        if operation and not self.finished(operation):
            return self._result(kept, Waiting("It is still at work.", operation))
        if "gone" in kept:
            return self._result(kept, self.removal(str(kept["gone"]), str(kept.get("made", "")), op=None))
        return self._result(kept, self.step(_desired(kept.get("plan"), self.id), op=None, first=False))

    def delete(self, endpoint: str, *, op: Op) -> Result:
        """Take away what is ours behind the endpoint, and nothing else."""
        require_endpoint(endpoint)
        return self._result({"gone": endpoint}, self.removal(endpoint, "", op=op))

    def _result(self, kept: dict[str, Any], waiting: Waiting | None) -> Result:
        if waiting is None:
            return Result(done=True, message="Nothing of ours is left." if "gone" in kept else "It is as desired.")
        told = {"operation": waiting.operation, "made": waiting.made}
        handle = json.dumps(kept | {name: value for name, value in told.items() if value})
        return Result(False, handle, self.poll_seconds, waiting.message)


def _kept(handle: str, id: str) -> dict[str, Any]:
    try:
        found = json.loads(handle)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid(f"This is no handle of the {id} connector.")
    return found


def _desired(plan: Any, id: str) -> Desired:
    """The plan as it was applied; rules are never part of it, since no connector of this kind promises them."""
    try:
        variants = tuple(_variant(item) for item in plan["variants"])
        return Desired(plan["deployment"], plan["revision"], plan["endpoint"], variants)
    except (KeyError, TypeError, ValueError):
        raise Invalid(f"This is no handle of the {id} connector.") from None


def _variant(item: dict[str, Any]) -> Variant:
    version = item["version"]
    artifact = version["artifact"]
    files = tuple(ArtifactFile(**file) for file in artifact["files"])
    reference = VersionRef(
        **version | {"artifact": Artifact(**artifact | {"files": files}), "features": tuple(version["features"])}
    )
    return Variant(Role(item["role"]), reference, item["weight_bp"], item["mirror_bp"])
