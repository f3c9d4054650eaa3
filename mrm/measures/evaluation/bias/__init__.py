"""Bias: how decisions, scores and errors differ between groups, with fairlearn as the second opinion."""

from __future__ import annotations

from mrm.measures.bias_figures import bias_figures
from mrm.measures.crosscheck import crosscheck
from mrm.measures.evaluation.bias.columns import by_columns
from mrm.measures.evaluation.bias.lists import by_probability, in_list
from mrm.measures.evaluation.bias.proxies import proxy_results
from mrm.measures.evaluation.bias.shares import shares
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import fairness, withheld_groups
from mrm.measures.fairness.assessment import MEASURES as OF_GROUPS
from mrm.measures.fairness.membership import MEASURES as OF_PROBABILITIES
from mrm.measures.fairness.periods import MEASURES as OF_PERIODS
from mrm.measures.fairness.periods import by_period
from mrm.measures.fairness.population import MEASURES as OF_POPULATION
from mrm.measures.fairness.population import population
from mrm.measures.fairness.proxies import MEASURES as OF_FEATURES
from mrm.measures.fairness.ranking import MEASURES as OF_LISTS

MEASURES = (*OF_GROUPS, *OF_PERIODS, *OF_POPULATION, *OF_FEATURES, *OF_PROBABILITIES, *OF_LISTS)
STEPS = 5


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every bias measure under its limits. Raises `Disagreement` if fairlearn comes to other numbers."""
    if spec.protected is None:
        return Part(notes=["Bias was not evaluated: there is no protected data."])
    settings = _settings(spec)
    tell("bias", 0, STEPS)
    wanted = [names for names in (spec.segments, (spec.period,) if spec.period else ()) if names]
    tables = dict(zip(wanted, by_columns(spec, rows, wanted), strict=True))
    summary = tables.get(spec.segments, rows.summary)
    followed = tables.get((spec.period,)) if spec.period else None
    hidden = withheld_groups(summary, settings)
    tell("bias", 1, STEPS)
    found = [*population(summary, settings, hidden), *fairness(summary, settings, spec.thresholds, hidden)]
    tell("bias", 2, STEPS)
    second = crosscheck(rows.summary, settings.intersections).as_dict()
    tell("bias", 3, STEPS)
    if followed is not None:
        found += by_period(followed, settings, hidden, spec.thresholds)
    proxied, notes = proxy_results(spec, hidden)
    tell("bias", 4, STEPS)
    carried, undone = shares(spec, rows, found, hidden, tell)
    by_weight, unweighted = by_probability(spec, rows, settings)
    ranked, unranked = in_list(spec, found, hidden, settings)
    results = [*found, *proxied, *carried, *by_weight, *ranked]
    return Part(
        results,
        bias_figures(results, rows.summary, settings, hidden, spec.thresholds),
        notes,
        second,
        undone=undone | unweighted | unranked,
    )


def _settings(spec: RunSpec) -> FairnessSettings:
    if spec.fairness is not None:
        return spec.fairness
    return FairnessSettings(references=spec.references, intersections=spec.intersections, seed=spec.seed)
