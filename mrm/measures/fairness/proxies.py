"""Which features stand in for a protected attribute, and which carry the difference of scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedKFold

from mrm.measures.discrimination import auc
from mrm.measures.fairness.comparison import bounds
from mrm.measures.fairness.judging import Thresholds, judged
from mrm.measures.intervals import bootstrap_counts, generator
from mrm.measures.results import Result

MEASURES = ("proxy_auc", "proxy_auc_all_features", "proxy_cramers_v", "mutual_information", "disparity_share")
LEVELS = 10
FOLDS = 3
ROWS = 10_000
TREES, LEAF = 40, 10
LEAST = 30
CHUNK = 50

Values = NDArray[np.float64]
Names = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class People:
    """Feature columns, shape (rows,) each, as numbers or names; and the group of every row, None if not known."""

    features: Mapping[str, NDArray[np.generic]]
    attribute: str
    groups: Names
    seed: int = 0
    draws: int = 1_000
    workers: int = 1

    def __post_init__(self) -> None:
        uneven = [name for name, column in self.features.items() if len(column) != len(self.groups)]
        if uneven:
            raise ValueError(
                f"The column {uneven[0]} has {len(self.features[uneven[0]])} rows, the groups {len(self.groups)}."
            )

    @property
    def known(self) -> NDArray[np.bool_]:
        return np.array([each is not None and each == each for each in self.groups], dtype=bool)  # noqa: PLR0124  NaN


def proxies(people: People, thresholds: Thresholds | None = None) -> list[Result]:
    """How well each feature, and all together, tell the groups apart; rows without a group are left out.

    AUC of each group against the rest, turned so that it is at least one half; association of the
    feature in ten bands with the attribute as Cramér's V and as mutual information in nats.
    """
    known = people.known
    groups = people.groups[known]
    columns = {name: column[known] for name, column in people.features.items()}
    names = [str(each) for each in sorted(set(groups))]
    out: list[Result] = []
    for feature, column in columns.items():
        out.extend(_of_groups(feature, column, groups, names, people))
        out.extend(_association(feature, column, groups, people))
    out.extend(_together(columns, groups, names, people))
    return [judged(each, thresholds) for each in out]


def disparity_shares(
    contributions: Values, features: Sequence[str], groups: Names, *, attribute: str, group: str, reference: str,
    seed: int = 0, draws: int = 1_000, thresholds: Thresholds | None = None, unit: str = "score",
) -> list[Result]:  # fmt: skip
    """Each feature's share of the difference of mean scores between a group and its reference.

    `contributions` has shape (rows, features) and adds up, with one base value, to the score (SHAP,
    or the terms of a linear model). The differences of mean contributions then sum exactly to the
    score gap (Lundberg 2020, "Explaining quantitative measures of fairness"). Raises ValueError on
    shapes that do not fit and groups that have nobody.
    """
    if contributions.shape != (len(groups), len(features)):
        raise ValueError(
            f"Contributions have the shape {contributions.shape}, rows and features are {len(groups)} and {len(features)}."
        )
    sides = [contributions[groups == name] for name in (group, reference)]
    for name, side in zip((group, reference), sides, strict=True):
        if not len(side):
            raise ValueError(f"Nobody of the explained rows belongs to {name}.")
    parts = sides[0].mean(axis=0) - sides[1].mean(axis=0)
    gap = float(parts.sum())
    rng = generator(seed, f"disparity/{attribute}/{group}")
    drawn = _resampled_means(sides[0], draws, rng) - _resampled_means(sides[1], draws, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = drawn / drawn.sum(axis=1, keepdims=True)
    n = min(len(side) for side in sides)
    ends = bounds(drawn.sum(axis=1))
    out = []
    for place, feature in enumerate(features):
        low, high = bounds(samples[:, place])
        lacking = (
            f"{n} explained rows in the smaller group, {LEAST} needed."
            if n < LEAST
            else "There is no gap to share."
            if not gap
            else "The gap of these rows may be chance, so its shares are not judged."
            if ends[0] is None or ends[1] is None or ends[0] <= 0 <= ends[1]
            else ""
        )
        value = float(parts[place] / gap) if gap else None
        each = Result(
            "disparity_share", value, low, high, len(sides[0]),
            f"difference of mean contributions over that of scores; percentile bootstrap over rows, {draws:,} draws",
            status="insufficient" if lacking else "info", reason=lacking, attribute=attribute, group=group,
            reference=reference, detail={"feature": feature, "difference": float(parts[place]), "score_gap": gap, "unit": unit},
        )  # fmt: skip
        out.append(judged(each, thresholds))
    return out


def cramers_v(counts: NDArray[np.int64]) -> Values:
    """Cramér's V of tables with shape (..., levels, groups); 0 where one side has a single value."""
    n = counts.sum(axis=(-2, -1), keepdims=True).astype(float)
    rows, columns = counts.sum(axis=-1, keepdims=True), counts.sum(axis=-2, keepdims=True)
    expected = rows * columns / n
    square = np.divide((counts - expected) ** 2, expected, out=np.zeros(counts.shape), where=expected > 0)
    sides = np.minimum((rows[..., 0] > 0).sum(axis=-1), (columns[..., 0, :] > 0).sum(axis=-1)) - 1
    return np.asarray(np.sqrt(square.sum(axis=(-2, -1)) / (n[..., 0, 0] * np.maximum(sides, 1))))


