"""One line of the prediction log: which version, under which approval, answered which request with what."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

_PLAIN = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


@dataclass(slots=True)
class Record:
    """What is known when the answer leaves; it becomes text later, off the request's time."""

    id: str
    at: float  # seconds since 1970
    endpoint: str
    deployment: str
    revision: int
    role: str
    model: str
    version: str
    digest: str
    approval: str
    unit: str | None
    rows: int
    policy: str  # full, hashed or none
    inputs: list[Any]
    outputs: list[Any]
    micros: int
    outcome: str
    flags: list[str] = field(default_factory=list)
    reason: str = ""
    parent: str = ""

    def line(self, key: bytes) -> bytes:
        """As JSON with its newline. The unit is never written, only its keyed digest."""
        unit = None if self.unit is None else hmac.digest(key, self.unit.encode(), "sha256").hex()
        told = {
            "id": self.id,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="microseconds"),
            "endpoint": self.endpoint,
            "deployment": self.deployment,
            "revision": self.revision,
            "role": self.role,
            "model": self.model,
            "version": self.version,
            "digest": self.digest,
            "approval": self.approval,
            "unit": unit,
            "rows": self.rows,
            "inputs": self._inputs(),
            "outputs": self.outputs,
            "micros": self.micros,
            "flags": self.flags,
            "reason": self.reason,
            "parent": self.parent,
            "outcome": self.outcome,
        }
        return orjson.dumps(told, option=_PLAIN)

    def _inputs(self) -> Any:
        if self.policy == "full":
            return self.inputs
        if self.policy == "hashed":
            plain = orjson.dumps(self.inputs, option=orjson.OPT_SORT_KEYS)
            return f"sha256:{hashlib.sha256(plain).hexdigest()}"
        return None
