"""How well a score ranks: AUC, Gini, Kolmogorov-Smirnov, precision and recall; and whether it ranks worse than it did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from mrm.measures.checks import Labels, Scores, both_classes
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, of_distance

SINGLE = "One event or one non-event alone has no spread."
NO_SPREAD = "Events and non-events do not overlap, or all scores are alike, so the error cannot be estimated."


def auc(labels: Labels, scores: Scores, confidence: float = 0.95) -> Estimate:
    """Area under the ROC curve, ties counted half; shapes (n,), both classes present.

    Interval after DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44:837) with the midranks of
    Sun and Xu (2014, IEEE SPL 21:1389), cut to [0, 1]; `detail["error"]` is its standard error, zero if
    the classes do not overlap, and then there is no interval. Raises ValueError if one class is missing.
    """
    both_classes(labels)
    above, below = delong_components(labels, scores)
    m, n = above.size, below.size
    value = above.mean()
    if m < 2 or n < 2:
        return Estimate(float(value), None, None, "midranks", m + n, SINGLE)
    error = float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    return _around(float(value), error, m + n, "midranks; DeLong interval", confidence)


def delong_components(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    """For each event the share of non-events ranked below it, and for each non-event of events above; ties half."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    m, n = positive.size, negative.size
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - stats.rankdata(positive)) / n
    below = 1 - (ranks[m:] - stats.rankdata(negative)) / m
    return np.asarray(above), np.asarray(below)


def hanley_mcneil(labels: Labels, scores: Scores, confidence: float = 0.95) -> Estimate:
    """Area under the ROC curve with the interval of Hanley and McNeil (1982, Radiology 143:29), cut to [0, 1].

    The interval follows from the area and the two class sizes alone, under exponential scores.
    """
    m, n = both_classes(labels)
    a = auc(labels, scores).value
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = float(np.sqrt((a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (m * n)))
    return _around(a, error, m + n, "midranks; Hanley-McNeil interval", confidence)


def gini(area: Estimate) -> Estimate:
    """Gini or accuracy ratio, 2 AUC - 1, with the interval of the AUC carried over (Basel WP14)."""
    lower, upper = (None if bound is None else 2 * bound - 1 for bound in (area.lower, area.upper))
    return Estimate(2 * area.value - 1, lower, upper, f"2 AUC - 1; {area.method}", area.n, area.reason)


def drop(development: Estimate, current: Estimate, *, sampled: bool = False) -> tuple[Estimate, HypothesisTest]:
    """How far the AUC fell since development, and the one-sided test that it did not.

    The statistic is the drop over the standard error of the current AUC, the development AUC held
    (ECB 2019, Instructions for reporting the validation results of internal models); if `sampled`,
    the error of the development AUC is added. Raises ValueError if an area carries no error.
    """
    areas = (current, development) if sampled else (current,)
    errors = [float(area.detail.get("error", 0.0)) for area in areas]
    value, error = development.value - current.value, float(np.hypot.reduce(np.array(errors)))
    if error == 0:
        raise ValueError("The AUC has no standard error; take one with several events and non-events that overlap.")
    half, z = normal_quantile() * error, value / error
    held = "both samples' errors" if sampled else "development held"
    estimate = Estimate(value, value - half, value + half, f"difference of AUCs, {held}; normal interval", current.n)
    null = "The current AUC is not below that of development."
    test = HypothesisTest("AUC drop", z, float(stats.norm.sf(z)), current.n, null, f"one-sided z test, {held}")
    return estimate, test


def average_precision(labels: Labels, scores: Scores, confidence: float = 0.95) -> Estimate:
    """Area under the precision-recall curve as a step function: precision at each score, weighted by events there.

    Interval on the logit scale, Boyd, Eng and Page (2013, ECML PKDD). The base rate, in
    `detail["base_rate"]`, is what a random ranking reaches.
    """
    events, others = both_classes(labels)
    values, place = np.unique(-scores, return_inverse=True)
    found = np.bincount(place, weights=labels, minlength=values.size)
    rows = np.bincount(place, minlength=values.size)
    value = float((found * found.cumsum() / rows.cumsum()).sum() / events)
    detail = {"base_rate": events / (events + others)}
    if value >= 1:
        return Estimate(value, None, None, "step function", events + others, "A perfect ranking has no logit.", detail)
    half = normal_quantile(confidence) / float(np.sqrt(events * value * (1 - value)))
    low, high = (float(special.expit(special.logit(value) + side * half)) for side in (-1, 1))
    return Estimate(value, low, high, "step function; logit interval", events + others, detail=detail)


def ks(labels: Labels, scores: Scores, seed: int, draws: int = 2_000) -> Estimate:
    """Largest distance between the score distributions of the two classes.

    The value is exact. The interval is a bootstrap on at most 1,000 quantile bins of the score, a
    multinomial draw on bin by label, the lower bound reflected.
    """
    value = stats.ks_2samp(scores[labels == 1], scores[labels == 0], method="asymp").statistic
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, 1_001)))
    place = np.searchsorted(edges, scores, side="right") - 1
    counts = np.zeros((2, edges.size), dtype=np.int64)
    np.add.at(counts, (labels, place), 1)
    samples = _ks_samples(counts, draws, generator(seed, "ks"))
    low, high = of_distance(float(value), samples)
    reason = "" if low is not None else "Too many bootstrap draws hold one outcome only."
    method = f"exact; bootstrap, lower bound reflected, on 1,000 quantile bins, {draws:,} draws"
    return Estimate(float(value), low, high, method, labels.size, reason)


def _around(value: float, error: float, n: int, method: str, confidence: float) -> Estimate:
    if error == 0:
        return Estimate(value, None, None, method, n, NO_SPREAD, {"error": error})
    half = normal_quantile(confidence) * error
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), method, n, detail={"error": error})


def _ks_samples(counts: NDArray[np.int64], draws: int, rng: np.random.Generator) -> Scores:
    samples = np.empty(draws)
    for start in range(0, draws, 250):
        drawn = bootstrap_counts(counts, min(250, draws - start), rng).cumsum(axis=2)
        total = drawn[:, :, -1:]
        share = np.divide(drawn, total, out=np.full(drawn.shape, np.nan), where=total > 0)
        samples[start : start + 250] = np.abs(share[:, 0] - share[:, 1]).max(axis=1)
    return samples