def mutual_information(counts: NDArray[np.int64]) -> Values:
    """Mutual information in nats of tables with shape (..., levels, groups), from the counts as they are."""
    share = counts / counts.sum(axis=(-2, -1), keepdims=True)
    apart = share.sum(axis=-1, keepdims=True) * share.sum(axis=-2, keepdims=True)
    ratio = np.divide(share, apart, out=np.ones(share.shape), where=share > 0)
    return np.asarray((share * np.log(ratio)).sum(axis=(-2, -1)))


def _of_groups(
    feature: str, column: NDArray[np.generic], groups: Names, names: list[str], people: People
) -> Iterator[Result]:
    numeric = np.issubdtype(column.dtype, np.number)
    for group in names:
        member = (groups == group).astype(np.int64)
        if numeric:
            values, tested, how = (
                np.nan_to_num(column.astype(float), nan=-np.inf),
                member,
                "the feature's own order, missing lowest",
            )
        else:
            values, tested, how = _by_share(column, member, people, f"{feature}/{group}")
        yield _area(
            "proxy_auc",
            values,
            tested,
            group,
            people,
            f"AUC of {group} against the rest by {how}; DeLong interval",
            feature,
        )


def _by_share(
    column: NDArray[np.generic], member: NDArray[np.int64], people: People, name: str
) -> tuple[Values, NDArray[np.int64], str]:
    """Names ordered by the group's share in one half of the rows, to be tested on the other half."""
    first = generator(people.seed, f"halves/{name}").random(len(column)) < 0.5
    share = {
        level: float(member[first & (column == level)].mean()) for level in np.unique(column[first].astype(object))
    }
    usual = float(member[first].mean()) if first.any() else 0.0
    return (
        np.array([share.get(each, usual) for each in column[~first]]),
        member[~first],
        "the group's share in the other half",
    )


def _area(
    measure: str, values: Values, member: NDArray[np.int64], group: str, people: People, method: str, feature: str = ""
) -> Result:
    few = min(int(member.sum()), int((1 - member).sum()))
    detail = {"feature": feature} if feature else {}
    if few < LEAST:
        reason = f"{few} people on the smaller side, {LEAST} needed."
        return Result(measure, None, None, None, len(member), method, status="insufficient", reason=reason, attribute=people.attribute, group=group, detail=detail)  # fmt: skip
    found = auc(member, values)
    value, low, high = found.value, found.lower, found.upper
    if value < 0.5:
        value, low, high = 1 - value, None if high is None else 1 - high, None if low is None else 1 - low
    return Result(measure, value, low, high, len(member), method, attribute=people.attribute, group=group, detail=detail)  # fmt: skip


