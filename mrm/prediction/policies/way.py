"""Who scores a data set: the place that serves the version, if its backend takes whole data sets, else a worker."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NUMBERS = ("integer", "number", "boolean")


@dataclass(frozen=True)
class Serves:
    """What is in force at an endpoint whose backend takes whole data sets; `label` and `digest` of its champion."""

    endpoint: str
    place: str
    label: str
    digest: str
    in_step: bool

    def __str__(self) -> str:
        return f"{self.endpoint} at {self.place}"


def not_taken_there(there: Serves, because: str | None) -> str | None:
    """Why an endpoint takes no data sets as its place is set up, or None; `because` is what its connector says of that."""
    return f"{there} takes no whole data sets. {because}" if because else None


def not_scored_there(there: Serves, label: str, digest: str) -> str | None:
    """Why an endpoint does not score with these bytes of this version, or None."""
    if not there.label:
        return f"Nothing is in force at {there}."
    if (there.label, there.digest) != (label, digest):
        return f"{there} serves version {there.label}."
    if not there.in_step:
        return f"{there} was not seen to serve just what is wanted there."
    return None


def not_numbers(types: Iterable[tuple[str, str]]) -> str | None:
    """Why rows with these columns, name and type, are not sent to a backend, or None: it is sent lines of numbers."""
    text = [f"{name} ({kind})" for name, kind in types if kind not in NUMBERS]
    return f"A backend is sent numbers alone, and these data hold {', '.join(text)}." if text else None


def why_a_worker(environment: str, reasons: Sequence[str]) -> str:
    """Why the run goes to a worker: no backend there takes whole data sets, or each that does has its reason."""
    if not reasons:
        return (
            f"No place in {environment} at which this model is served takes whole data sets, so a worker scores them."
        )
    return f"{' '.join(reasons)} So a worker scores the data."


def why_the_place(there: Serves) -> str:
    """Why the run goes to a place."""
    return f"{there} serves version {there.label} with the approved bytes, and its backend takes whole data sets."


def other_bytes(place: str, seen: str | None, wanted: str) -> str | None:
    """Why what a backend shows is not what was approved, or None; a backend that shows no digest says nothing of it."""
    if seen is None or seen == wanted:
        return None
    return f"{place} scores with bytes of the digest {seen[:12]}…; approved is {wanted[:12]}…."


def no_score(row: str, text: str, low: float | None, high: float | None) -> str | None:
    """Why what a backend answered for a row is no score of this kind of model, or None; `row` names it."""
    if not text.strip():
        return f"{row} has no score."
    try:
        score = float(text)
    except ValueError:
        return f"{row} has “{text[:40]}” for a score, which is no number."
    if score != score or score in (float("inf"), float("-inf")):  # noqa: PLR0124  only a NaN differs from itself
        return f"{row} has {text.strip()} for a score, which is no number."
    if (low is not None and score < low) or (high is not None and score > high):
        return f"{row} has the score {score:.12g}, outside {low:g} to {high:g}."
    return None
