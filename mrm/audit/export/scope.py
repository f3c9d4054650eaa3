"""What part of the log a bundle holds."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scope:
    """The whole log; the chain of one object; or everything since an earlier size."""

    kind: str = "log"
    object_type: str = ""
    object_id: str = ""
    since: int = 0

    @classmethod
    def of_object(cls, kind: str, key: str) -> "Scope":
        return cls("object", kind, key)

    @classmethod
    def after(cls, size: int) -> "Scope":
        return cls("since", since=size)

    def as_json(self) -> dict[str, Any]:
        if self.kind == "object":
            return {"kind": "object", "type": self.object_type, "id": self.object_id}
        return {"kind": "since", "size": self.since} if self.kind == "since" else {"kind": "log"}
