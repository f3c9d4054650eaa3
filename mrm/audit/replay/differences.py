"""What replay finds: one difference names the row, the field, what the log says and what is there."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import orjson

from mrm.core.canonical import canonical

MOST = 1_000  # differences that are told one by one; with more, something larger happened
LONGEST = 2_000  # characters kept of a value


class TooMany(Exception):
    """More differences than are told one by one."""


@dataclass(frozen=True)
class Difference:
    """`event` is the last one that explains the row; `occasion` makes equal differences of two occasions two."""

    kind: str
    expected: str
    found: str
    table: str = ""
    row: str = ""
    field: str = ""
    event: str = ""
    occasion: str = ""

    @property
    def fingerprint(self) -> str:
        parts = (self.kind, self.table, self.row, self.field, self.expected, self.found, self.occasion)
        return hashlib.sha256(canonical(parts)).hexdigest()


class Found:
    """The differences of one comparison, in the order they were found; stops it when there are too many."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.all: list[Difference] = []

    def add(self, difference: Difference) -> None:
        if len(self.all) == self.most:
            raise TooMany
        self.all.append(difference)


def same(one: Any, other: Any) -> bool:
    """Equal as canonical JSON: true is not 1, and text is compared in its normal form."""
    if type(one) is type(other) and one == other and not isinstance(one, dict | list):
        return True
    return as_bytes(one) == as_bytes(other)


def as_bytes(value: Any) -> bytes:
    """The canonical bytes, also of what has none."""
    try:
        return canonical(value)
    except ValueError:
        # somebody wrote what no event can hold
        return json.dumps(value, sort_keys=True).encode()


def quickly_same(one: Any, other: Any) -> bool:
    """As `same`, for large values that hold no fractions and are almost always the same."""
    sort = orjson.OPT_SORT_KEYS
    return orjson.dumps(one, option=sort) == orjson.dumps(other, option=sort)


_decode = json.JSONDecoder(parse_float=str).decode


def parsed(text: str) -> Any:
    """JSON of the database; a number with a fraction as the text it is in an event."""
    return _decode(text)


def shown(value: Any) -> str:
    """A value as a person reads it in a finding; a long one is cut, and its digest tells it from others."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text)} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()})"