def _association(feature: str, column: NDArray[np.generic], groups: Names, people: People) -> Iterator[Result]:
    levels, bands = _banded(column)
    kinds, membership = np.unique(groups.astype(str), return_inverse=True)
    counts = np.zeros((levels, kinds.size), dtype=np.int64)
    np.add.at(counts, (bands, membership), 1)
    drawn = bootstrap_counts(counts, people.draws, generator(people.seed, f"association/{people.attribute}/{feature}"))
    made = (
        f"{levels} levels; percentile bootstrap of the counts, {people.draws:,} draws, which lies above a small value"
    )
    for measure, computed, unit in (
        ("proxy_cramers_v", cramers_v, "Cramér's V"),
        ("mutual_information", mutual_information, "nats"),
    ):
        low, high = bounds(computed(drawn))
        yield Result(measure, float(computed(counts)), low, high, len(groups), f"{unit}, {made}", attribute=people.attribute,
                     detail={"feature": feature})  # fmt: skip


def _banded(column: NDArray[np.generic]) -> tuple[int, NDArray[np.int64]]:
    """Names as they are; numbers in at most ten quantile bands, missing apart."""
    if not np.issubdtype(column.dtype, np.number):
        levels, place = np.unique(column.astype(str), return_inverse=True)
        return levels.size, place
    values = column.astype(float)
    present = values[~np.isnan(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, LEVELS + 1)[1:-1])) if present.size else np.empty(0)
    place = np.where(np.isnan(values), edges.size + 1, np.searchsorted(edges, values, side="right"))
    return int(edges.size) + 2, place.astype(np.int64)


def _together(
    columns: Mapping[str, NDArray[np.generic]], groups: Names, names: list[str], people: People
) -> Iterator[Result]:
    """One forest for all groups large enough, judged on folds that it did not see."""
    sizes = {name: int((groups == name).sum()) for name in names}
    large = np.array([sizes[str(each)] >= LEAST for each in groups], dtype=bool)
    rng = generator(people.seed, f"together/{people.attribute}")
    chosen = np.sort(rng.permutation(np.flatnonzero(large))[:ROWS])
    kinds, member = np.unique(groups[chosen].astype(str), return_inverse=True)
    matrix = np.column_stack([_numbers(column)[chosen] for column in columns.values()])
    predicted = np.zeros((len(chosen), kinds.size))
    if kinds.size > 1:
        for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=people.seed).split(matrix, member):
            forest = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=people.seed, n_jobs=people.workers)
            forest.fit(matrix[seen], member[seen])
            forest.n_jobs = None  # trees grow side by side, but the sum over them must have one order
            predicted[unseen] = forest.predict_proba(matrix[unseen])
    for group in names:
        method = f"AUC of {group} against the rest by {TREES} random trees on {len(columns)} features, {FOLDS} folds; DeLong interval"
        place = list(kinds).index(group) if group in kinds and kinds.size > 1 else None
        scores = np.zeros(len(chosen)) if place is None else predicted[:, place]
        yield _area("proxy_auc_all_features", scores, (groups[chosen] == group).astype(np.int64), group, people, method)


def _numbers(column: NDArray[np.generic]) -> Values:
    """Numbers as they are, missing below all; names as codes by how often they occur, the rarest beyond 255 sharing one."""
    if np.issubdtype(column.dtype, np.number):
        values = column.astype(float)
        known = np.isfinite(values)
        return np.where(known, values, (values[known].min() if known.any() else 0.0) - 1)
    _, place, counts = np.unique(column.astype(str), return_inverse=True, return_counts=True)
    rank = np.empty(counts.size, dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
    return np.minimum(rank[place], 254).astype(float)


def _resampled_means(rows: Values, draws: int, rng: np.random.Generator) -> Values:
    """Means of bootstrap resamples, shape (draws, features), a few draws at a time."""
    chance, out = np.full(len(rows), 1 / len(rows)), []
    for start in range(0, draws, CHUNK):
        weights = rng.multinomial(len(rows), chance, size=min(CHUNK, draws - start))
        out.append(weights @ rows / len(rows))
    return np.concatenate(out) if out else np.empty((0, rows.shape[1]))
