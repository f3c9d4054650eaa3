"""What a ranking is worth to whoever works through it: capture, order of bands, separation."""

from __future__ import annotations

from mrm.measures.checks import Labels, Scores
from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.attempts import attempt, together
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.judging import judged, withheld
from mrm.measures.ranking import Bands, RankOrder, bands, lift, rank_order
from mrm.measures.results import Result
from mrm.measures.separation import Moments, divergence, information_value

MEASURES = ("capture", "lift", "rank_order_breaks", "rank_order_breaks_top", "information_value", "divergence")
SHARE, GROUPS = 0.1, 10


def measures(spec: RunSpec, labels: Labels, scores: Scores, few: str) -> list[Result]:
    """Capture, rank order and separation; with too few outcomes of either kind, `few` says so for each."""
    if few:
        return [withheld(name, "insufficient", few, labels.size, spec.limits(name)) for name in MEASURES]
    ranked = bands(labels, scores)
    return [*_captured(spec, ranked), *_ordered(spec, ranked), *_separated(spec, labels, scores, ranked)]


def _captured(spec: RunSpec, ranked: Bands) -> list[Result]:
    share = float(spec.tests.get("capture", {}).get("share", SHARE))
    (found,) = lift(ranked, (share,), spec.seed)
    name = f"riskiest {share:.0%}"
    return [
        judged("capture", found.capture, spec.limits("capture"), group=name),
        judged("lift", found.lift, spec.limits("lift"), group=name),
    ]


def _ordered(spec: RunSpec, ranked: Bands) -> list[Result]:
    found = rank_order(ranked, int(spec.tests.get("rank-order", {}).get("groups", GROUPS)))
    detail = {"bands": [[each.n, each.events, each.rate, each.lower, each.upper, each.p] for each in found.deciles]}
    breaks = Estimate(found.breaks.value, None, None, found.breaks.method, found.breaks.n, found.breaks.reason, detail)
    return [
        judged("rank_order_breaks", breaks, spec.limits("rank_order_breaks")),
        judged("rank_order_breaks_top", found.top_breaks, spec.limits("rank_order_breaks_top")),
    ]


def _separated(spec: RunSpec, labels: Labels, scores: Scores, ranked: Bands) -> list[Result]:
    table = _goods_and_bads(rank_order(ranked, GROUPS))

    def informed() -> list[Result]:
        value, categories = information_value(table)
        detail = {"bands": [[each.name, each.goods, each.bads, each.evidence, each.part] for each in categories]}
        found = Estimate(value.value, value.lower, value.upper, f"ten bands; {value.method}", value.n, detail=detail)
        return [judged("information_value", found, spec.limits("information_value"))]

    def moments(outcome: int) -> Moments:
        held = scores[labels == outcome]
        return Moments(held.size, float(held.mean()), float(held.var(ddof=1)) if held.size > 1 else 0.0)

    return [
        *together(spec, ["information_value"], labels.size, informed),
        attempt(spec, "divergence", labels.size, lambda: divergence(moments(0), moments(1))),
    ]


def _goods_and_bads(order: RankOrder) -> dict[str, tuple[int, int]]:
    return {f"band {place}": (each.n - each.events, each.events) for place, each in enumerate(order.deciles, 1)}
