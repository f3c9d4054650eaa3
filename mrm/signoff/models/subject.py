"""What can be signed: an area registers its subject here, and sign-off asks no further."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import models

from mrm.access.models import BusinessUnit
from mrm.core.actors import Actor
from mrm.core.registry import Registry


class GateState(enum.StrEnum):
    MET = "met"
    MISSING = "missing"
    WAIVED = "waived"


@dataclass(frozen=True)
class Gate:
    """One thing that must hold before the subject may be approved, with where to look."""

    key: str
    title: str
    state: GateState
    detail: str
    url: str = ""
    as_of: str = ""
    waivable: bool = False


@dataclass(frozen=True)
class Change:
    """One difference from the last approved content; `material` ones void an approval."""

    name: str
    before: str
    after: str
    material: bool = False


class Subject(Protocol):
    """What sign-off asks of a thing to be signed."""

    def find(self, key: str) -> models.Model: ...

    def content(self, record: Any) -> Mapping[str, Any]:
        """The content the signature binds; its canonical digest is the subject digest."""

    def unit(self, record: Any) -> BusinessUnit: ...

    def tier(self, record: Any) -> str: ...

    def parties(self, record: Any) -> dict[str, str]:
        """Person id to why he is a party, as words after the person's name: "owns this model"."""

    def gates(self, record: Any) -> list[Gate]: ...

    def changes(self, record: Any) -> tuple[str, list[Change]]:
        """The label of the last approved content, empty when there is none, and the differences."""

    def decided(self, record: Any, request: Any, verdict: Any, *, actor: Actor) -> None:
        """Act on the decision, in its transaction."""


SUBJECTS: Registry[Subject] = Registry("subject of sign-off")
