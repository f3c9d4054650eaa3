"""Which features carry the gap of scores between a group and its reference."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc
import pyarrow.parquet as pq

from mrm.measures.evaluation.bias.proxies import group_names
from mrm.measures.evaluation.contributions import contributions
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.explanation.attributions import Explanation
from mrm.measures.fairness.proxies import Names, disparity_shares
from mrm.measures.groups import INTERSECTION
from mrm.measures.judging import withheld
from mrm.measures.process import ScoringFailed
from mrm.measures.results import Result

TEST, MEASURE = "disparity-share", "disparity_share"


def shares(
    spec: RunSpec, rows: Scored, compared: Sequence[Result], hidden: dict[str, frozenset[str | None]], tell: Progress
) -> tuple[list[Result], dict[str, str]]:
    """Every group that is compared with a reference: its gap of scores, shared out among the features.

    With it, by the id of the test, why it could not be done.
    """
    if TEST not in spec.asked("bias"):
        return [], {}
    if not spec.runs_here:
        return [], {TEST: f"It needs contributions of a model that can be run here; {spec.scored_elsewhere}."}
    try:
        found, _ = contributions(spec, rows, tell)
    except ScoringFailed as error:
        return [], {TEST: f"The scores could not be explained: {error}"}
    groups = _groups(spec, found, hidden)
    out: list[Result] = []
    for each in compared:
        if (
            each.measure == "air"
            and each.reference
            and each.group != each.reference
            and INTERSECTION not in each.attribute
        ):
            out += _of_group(spec, found, groups[each.attribute], each)
    return out, {}


def _of_group(spec: RunSpec, found: Explanation, groups: Names, pair: Result) -> list[Result]:
    try:
        return disparity_shares(
            found.values, found.feature_names, groups, attribute=pair.attribute, group=pair.group, reference=pair.reference,
            seed=spec.seed, thresholds=spec.thresholds, unit=found.output,
        )  # fmt: skip
    except ValueError as error:
        where = {"attribute": pair.attribute, "group": pair.group, "reference": pair.reference}
        return [withheld(MEASURE, "insufficient", str(error), 0, spec.limits(MEASURE), **where)]


def _groups(spec: RunSpec, found: Explanation, hidden: dict[str, frozenset[str | None]]) -> dict[str, Names]:
    """The group of each explained row by attribute, None where it is not known or not shown."""
    assert spec.protected is not None
    keys = pq.read_table(spec.dataset, columns=["row_id"])["row_id"].take(list(found.rows))
    people = pq.read_table(spec.protected)
    places = pc.index_in(keys.cast(people["row_id"].type), value_set=people["row_id"].combine_chunks())
    return {
        name: group_names(people[name].take(places), hidden[name]) for name in people.column_names if name in hidden
    }
