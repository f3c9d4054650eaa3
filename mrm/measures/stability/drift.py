"""All stability measures of a batch against the reference, column by column, judged by limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mrm.measures.estimates import Estimate
from mrm.measures.intervals import Counts, benjamini_hochberg, newcombe, wilson
from mrm.measures.judging import judged, withheld
from mrm.measures.results import Limits, Result
from mrm.measures.stability.counts import EXTRA, Summary
from mrm.measures.stability.distance import chi_square, jensen_shannon, kolmogorov_smirnov, wasserstein
from mrm.measures.stability.edges import Column, Edges, NumericColumn
from mrm.measures.stability.index import characteristic_stability

MEASURES = (
    "psi",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "wasserstein",
    "cramers_v",
    "missing_change",
    "out_of_range",
    "unseen",
)
LEAST = 100


def drift(
    reference: Summary, current: Summary, edges: Edges, thresholds: Mapping[str, Limits] | None = None, *, seed: int = 0,
    least: int = LEAST,
) -> list[Result]:  # fmt: skip
    """Results by column, `group` naming it: PSI first, distances, then missing, out of range and unseen values.

    The PSI's p-values are adjusted over the columns, so that a limit with a `significance` fails
    only what equal populations would hardly show. With fewer than `least` rows of a batch every
    measure is insufficient. Raises ValueError on batches counted by other edges.
    """
    if {reference.edges, current.edges} != {edges.digest()}:
        raise ValueError("A batch was counted by other edges; count both by those frozen on the reference.")
    limits = thresholds or {}
    if min(reference.n, current.n) < least:
        said = f"{reference.n:,} rows in the reference and {current.n:,} now, {least:,} of each needed."
        return [
            withheld(name, "insufficient", said, current.n, limits.get(name), group=column.name)
            for column in edges.columns
            for name in _names(column)
        ]
    indices = characteristic_stability(reference, current)
    adjusted = benjamini_hochberg([indices[column.name].detail["p"] for column in edges.columns])
    out = []
    for column, p in zip(edges.columns, adjusted, strict=True):
        out.append(judged("psi", indices[column.name], limits.get("psi"), p, group=column.name))
        pair = reference.counts[column.name], current.counts[column.name]
        for name, estimate in (*_distances(column, *pair, seed), *_extras(column, *pair)):
            if estimate is not None:
                out.append(judged(name, estimate, limits.get(name), group=column.name))
    return out


def _names(column: Column) -> tuple[str, ...]:
    numeric, text = ("kolmogorov_smirnov", "wasserstein", "out_of_range"), ("cramers_v", "unseen")
    left_out = text if isinstance(column, NumericColumn) else numeric
    return tuple(name for name in MEASURES if name not in left_out)


def _distances(column: Column, before: Counts, now: Counts, seed: int) -> Iterator[tuple[str, Estimate | None]]:
    """The distances that fit the column; those of numbers need a number in both batches."""
    yield "jensen_shannon", jensen_shannon(before, now, seed)
    if not isinstance(column, NumericColumn):
        spread = ((before + now) > 0).sum() > 1
        yield "cramers_v", chi_square(before, now)[0] if spread else None
    elif min(each[1:].sum() for each in (before, now)) > 0:
        yield "kolmogorov_smirnov", kolmogorov_smirnov(before, now, seed)[0]
        yield "wasserstein", wasserstein(before, now, column, seed) if column.deviation > 0 else None


def _extras(column: Column, before: Counts, now: Counts) -> Iterator[tuple[str, Estimate]]:
    missing = [(int(each[EXTRA.index("missing")]), int(each.sum())) for each in (now, before)]
    value = missing[0][0] / missing[0][1] - missing[1][0] / missing[1][1]
    method = "difference of shares; Newcombe interval"
    yield "missing_change", Estimate(value, *newcombe(missing[0], missing[1]), method, missing[0][1])
    name, bins = ("out_of_range", ("below", "above")) if isinstance(column, NumericColumn) else ("unseen", ("unseen",))
    outside, n = sum(int(now[EXTRA.index(each)]) for each in bins), int(now.sum())
    yield name, Estimate(outside / n, *wilson(outside, n), "share of rows; Wilson interval", n)
