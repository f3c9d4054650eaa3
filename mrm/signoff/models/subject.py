"""What can be signed: an area registers its subject here, and sign-off asks no further."""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from django.db import models

from mrm.access.models import BusinessUnit
from mrm.core.actors import Actor
from mrm.core.canonical import digest
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
    clause: str = ""  # what an exception from it is asked for by, where there may be one

    @property
    def day(self) -> dt.date | None:
        return dt.date.fromisoformat(self.as_of) if self.as_of else None


@dataclass(frozen=True)
class Change:
    """One difference from the last approved content; `material` ones void an approval."""

    name: str
    before: str
    after: str
    material: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell of a section: text with a second line, and at most a link, a digest or a status."""

    text: str = ""
    sub: str = ""
    url: str = ""
    digest: str = ""
    kind: str = ""
    num: bool = False
    strong: bool = False


@dataclass(frozen=True)
class Section:
    """A table that the subject's area lays before the signers; `place` is changes or findings."""

    key: str
    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    place: str = "changes"
    empty: str = ""
    numeric: tuple[int, ...] = ()


Parts = str | Mapping[str, str]
Involved = dict[str, dict[str, str]]


def add_part(found: Involved, people: Iterable[object], part: str, words: str) -> None:
    """Note a part of each of the people; what was noted first stays."""
    for person in people:
        if person:
            found.setdefault(str(person), {}).setdefault(part, words)


@dataclass(frozen=True)
class Survey:
    """What a list shows of a subject: where it stands, without a query per row."""

    title: str
    sub: str
    gates: tuple[Gate, ...]
    content: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        return digest(self.content)


class Subject(Protocol):
    """What sign-off asks of a thing to be signed."""

    # whether what is signed is a change that is carried out afterwards, and not a record as it is
    proposes: bool

    def find(self, key: str) -> models.Model: ...

    def content(self, record: Any) -> Mapping[str, Any]:
        """The content the signature binds; its canonical digest is the subject digest."""

    def terms(self, record: Any) -> Mapping[str, Mapping[str, str]]:
        """What is asked for where the question does not narrow it: by heading, code and words."""

    def unit(self, record: Any) -> BusinessUnit: ...

    def tier(self, record: Any) -> str: ...

    def parties(self, record: Any) -> Mapping[str, Parts]:
        """Person id to his parts in the subject, ever: part to words after the person's name, "owns this model".

        The policy says which parts never sign; words alone, without a part, name a party whatever the policy says.
        """

    def gates(self, record: Any) -> list[Gate]:
        """Everything that must hold before the subject may be approved."""

    def changes(self, record: Any) -> tuple[str, list[Change]]:
        """The label of the last approved content, empty when there is none, and the differences."""

    def same(self, record: Any) -> list[tuple[str, str]]:
        """Name and text of what did not change since the last approved content."""

    def facts(self, record: Any) -> list[tuple[str, str, str]]:
        """Label, text and address of what the head of the page says about the subject."""

    def sections(self, record: Any) -> list[Section]:
        """Further tables for the signers: measures, files, findings."""

    def survey(self, keys: Sequence[str]) -> dict[str, Survey]:
        """Key to survey of many subjects, by a number of queries that does not grow with them."""

    def decided(self, record: Any, request: Any, verdict: Any, *, actor: Actor) -> None:
        """Act on the decision, in its transaction."""

    def withdrawn(self, record: Any, *, actor: Actor) -> None:
        """The question was taken back, in the same transaction."""


class PlainSubject:
    """What a subject says unless it has more to say: no tier, nothing to wait for, nothing to compare, no tables."""

    proposes = False

    def terms(self, record: Any) -> Mapping[str, Mapping[str, str]]:
        return {}

    def tier(self, record: Any) -> str:
        return ""

    def gates(self, record: Any) -> list[Gate]:
        return []

    def changes(self, record: Any) -> tuple[str, list[Change]]:
        return "", []

    def same(self, record: Any) -> list[tuple[str, str]]:
        return []

    def facts(self, record: Any) -> list[tuple[str, str, str]]:
        return []

    def sections(self, record: Any) -> list[Section]:
        return []

    def decided(self, record: Any, request: Any, verdict: Any, *, actor: Actor) -> None:
        return None

    def withdrawn(self, record: Any, *, actor: Actor) -> None:
        return None


class Proposes(Subject, Protocol):
    """What sign-off asks of a kind of proposal."""

    def record(self, proposal: Any) -> models.Model:
        """The record that the proposal changes."""


SUBJECTS: Registry[Subject] = Registry("subject of sign-off")
