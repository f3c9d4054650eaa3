"""One line of the spool: what it must say, as a row for the database, or the sentence why it is none."""

import datetime as dt
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

OLDEST = dt.timedelta(days=400)  # an older moment is a wrong clock, not a late file
AHEAD = dt.timedelta(days=1)
OUTCOMES = ("served", "refused", "failed")
LARGEST = 2**31 - 1
# the columns of the log in the order in which a row is written, after the file and the line
COLUMNS = (
    "request", "endpoint", "role", "model", "version", "digest", "unit_hash", "reason", "parent", "inputs", "outputs", "at",
    "deployment_id", "revision", "approval_id", "rows", "micros", "flags", "outcome",
)  # fmt: skip
# name, fewest and most characters
TEXTS = (
    ("id", 1, 100), ("endpoint", 1, 100), ("role", 0, 20), ("model", 0, 200), ("version", 0, 120), ("digest", 0, 64),
    ("unit", 0, 128), ("reason", 0, 100_000), ("parent", 0, 100),
)  # fmt: skip
NAMES = tuple(name for name, _, _ in TEXTS)


class Row(NamedTuple):
    """What is counted of a line."""

    hour: str
    day: dt.date
    deployment: str
    revision: int
    role: str
    version: str
    digest: str
    approval: str
    outcome: str
    rows: int
    micros: int
    flags: tuple[str, ...]


class Line(NamedTuple):
    """A line that can be kept: what is counted of it, and its columns as COPY takes them."""

    row: Row
    copied: str


def read(content: bytes, now: dt.datetime) -> Line | str:
    """The line as a row, or the sentence that names what is wrong with it and what would be right."""
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        return "It is no JSON: a line is one object, written to its end."
    if type(told) is not dict:
        return "It is no JSON object: a line is one object with the fields of a prediction."
    if b"\\u0000" in content and _holds_nul(told):
        return "It holds the sign U+0000, which no text of the log may hold."
    texts = [told.get(name) or "" for name in NAMES]
    for value, (name, least, most) in zip(texts, TEXTS, strict=True):
        if type(value) is not str or not least <= len(value) <= most:
            return f"{name} is {_shown(told.get(name))}; it is a text of {least} to {most} characters."
    return _line(told, texts, now)


def _line(told: dict[str, Any], texts: list[str], now: dt.datetime) -> Line | str:
    at = _moment(told.get("at"))
    if at is None:
        return f"at is {_shown(told.get('at'))}; it is a moment in UTC such as 2026-11-27T03:08:48.000001Z."
    if not now - OLDEST <= at <= now + AHEAD:
        return f"at is {told['at']}; it lies between {OLDEST.days} days ago and tomorrow, else a clock is wrong."
    deployment, approval = _key(told.get("deployment")), _key(told.get("approval") or None)
    if not deployment:
        return f"deployment is {_shown(told.get('deployment'))}; it is the id of a deployment."
    if approval is None:
        return f"approval is {_shown(told.get('approval'))}; it is the id of an approval, or empty."
    outcome = told.get("outcome")
    if outcome not in OUTCOMES:
        return f"outcome is {_shown(outcome)}; it is served, refused or failed."
    numbers = [told.get(name) or 0 for name in ("revision", "rows", "micros")]
    for name, number in zip(("revision", "rows", "micros"), numbers, strict=True):
        if type(number) is not int or not 0 <= number <= LARGEST:
            return f"{name} is {_shown(number)}; it is a whole number from 0 to {LARGEST}."
    flags = told.get("flags") or []
    if type(flags) is not list or not all(type(flag) is str and 0 < len(flag) <= 100 for flag in flags):
        return f"flags is {_shown(flags)}; it is a list of texts of 1 to 100 characters."
    moment = at.isoformat()
    revision, rows, micros = numbers
    _, _, role, _, version, digest, *_ = texts
    counted = Row(
        moment[:13],
        at.date(),
        deployment,
        revision,
        role,
        version,
        digest,
        approval,
        outcome,
        rows,
        micros,
        tuple(flags),
    )
    texts += [orjson.dumps(told.get("inputs")).decode(), orjson.dumps(told.get("outputs")).decode()]
    fields = [_escaped(texts), moment, deployment, str(revision) if revision else "\\N", approval or "\\N"]
    return Line(counted, "\t".join([*fields, str(rows), str(micros), _array(flags), outcome]))


def _moment(value: Any) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.astimezone(dt.UTC) if found.tzinfo else None


@lru_cache(maxsize=10_000)  # few endpoints and approvals stand in very many lines
def _text_key(value: str) -> str | None:
    try:
        return str(UUID(value))
    except ValueError:
        return None


def _key(value: Any) -> str | None:
    """A UUID as PostgreSQL takes it; empty for none, None for something else."""
    if value is None:
        return ""
    return _text_key(value) if type(value) is str else None


def _escaped(texts: list[str]) -> str:
    """The fields as COPY's text format holds them; nearly all need no escape."""
    joined = "\t".join(texts)
    if "\\" not in joined and "\n" not in joined and "\r" not in joined and joined.count("\t") == len(texts) - 1:
        return joined
    return "\t".join(_copied(text) for text in texts)


def _copied(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _array(flags: list[str]) -> str:
    if not flags:
        return "{}"
    quoted = ('"' + flag.replace("\\", "\\\\").replace('"', '\\"') + '"' for flag in flags)
    return _copied("{" + ",".join(quoted) + "}")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(_holds_nul(each) for each in value)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "missing"
    return repr(value)[:80]
