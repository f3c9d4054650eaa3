"""One measure at a time: judged where it can be computed, and where it cannot, the sentence why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.intervals import generator
from mrm.measures.judging import judged, judged_test, withheld
from mrm.measures.results import Result


def attempt(
    spec: RunSpec, measure: str, n: int, compute: Callable[[], Estimate | HypothesisTest | None], why_none: str = "",
    **where: Any,
) -> Result:  # fmt: skip
    """The result of `compute`; what it raises as ValueError is insufficient evidence, None does not apply."""
    try:
        found = compute()
    except ValueError as error:
        return withheld(measure, "insufficient", str(error), n, spec.limits(measure), **where)
    if found is None:
        return withheld(measure, "not_applicable", why_none, n, spec.limits(measure), **where)
    if isinstance(found, HypothesisTest):
        return judged_test(measure, found, spec.limits(measure), **where)
    return judged(measure, found, spec.limits(measure), **where)


def together(spec: RunSpec, measures: Iterable[str], n: int, compute: Callable[[], list[Result]]) -> list[Result]:
    """All results of one computation; if it raises ValueError, each of its measures with the sentence."""
    try:
        return compute()
    except ValueError as error:
        return [withheld(name, "insufficient", str(error), n, spec.limits(name)) for name in measures]


def sampled(spec: RunSpec, name: str, rows: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most so many of the rows, drawn by the run's seed, in their order."""
    if rows.size <= most:
        return rows
    return np.sort(generator(spec.seed, name).choice(rows, most, replace=False))
