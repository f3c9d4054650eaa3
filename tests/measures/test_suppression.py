"""Small groups cannot be worked out from what is shown."""

from fractions import Fraction

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mrm.measures.fairness import FairnessSettings, fairness
from mrm.measures.fairness.intersections import full_cross
from mrm.measures.fairness.suppression import suppressed
from mrm.measures.tables import Cell, Spec, Summary, from_counts
from tests.measures.worlds import found, table

VIEWS = [("sex",), ("race",), ("sex", "race")]
SIZES = st.integers(0, 60) | st.integers(0, 12)
CROSS = st.lists(st.lists(SIZES, min_size=4, max_size=4), min_size=3, max_size=3)


def crossed(sizes: list[list[int]]) -> Summary:
    """People of sex F, M or unknown, and race a, b, c or unknown."""
    spec = Spec("y", "s", 0.5, "below", ("sex", "race"))
    cells = {
        ((sex, race), -1, 1): Cell(n, 0, 0)
        for sex, row in zip(("F", "M", None), sizes, strict=True)
        for race, n in zip(("a", "b", "c", None), row, strict=True)
        if n
    }
    return Summary(spec, cells)


def reduced(rows: list[list[Fraction]]) -> int:
    """Rank by exact elimination."""
    rows, rank = [row[:] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(len(rows)):
            if i != rank and rows[i][column]:
                factor = rows[i][column] / rows[rank][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


@settings(max_examples=150, deadline=None)
@given(CROSS)
def test_no_small_group_is_a_combination_of_what_is_shown(sizes):
    summary = crossed(sizes)
    finest = [who for (who, _, _) in summary.cells]
    people = np.array([cell.n for cell in summary.cells.values()])
    if not finest or people.sum() < 11:
        return
    hidden = suppressed(summary, VIEWS, 11)
    shown, small = [[Fraction(1)] * len(finest)], []
    for view in VIEWS:
        places = [("sex", "race").index(name) for name in view]
        names = [None if None in (w := [who[p] for p in places]) else " × ".join(w) for who in finest]
        for name in set(names):
            row = [Fraction(int(each == name)) for each in names]
            n = sum(int(c) for c, each in zip(people, names, strict=True) if each == name)
            if n < 11:
                assert name in hidden[" × ".join(view)]
                small.append(row)
            elif name not in hidden[" × ".join(view)]:
                shown.append(row)
    rank = reduced(shown)
    for row in small:
        assert reduced([*shown, row]) == rank + 1


def test_nothing_is_hidden_without_a_small_group():
    hidden = suppressed(crossed([[40, 30, 20, 15], [50, 60, 20, 11], [12, 12, 12, 12]]), VIEWS, 11)
    assert set(hidden.values()) == {frozenset()}


def test_those_not_known_are_hidden_before_a_group_is():
    hidden = suppressed(crossed([[100, 0, 0, 0], [150, 0, 0, 0], [40, 0, 5, 0]]), [("sex",), ("race",)], 11)
    assert hidden["race"] == {"a", "c"}
    assert suppressed(crossed([[50, 60, 5, 30], [50, 60, 0, 30], [0, 0, 0, 0]]), [("race",)], 11) == {
        "race": frozenset({"c", None})
    }


def test_two_tiny_groups_are_not_left_with_a_tiny_remainder():
    """Hidden parts of 3 and 4 leave 7 to share, which says nearly all; a third group goes with them."""
    counts = from_counts("g", {"large": (600, 1_000), "mid": (300, 500), "x": (1, 3), "y": (2, 4)})
    assert suppressed(counts, [("g",)], 11) == {"g": frozenset({"x", "y", "mid"})}


def test_a_withheld_group_says_why_and_is_no_reference():
    counts = {"large": (600, 1_000), "mid": (400, 500), "fair": (350, 600), "x": (1, 3)}
    results = fairness(from_counts("g", counts), FairnessSettings(draws=100))
    assert found(results, "selection_rate", "x").reason == "Fewer than 11 people; counts and rates are withheld."
    mid = found(results, "air", "mid")
    assert (mid.n, mid.value, mid.status) == (None, None, "insufficient")
    assert mid.reason.startswith("Withheld: with it, a group that is too small to be shown")
    assert found(results, "air", "fair").reference == "large"
    assert "mid" not in str([r.as_dict() for r in results if r.group != "mid"])


def test_people_in_the_summary_of_a_frame_are_hidden_alike():
    frame = pd.DataFrame({"sex": ["F"] * 30 + ["M"] * 40 + ["X"] * 4, "y": 1, "s": 0.3})
    results = fairness(table(frame, attributes=("sex",)), FairnessSettings(draws=0))
    assert {r.group for r in results if r.measure == "selection_rate" and r.n is None} == {"F", "X"}


def test_three_attributes_and_all_their_crosses():
    rng = np.random.default_rng(5)
    spec = Spec("y", "s", 0.5, "below", ("a", "b", "c"))
    places = [(f"{i}", f"{j}", f"{k}") for i in range(3) for j in range(3) for k in range(4)]
    summary = Summary(spec, {(who, -1, 1): Cell(int(rng.integers(1, 50)), 0, 0) for who in places})
    views = [("a",), ("b",), ("c",), *full_cross(("a", "b", "c"))]
    hidden = suppressed(summary, views, 11)
    assert 4 < sum(map(len, hidden.values())) < len(places)
    shown, small = [np.ones(len(places))], []
    for view in views:
        title = " × ".join(view)
        names = [" × ".join(who["abc".index(name)] for name in view) for who in places]
        for name in sorted(set(names)):
            row = np.array([float(each == name) for each in names])
            n = sum(summary.cells[who, -1, 1].n for who, inside in zip(places, row, strict=True) if inside)
            (small if n < 11 else shown if name not in hidden[title] else []).append(row)
    rank = np.linalg.matrix_rank(np.array(shown))
    assert small
    assert all(np.linalg.matrix_rank(np.array([*shown, row])) == rank + 1 for row in small)


def test_a_named_reference_that_is_too_small_compares_nothing():
    counts = from_counts("g", {"large": (600, 1_000), "mid": (300, 500), "tiny": (5, 7)})
    results = fairness(counts, FairnessSettings(references={"g": "tiny"}, draws=0))
    assert [r.reason for r in results if r.measure == "air"] == [
        "Nothing can be compared with tiny: it may not be shown, or has no favourable decision."
    ]
