"""From an estimate or a test to a result judged by limits: one row, with everything a reader needs to trust it."""

from __future__ import annotations

from typing import Any

from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.results import Limits, Result, judge


def judged(
    measure: str, estimate: Estimate, limits: Limits | None = None, p_adjusted: float | None = None, **where: Any
) -> Result:
    """The estimate under its limits; `where` names attribute, group or reference.

    A value without an interval keeps the reason why, unless the limits have more to say. Raises
    ValueError on limits that cannot be read.
    """
    said = judge(estimate.value, limits, lower=estimate.lower, upper=estimate.upper, p_adjusted=p_adjusted)
    return Result(
        measure=measure,
        value=estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        n=estimate.n,
        method=estimate.method,
        threshold_text=said.text,
        status=said.status,
        reason=said.reason or estimate.reason,
        pack=said.pack,
        detail=estimate.detail if p_adjusted is None else {**estimate.detail, "p_adjusted": p_adjusted},
        **where,
    )


def judged_test(measure: str, test: HypothesisTest, limits: Limits | None = None, **where: Any) -> Result:
    """The test's p-value under its limits, such as direction "higher", watch 0.05, fail 0.01.

    Statistic, degrees and null hypothesis are in `detail`; the reason is what the reader must know.
    """
    said = judge(test.p, limits)
    detail = {"statistic": test.statistic, "degrees": test.degrees, "null": test.null, **test.detail}
    return Result(
        measure=measure,
        value=test.p,
        lower=None,
        upper=None,
        n=test.n,
        method=f"p-value: {test.name}, {test.method}",
        threshold_text=said.text,
        status=said.status,
        reason=" ".join(each for each in (said.reason, test.note) if each) or "A test has a p-value and no interval.",
        pack=said.pack,
        detail=detail,
        **where,
    )


def withheld(measure: str, status: str, reason: str, n: int, limits: Limits | None = None, **where: Any) -> Result:
    """A measure without a value, insufficient or not applicable, and the sentence why."""
    said = judge(None, limits)
    return Result(measure, None, None, None, n, "", said.text, status, reason, pack=said.pack, **where)
