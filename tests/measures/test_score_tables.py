"""Score histograms: parts add up to the whole, and measures stay within the bound they print."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mrm.measures.score_tables import areas, auc, brier, ece, equal_mass, gini, ks, score_table
from mrm.measures.tables import Spec, merge, summarise

SPEC = Spec("y", "s", 0.3, "below")
ROWS = st.lists(st.tuples(st.sampled_from([0, 1]), st.floats(0, 1)), max_size=30)
BOTH = [(0, 0.25), (1, 0.75)]


def frame(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["y", "s"]).astype({"y": "int64", "s": float})


def table(rows):
    return score_table(summarise(frame(rows), SPEC))


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(11)
    p = rng.beta(1.5, 6, 20_000)
    return frame(list(zip((rng.random(p.size) < p).astype(int).tolist(), p.tolist(), strict=True)))


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_merged_partitions_are_bit_identical_to_the_whole(a, b, c):
    parts = [summarise(frame(rows), SPEC) for rows in (a + BOTH, b, c)]
    whole = score_table(summarise(frame(a + BOTH + b + c), SPEC))
    for order in ((0, 1, 2), (2, 0, 1)):
        one, two, three = (parts[place] for place in order)
        merged = score_table(merge(merge(one, two), three))
        assert (merged.counts == whole.counts).all()
        assert (merged.events, merged.others) == (whole.events, whole.others)
        for measure in (auc, gini, ks, brier, ece):
            assert measure(merged, seed=3) == measure(whole, seed=3)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, random):
    rows = rows + BOTH
    mixed = list(rows)
    random.shuffle(mixed)
    for measure in (auc, ks, brier, ece):
        assert measure(table(rows)) == measure(table(mixed))


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_exact_values_lie_within_the_printed_bound(rows):
    data = frame(rows + BOTH)
    found = table(rows + BOTH)
    y, s = data["y"], data["s"]
    area, distance = auc(found), ks(found)
    assert abs(area.value - metrics.roc_auc_score(y, s)) <= area.detail["bound"] + 1e-12
    false, true, _ = metrics.roc_curve(y, s, drop_intermediate=False)
    exact = np.abs(true - false).max()
    assert distance.value - 1e-12 <= exact <= distance.value + distance.detail["bound"] + 1e-12
    assert brier(found).value == pytest.approx(metrics.brier_score_loss(y, s), abs=1e-8)


def test_a_thousand_bins_give_the_area_to_a_hundred_thousandth(sample):
    found = auc(score_table(summarise(sample, SPEC)))
    assert found.value == pytest.approx(metrics.roc_auc_score(sample["y"], sample["s"]), abs=1e-5)
    assert found.detail["bound"] < 2e-3
    assert found.lower < found.value < found.upper


def test_every_estimate_holds_value_interval_rows_and_method(sample):
    data = score_table(summarise(sample, SPEC))
    for measure in (auc, gini, ks, brier, ece):
        found = measure(data, seed=1)
        assert found.lower <= found.value <= found.upper
        assert (found.n, "200 draws" in found.method) == (20_000, True)
        assert found == measure(data, seed=1)


def test_the_bootstrap_has_the_width_of_delong(sample):
    from mrm.measures import discrimination

    exact = discrimination.auc(sample["y"].to_numpy(), sample["s"].to_numpy())
    found = auc(score_table(summarise(sample, SPEC)), draws=2_000)
    assert found.upper - found.lower == pytest.approx(exact.upper - exact.lower, rel=0.1)


def test_a_group_has_its_own_table():
    data = frame([*BOTH, (0, 0.9), (1, 0.1)]).assign(sex=["F", "F", "M", "M"])
    summary = summarise(data, Spec("y", "s", 0.3, "below", ("sex",)))
    assert areas(score_table(summary, "sex", "F").counts) == 1
    assert areas(score_table(summary, "sex", "M").counts) == 0


def test_groups_of_bins_are_of_near_equal_size_and_never_empty():
    rows = np.array([0, 5, 0, 90, 5, 0])
    assert equal_mass(rows, 4).tolist() == [0, 0, 0, 1, 2, 2]
    assert equal_mass(np.full(100, 3), 10).tolist() == np.repeat(range(10), 10).tolist()


@pytest.mark.parametrize("label", [0, 1])
def test_one_outcome_only_is_refused(label):
    with pytest.raises(ValueError, match=f"Column y has no row with {1 - label}; ranking needs both outcomes"):
        table([(label, 0.2)])


def test_scores_that_are_no_probabilities_have_no_calibration():
    data = summarise(frame([(0, 400.0), (1, 700.0)]), Spec("y", "s", 600, "at_or_above", low=300, high=850))
    with pytest.raises(ValueError, match="lie between 300 and 850 and are not probabilities; calibrate"):
        ece(score_table(data))


def test_tables_of_different_ranges_do_not_merge():
    other = score_table(summarise(frame(BOTH), Spec("y", "s", 0.3, "below", bins=50)))
    with pytest.raises(ValueError, match="different ranges or bins cannot be merged"):
        table(BOTH) + other
