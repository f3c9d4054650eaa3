"""More than two outcomes: every class against the rest, and ordered classes from the best down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.assessment import fairness
from mrm.measures.fairness.judging import Thresholds
from mrm.measures.fairness.ordered import cumulative_ratios
from mrm.measures.groups import by_group, reference_group
from mrm.measures.results import Result
from mrm.measures.tables import UNKNOWN_OUTCOME, Cell, CellKey, Spec, Summary

# (group or None, true class or None, decided class) to people
ClassCounts = Mapping[tuple[str | None, str | None, str], int]


def one_against_rest(
    attribute: str, counts: ClassCounts, settings: FairnessSettings, thresholds: Thresholds | None = None
) -> dict[str, list[Result]]:
    """All group measures of every class, "decided as this class" being the favourable decision.

    People whose true class is not known are in no error rate, those whose group is not known in no group.
    """
    classes = sorted({decided for _, _, decided in counts})
    out = {}
    for name in classes:
        results = fairness(as_two(attribute, counts, {name}), settings, thresholds)
        out[name] = [replace(each, detail={**each.detail, "class": name}) for each in results]
    return out


def as_two(attribute: str, counts: ClassCounts, good: set[str]) -> Summary:
    """The table of a decision for one of the `good` classes against the rest; no scores."""
    spec = Spec("label", "score", 0.5, "at_or_above", (attribute,))
    cells: dict[CellKey, Cell] = {}
    for (group, truth, decided), n in counts.items():
        label = UNKNOWN_OUTCOME if truth is None else int(truth in good)
        key: CellKey = ((group,), label, int(decided in good))
        cells[key] = cells.get(key, Cell(0, 0, 0)) + Cell(n, 0, 0)
    return Summary(spec, cells)


def ordered_ratios(
    attribute: str, counts: ClassCounts, best_first: Sequence[str], settings: FairnessSettings
) -> dict[str, list[dict[str, float | str | None]]]:
    """Impact ratio of reaching each class or a better one, per group against the reference of the best class.

    Raises ValueError if a class of the counts is not among `best_first`.
    """
    strange = sorted({decided for _, _, decided in counts} - set(best_first))
    if strange:
        raise ValueError(f"The class {strange[0]} has no place in the order {', '.join(best_first)}.")
    views = [
        by_group(as_two(attribute, counts, set(best_first[: i + 1])), (attribute,)) for i in range(len(best_first) - 1)
    ]
    named = settings.references.get(attribute)
    small = {each.group for each in views[0].known if each.n < settings.suppress_n}
    reference = reference_group(views[0], named, settings.exclude_share, small)
    if reference is None:
        return {}
    reached = {
        group.group: np.array([(found.favourable if (found := view.named(group.group)) else 0) for view in views])
        for group in views[0].known
    }
    return {
        group.group: cumulative_ratios(reached[group.group], reached[reference.group], group.n, reference.n).points(
            list(best_first[:-1]), [float(i + 1) for i in range(len(best_first) - 1)]
        )
        for group in views[0].known
        if group.group not in (*small, reference.group)
    }
