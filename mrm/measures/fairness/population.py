"""Who is in a bias evaluation and who is not: rows, outcomes that are not known, groups that are not known or too small."""

from __future__ import annotations

from collections.abc import Iterator

from mrm.measures.evidence import FairnessSettings
from mrm.measures.groups import GroupCounts, by_group
from mrm.measures.intervals import wilson
from mrm.measures.results import Result
from mrm.measures.tables import UNKNOWN_OUTCOME, Summary

MEASURES = ("rows_evaluated", "outcome_not_known", "group_not_known", "too_few_to_conclude", "outcome_rate")


def population(
    summary: Summary, settings: FairnessSettings, hidden: dict[str, frozenset[str | None]]
) -> Iterator[Result]:
    """Every row is counted once per attribute: in a group, or why in none.

    `detail` holds the numbers of people. People of groups that are withheld are counted together
    with those whose group is not known, so that neither can be worked out.
    """
    n = summary.n
    events = sum(cell.n for (_, label, _), cell in summary.cells.items() if label == 1)
    open_ = sum(cell.n for (_, label, _), cell in summary.cells.items() if label == UNKNOWN_OUTCOME)
    favourable = sum(cell.n for (_, _, decision), cell in summary.cells.items() if decision)
    yield _share(
        "rows_evaluated",
        n,
        n,
        "rows of the data set that were scored",
        events=events,
        favourable=favourable,
        bins=summary.spec.bins,
        rank_error=_rank_error(summary),
    )
    yield _share("outcome_not_known", open_, n, "rows without an outcome: in no error rate and no calibration")
    for name in summary.spec.attributes:
        counts, unseen = by_group(summary, (name,)), hidden[name]
        shown = [each for each in counts.known if each.group not in unseen]
        apart = n - sum(each.n for each in shown)
        what = "not known" if not unseen else "not known or withheld, counted together"
        yield _share("group_not_known", apart, n, f"people whose group is {what}: compared with nobody", name)
        small = [each for each in shown if each.n < settings.conclude_n]
        said = f"people of groups under {settings.conclude_n}: shown, and nothing concluded"
        yield _share("too_few_to_conclude", sum(each.n for each in small), n, said, name)
        yield from (_outcome_rate(each) for each in shown if each.outcomes >= max(1, settings.suppress_n))


def _rank_error(summary: Summary) -> float:
    """What any area under a curve may err by because scores of one bin count as equal: half the share of such pairs."""
    events, others = (summary.histogram(label=label).astype(float) for label in (1, 0))
    pairs = events.sum() * others.sum()
    return float(events @ others / pairs / 2) if pairs else 0.0


def _outcome_rate(group: GroupCounts) -> Result:
    return Result(
        "outcome_rate", group.events / group.outcomes, *wilson(group.events, group.outcomes), group.outcomes,
        "events over known outcomes; Wilson interval", attribute=group.attribute, group=group.group,
        detail={"people": group.n},
    )  # fmt: skip


def _share(measure: str, people: int, n: int, said: str, attribute: str = "", **detail: float) -> Result:
    interval = wilson(people, n)
    return Result(measure, people / n, *interval, n, f"share of {said}; Wilson interval", attribute=attribute,
                  detail={"people": people, "said": said, **detail})  # fmt: skip
