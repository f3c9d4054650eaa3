"""Which record of the inventory a sighting is, who may say so, when a finding is over, and whose call is heard."""

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
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


WINDOW = 300  # seconds by which the clock of a caller may differ from ours, and for which a number is remembered


@dataclass(frozen=True)
class Told:
    """A call as it came: its number, its time in seconds since 1970, what was signed, and the signature in hex."""

    number: str
    moment: str
    signed: bytes
    signature: str


def told_by(headers: Mapping[str, str], path: str, body: bytes) -> Told | None:
    """What a call says of itself, by the scheme of MLflow's webhooks or by the one of our own; None where it says nothing.

    MLflow 3 signs `delivery.time.body` and sends `v1,` with the base64 of the HMAC-SHA256. Our scheme is the one that
    this system signs its own calls by: six lines, of which the last is empty here.
    """
    if "X-MLflow-Signature" in headers:
        number, moment = headers.get("X-MLflow-Delivery-Id", ""), headers.get("X-MLflow-Timestamp", "")
        kind, _, given = headers["X-MLflow-Signature"].partition(",")
        signature = _hex(given) if kind == "v1" else ""
        return Told(number, moment, f"{number}.{moment}.".encode() + body, signature)
    if "Mrm-Signature" in headers:
        number, moment = headers.get("Mrm-Number", ""), headers.get("Mrm-Timestamp", "")
        lines = ("mrm-v1", "POST", path, moment, number, hashlib.sha256(body).hexdigest(), "")
        scheme, _, given = headers["Mrm-Signature"].partition("=")
        return Told(number, moment, "\n".join(lines).encode(), given if scheme == "hmac-sha256" else "")
    return None


def _hex(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).hex()
    except ValueError:
        return ""


def not_heard(told: Told | None, secret: str, now: float) -> str | None:
    """Why a call is not heard, or None: unsigned, too old or too early, or signed with another secret."""
    if told is None:
        return "The call is not signed: send X-MLflow-Signature or Mrm-Signature with its time and number."
    if not told.moment.isascii() or not told.moment.isdigit() or abs(int(told.moment[:12]) - now) > WINDOW:
        return f"The call's time is more than {WINDOW} seconds from ours; it is sent with the seconds since 1970."
    if not 8 <= len(told.number) <= 100:
        return "The call has no number of its own, of 8 to 100 characters."
    expected = hmac.new(secret.encode(), told.signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), told.signature.encode()):
        return "The call is not signed with the secret of this place."
    return None


def heard_before(known: bool) -> str | None:
    """A call that is sent again says nothing new."""
    return "This call was heard before: each has a number of its own." if known else None
