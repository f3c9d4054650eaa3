"""One request on its way to an answer."""

from dataclasses import dataclass, field
from typing import Any

from .asking import Asked
from .endpoint import Endpoint, Loaded
from .refusal import MANUAL, Refused
from .tensors import Array


@dataclass(slots=True)
class Case:
    """What is known of a request so far: who answers it, and why that one."""

    endpoint: Endpoint
    asked: Asked
    id: str
    body: dict[str, Any]
    unit: str | None
    item: Loaded
    probe: bool = False
    flags: list[str] = field(default_factory=list)
    reason: str = ""
    names: list[str] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)

    @property
    def on_backup(self) -> bool:
        return self.item is self.endpoint.backup

    def to_backup(self, flag: str, reason: str) -> None:
        """Let the backup answer; where there is none, or a version was asked by name, a person must decide."""
        backup, self.reason = self.endpoint.backup, reason
        self.flags.append(flag)
        if self.asked.version is not None or self.on_backup or backup is None or backup.model is None:
            raise Refused(503, reason, MANUAL)
        self.item = backup
