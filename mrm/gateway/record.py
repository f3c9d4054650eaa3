"""One line of the prediction log: which version, under which approval, answered which request with what."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

_PLAIN = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def beginning(who: dict[str, Any]) -> bytes:
    """Who says it, for `Record.by`."""
    return orjson.dumps(who)[:-1] + b","


class Keyed:
    """HMAC-SHA-256 under one key, with the key's part computed once."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, text: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


@dataclass(slots=True)
class Record:
    """What is known when the answer leaves."""

    id: str
    at: float  # seconds since 1970
    by: bytes  # who says it, as the beginning of a JSON object: the same for every line of a version
    unit: str | None
    rows: int
    policy: str  # full, reference, hashed or none
    inputs: Any
    outputs: Any  # tensors, or their text
    micros: int
    outcome: str
    flags: Sequence[str] = ()
    reason: str = ""
    parent: str = ""

    def line(self, keyed: Keyed) -> bytes:
        """As JSON with its newline. The unit is never written, only its keyed digest."""
        told = {
            "id": self.id,
            "at": datetime.fromtimestamp(self.at, UTC),
            "unit": None if self.unit is None else keyed.digest(self.unit),
            "rows": self.rows,
            "inputs": self._inputs(),
            "outputs": self.outputs,
            "micros": self.micros,
            "flags": self.flags,
            "reason": self.reason,
            "parent": self.parent,
            "outcome": self.outcome,
        }
        return self.by + orjson.dumps(told, option=_PLAIN)[1:]

    def _inputs(self) -> Any:
        if self.policy in {"full", "reference"}:
            return self.inputs
        if self.policy == "hashed":
            plain = orjson.dumps(self.inputs, option=orjson.OPT_SORT_KEYS)
            return f"sha256:{hashlib.sha256(plain).hexdigest()}"
        return None
