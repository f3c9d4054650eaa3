"""Columns against the reference: missing values, constancy, cardinality, units, formats.

Counts of rows and missing values add up over batches; distinct values, the most frequent one and
the median do not, and are taken from one batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

import duckdb

from mrm.measures.engine import ENGINE, FLOATS, INTEGERS, TEXT, Batch, Engine, kinds, opened
from mrm.measures.estimates import Estimate
from mrm.measures.frames import quoted
from mrm.measures.intervals import newcombe, two_proportions, wilson

TYPES = {"number": "DOUBLE", "integer": "BIGINT", "date": "DATE", "timestamp": "TIMESTAMP", "boolean": "BOOLEAN"}
NEAR = 0.1


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column of a batch: type, rows, missing, distinct values, rows of the most frequent one, median of numbers."""

    kind: str
    n: int
    missing: int
    distinct: int
    most: int
    median: float | None


@dataclass(frozen=True, slots=True)
class Format:
    """What a column's values must be: a type (number, integer, date, timestamp, boolean) or a whole match of a pattern."""

    type: str = ""
    pattern: str = ""

    def __post_init__(self) -> None:
        if bool(self.type) == bool(self.pattern) or (self.type and self.type not in TYPES):
            raise ValueError(f"A format is a pattern or one of the types {', '.join(TYPES)}; give one of the two.")
        if self.pattern:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"The pattern {self.pattern!r} cannot be read: {error}; correct it.") from error


@dataclass(frozen=True, slots=True)
class Violations:
    """Share of a column's values that break its format, and the first of them with its row, from 1."""

    share: Estimate
    row: int | None
    value: str | None


Profiles = Mapping[str, ColumnProfile]


def profile(batch: Batch, columns: Sequence[str] = (), *, engine: Engine = ENGINE) -> Profiles:
    """Profiles of the named columns, or of all. Empty text and values that are no number are missing.

    Raises ValueError on absent columns and an empty batch.
    """
    with opened(batch, engine) as connection:
        found = {name: _profile(connection, name, kind) for name, kind in kinds(connection, columns).items()}
    if any(each.n == 0 for each in found.values()):
        raise ValueError("The batch holds no row; give one that does.")
    return found


def missing_change(reference: Profiles, current: Profiles) -> dict[str, Estimate]:
    """Share of missing values now less that of the reference, by column; Newcombe interval, p-value in `detail["p"]`."""
    out = {}
    for name, before, now in _pairs(reference, current):
        pair = (now.missing, now.n), (before.missing, before.n)
        low, high = newcombe(*pair)
        detail = {"share": now.missing / now.n, "p": two_proportions(*pair).p}
        value = now.missing / now.n - before.missing / before.n
        out[name] = Estimate(value, low, high, "difference of shares; Newcombe interval", now.n, detail=detail)
    return out


def constancy(profiles: Profiles) -> dict[str, Estimate | None]:
    """Share of the most frequent value among those present, by column: 1 if constant; None if none is present."""
    out: dict[str, Estimate | None] = {}
    for name, each in profiles.items():
        held = each.n - each.missing
        method = "share of the most frequent value; Wilson interval"
        out[name] = Estimate(each.most / held, *wilson(each.most, held), method, held) if held else None
    return out


def cardinality_growth(reference: Profiles, current: Profiles) -> dict[str, Estimate | None]:
    """Distinct values now over those of the reference, by column; None where the reference has none."""
    reason = "Distinct values grow with the rows; compare batches of like size."
    return {
        name: Estimate(now.distinct / before.distinct, None, None, "ratio of distinct values", now.n, reason,
                       {"reference_n": before.n, "distinct": now.distinct}) if before.distinct else None
        for name, before, now in _pairs(reference, current)
    }  # fmt: skip


def unit_change(reference: Profiles, current: Profiles) -> dict[str, Estimate]:
    """Ratio of medians now to the reference, by numeric column; `detail["power"]` is k if it is near 10^k, else 0.

    Near is within 26 %, a tenth of a power. Columns whose medians are zero or differ in sign are left out.
    """
    reason, out = "A ratio of medians is read as a power of ten, not tested.", {}
    for name, before, now in _pairs(reference, current):
        if before.median is None or now.median is None or before.median * now.median <= 0:
            continue
        power = log10(now.median / before.median)
        detail = {"power": round(power) if abs(power - round(power)) <= NEAR else 0}
        out[name] = Estimate(now.median / before.median, None, None, "ratio of medians", now.n, reason, detail)
    return out


def violations(batch: Batch, formats: Mapping[str, Format], *, engine: Engine = ENGINE) -> dict[str, Violations]:
    """Values that break their column's format, missing ones aside. Raises ValueError on absent columns."""
    with opened(batch, engine) as connection:
        kinds(connection, tuple(formats))
        return {name: _violations(connection, name, each) for name, each in formats.items()}


def _profile(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> ColumnProfile:
    value = quoted(name)
    if kind in TEXT:
        value = f"nullif({value}::VARCHAR, '')"
    elif kind in ("FLOAT", "DOUBLE"):
        value = f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END"
    n, held, distinct, most = connection.execute(
        f"SELECT coalesce(sum(c), 0)::BIGINT, coalesce(sum(c) FILTER (v IS NOT NULL), 0)::BIGINT,"
        f" count(v), coalesce(max(c) FILTER (v IS NOT NULL), 0)"
        f" FROM (SELECT {value} AS v, count(*) AS c FROM batch GROUP BY v)"
    ).fetchall()[0]
    median = None
    if held and (kind in INTEGERS or kind in FLOATS or kind == "DECIMAL"):
        median = float(connection.execute(f"SELECT median({value}::DOUBLE) FROM batch").fetchall()[0][0])
    return ColumnProfile(kind, int(n), int(n - held), int(distinct), int(most), median)


def _violations(connection: duckdb.DuckDBPyConnection, name: str, wanted: Format) -> Violations:
    text = f"nullif({quoted(name)}::VARCHAR, '')"
    if wanted.type:
        bad, given = f"try_cast(v AS {TYPES[wanted.type]}) IS NULL", []
    else:
        bad, given = "NOT regexp_full_match(v, ?)", [wanted.pattern]
    query = (
        f"SELECT count(*) FILTER (v IS NOT NULL), count(*) FILTER (v IS NOT NULL AND {bad}),"
        f" arg_min([v], r) FILTER (v IS NOT NULL AND {bad}), min(r) FILTER (v IS NOT NULL AND {bad})"
        f" FROM (SELECT {text} AS v, row_number() OVER () AS r FROM batch)"
    )
    held, broken, first, row = connection.execute(query, given * 3).fetchall()[0]
    method = "share of the values present; Wilson interval"
    if not held:
        share = Estimate(0.0, None, None, method, 0, "No value is present.")
        return Violations(share, None, None)
    share = Estimate(broken / held, *wilson(broken, held), method, held)
    return Violations(share, None if row is None else int(row), first[0] if first else None)


def _pairs(reference: Profiles, current: Profiles) -> list[tuple[str, ColumnProfile, ColumnProfile]]:
    missing = [name for name in reference if name not in current]
    if missing:
        raise ValueError(f"The current batch has no column {', '.join(missing)}; profile the reference's columns.")
    return [(name, before, current[name]) for name, before in reference.items()]
