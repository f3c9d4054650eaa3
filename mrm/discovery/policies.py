"""Which record of the inventory a sighting is, who may say so, and when a finding is over."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from mrm.core.actors import Actor


class How(models.TextChoices):
    """By which evidence a sighting is a version of the inventory."""

    DIGEST = "digest", "The same bytes"
    DEPLOYMENT = "deployment", "Put there by this system"
    SOURCE = "source", "Known source"
    NAME = "name", "Same name"
    PERSON = "person", "Said by a person"


CERTAIN = (How.DIGEST, How.DEPLOYMENT)


class Cause(models.TextChoices):
    UNREGISTERED = "unregistered", "Nobody registered it"
    UNAPPROVED = "unapproved", "Serves without an approval"


@dataclass(frozen=True)
class Candidate:
    """A version of the inventory as matching sees it; `sources` led a person to the same model before."""

    key: UUID
    model: str
    label: str
    digest: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guess:
    """The version that a sighting is; what is not certain waits for a person."""

    key: UUID
    how: How

    @property
    def certain(self) -> bool:
        return self.how in CERTAIN


def guess(name: str, version: str, digest: str | None, source: str, candidates: Sequence[Candidate]) -> Guess | None:
    """By the bytes; else by a source that a person knew before; else by the name: both with the version's label."""
    if same := [each for each in candidates if digest and each.digest == digest]:
        labelled = [each for each in same if each.label == version]
        return Guess((labelled or same)[0].key, How.DIGEST)
    labelled = [each for each in candidates if plain(each.label) == plain(version)]
    if known := [each for each in labelled if source in each.sources]:
        return Guess(known[0].key, How.SOURCE)
    if named := [each for each in labelled if plain(each.model) == plain(name)]:
        return Guess(named[0].key, How.NAME)
    return None


def plain(name: str) -> str:
    """A name as two systems may spell it: without case, accents, spaces and punctuation."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(re.findall(r"\w", letters)).replace("_", "")


def not_a_maker(person: str | None, makers: Iterable[str]) -> str | None:
    """Whoever made a model does not say that what runs elsewhere is his version."""
    if person in set(makers):
        return "You made or own this model; somebody else says what runs elsewhere under its name."
    return None


def cause(*, serving: bool, gone: bool, settled: bool, status: str | None, approved: Collection[str]) -> Cause | None:
    """Why a sighting needs somebody's attention; `settled` means matched or no model, `status` that of its version."""
    if gone or not serving:
        return None
    if not settled:
        return Cause.UNREGISTERED
    return Cause.UNAPPROVED if status is not None and status not in approved else None


def over(_actor: Actor, finding: Any) -> str | None:
    """A finding closes when what it found is no more so."""
    if finding.sighting.cause == finding.cause:
        return "This is still so: say which approved version it is or that it is no model, or have it taken out."
    return None
