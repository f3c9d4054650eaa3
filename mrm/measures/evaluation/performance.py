"""Performance: how well scores rank, how well probabilities fit, what decisions at the cut-off come to."""

from __future__ import annotations

import numpy as np

from mrm.measures.calibration import reliability
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import Figure, calibration_figure, distribution_figure
from mrm.measures.performance import performance


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every performance measure under its limits, and the two figures."""
    tell("performance", 0, 1)
    found = performance(
        rows.labels, rows.scores, spec.cutoff, thresholds=spec.thresholds, seed=spec.seed, min_each=spec.min_each
    )
    return Part(list(found), _figures(spec, rows))


def _figures(spec: RunSpec, rows: Scored) -> list[Figure]:
    known = ~np.isnan(rows.labels)
    out = [distribution_figure(rows.summary, spec.event_name)]
    if spec.score_range == (0.0, 1.0) and known.any():
        out.append(calibration_figure(reliability(rows.labels[known].astype(np.int64), rows.scores[known])))
    return out
