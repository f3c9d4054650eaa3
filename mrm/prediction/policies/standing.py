"""Whether what answered is what was approved for it, and whether its approval was in force then."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Approved:
    """What a revision wants to answer: a version, its bytes, and the approval for them."""

    version: str
    digest: str
    approval: str


def differs(number: int, version: str, digest: str, approval: str, wanted: Iterable[Approved]) -> str | None:
    """Why what a log row names is not what its revision wants, or None."""
    wanted = list(wanted)
    if not wanted:
        return f"Revision {number or 'without a number'} is none that brings a version to this endpoint."
    if not digest:
        return f"The log names no digest for version {version or 'unknown'}."
    if digest not in {each.digest for each in wanted}:
        told = " or ".join(f"{each.digest[:12]}…" for each in wanted)
        return f"Version {version} answered with the digest {digest[:12]}…; approved for revision {number} is {told}."
    mine = [each for each in wanted if each.digest == digest]
    if version not in {each.version for each in mine}:
        return f"The bytes of version {mine[0].version} answered under the name of version {version or 'unknown'}."
    if approval not in {each.approval for each in mine}:
        return f"The answer names another approval than the one that revision {number} rests on."
    return None


def not_in_force(
    at: dt.datetime,
    granted: dt.datetime,
    expires: dt.datetime,
    suspended: dt.datetime | None,
    ended: dt.datetime | None,
) -> str | None:
    """Why an approval was not in force at a moment, or None; of suspensions only the last is known."""
    if at < granted:
        return "The approval was granted after this answer."
    if ended and at >= ended:
        return "The approval had ended before this answer."
    if at >= expires:
        return "The approval had run out before this answer."
    if suspended and at >= suspended:
        return "The approval stood suspended when this was answered."
    return None
