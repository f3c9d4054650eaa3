"""Performance: how well scores rank, how well probabilities fit, what decisions or amounts come to."""

from __future__ import annotations

import numpy as np

from mrm.measures.calibration import reliability
from mrm.measures.charts import Line
from mrm.measures.evaluation import amounts, grades, ranking
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import Figure, calibration_figure, distribution_figure, lines_figure
from mrm.measures.performance import performance, shortage_of
from mrm.measures.ranking import bands, cap


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every performance measure of this kind of model under its limits, and the figures."""
    tell("performance", 0, 1)
    if spec.predicts_amounts:
        return amounts.part(spec, rows)
    known = rows.known
    labels, scores = rows.labels[known].astype(np.int64), rows.scores[known]
    found = performance(
        rows.labels, rows.scores, spec.cutoff, thresholds=spec.thresholds, seed=spec.seed, min_each=spec.min_each
    )
    few = shortage_of(int(labels.sum()), labels.size, spec.min_each)
    further, undone = ranking.measures(spec, labels, scores, few), dict[str, str]()
    tests, undone = grades.measures(spec, labels, scores, few)
    return Part([*found, *further, *tests], _figures(spec, rows, few), undone=undone)


def _figures(spec: RunSpec, rows: Scored, few: str) -> list[Figure]:
    known = rows.known
    out = [distribution_figure(rows.summary, spec.event_name)]
    labels, scores = rows.labels[known].astype(np.int64), rows.scores[known]
    if spec.score_range == (0.0, 1.0) and known.any():
        out.append(calibration_figure(reliability(labels, scores)))
    if not few:
        out.append(_cap(*cap(bands(labels, scores)), float(labels.mean()), spec.event_name))
    return out


def _cap(share: np.ndarray, captured: np.ndarray, rate: float, event: str) -> Figure:
    """The cumulative accuracy profile in steps of one in fifty, beside a perfect ranking and chance."""
    steps = np.linspace(0, 1, 51)
    found = np.interp(steps, share, captured)
    lines = [
        Line("This model", tuple(steps.tolist()), tuple(found.tolist())),
        Line("Perfect", (0.0, rate, 1.0), (0.0, 1.0, 1.0), dashed=True),
        Line("By chance", (0.0, 1.0), (0.0, 1.0), dashed=True),
    ]
    tenth = float(np.interp(0.1, share, captured))
    alt = f"The riskiest tenth of the rows holds {100 * tenth:.1f} % of the events; the points are in the table below."
    axes = ("Share of rows, riskiest first", f"Share of all with the outcome {event.lower()}")
    return lines_figure("cap", "Events captured, riskiest rows first", lines, axes, alt)
