"""Frozen edges and counts, stability indices and distances against closed forms, scipy and simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance as spatial

from mrm.measures.engine import Engine
from mrm.measures.noncentral import noncentral_interval
from mrm.measures.stability import distance
from mrm.measures.stability.counts import EXTRA, bin_names, merge, summarise
from mrm.measures.stability.counts import from_dict as counts_from_dict
from mrm.measures.stability.edges import CategoricalColumn, NumericColumn, freeze, from_dict
from mrm.measures.stability.index import (
    characteristic_stability,
    points_by_bin,
    points_shift,
    psi,
    resemblance,
    score_psi,
)

EXPECTED, ACTUAL = [100] * 10, [80, 80, 90, 90, 100, 100, 110, 110, 120, 120]
REFERENCE = pd.DataFrame({"x": np.arange(100.0), "k": np.arange(100) % 7, "c": ["a", "b", "it's", "d"] * 25})
EDGES = freeze(REFERENCE)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(-50, 150), st.just(float("nan"))),
        st.one_of(st.none(), st.integers(-3, 12)),
        st.sampled_from([None, "", "a", "b", "it's", "d", "z", "zz"]),
    ),
    max_size=25,
)


def frame(rows) -> pd.DataFrame:
    columns = pd.DataFrame(rows, columns=["x", "k", "c"])
    return columns.astype({"x": float, "k": "Int64", "c": "string"})


def extra(summary, name) -> dict[str, int]:
    return dict(zip(EXTRA, summary.counts[name][:4].tolist(), strict=True))


def numbers(values, edges):
    return summarise(pd.DataFrame({"x": values}), edges).counts["x"]


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_counts_of_parts_add_up_in_any_order(a, b, c):
    one, two, three = (summarise(frame(rows), EDGES) for rows in (a, b, c))
    whole = summarise(frame(c + a + b), EDGES).digest()
    assert merge(merge(one, two), three).digest() == whole
    assert merge(one, merge(three, two)).digest() == whole


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_counts_agree_with_numpy(rows):
    found, data = summarise(frame(rows), EDGES), frame(rows)
    for name in ("x", "k"):
        column = EDGES.column(name)
        values = data[name].astype(float).to_numpy(na_value=np.nan)
        known = values[~np.isnan(values)]
        inside = known[(known >= column.low) & (known <= column.upper[-1])]
        bins = np.bincount(np.searchsorted(column.upper, inside), minlength=len(column.upper))
        assert found.counts[name][4:].tolist() == bins.tolist()
        assert extra(found, name) == {
            "missing": values.size - known.size,
            "below": (known < column.low).sum(),
            "above": (known > column.upper[-1]).sum(),
            "unseen": 0,
        }
    text = data["c"].fillna("")
    assert found.counts["c"][4:].tolist() == [int((text == value).sum()) for value in EDGES.column("c").values]
    assert extra(found, "c")["missing"] == (text == "").sum()
    assert extra(found, "c")["unseen"] == text.isin(["z", "zz"]).sum()


def test_what_is_no_number_is_missing_and_infinities_are_out_of_range():
    edges = freeze(REFERENCE, ["x"])
    found = numbers([np.nan, np.inf, -np.inf, -np.inf, 5.0], edges)
    assert found[:4].tolist() == [1, 2, 1, 0]
    assert found.sum() == 5
    assert edges.columns[0].upper[-1] == 99


def test_the_reference_itself_fills_no_extra_bin():
    found = summarise(REFERENCE, EDGES)
    assert all(not found.counts[name][:4].any() for name in ("x", "k", "c"))
    assert found.counts["x"][4:].tolist() == [10] * 10
    assert EDGES.column("k") == NumericColumn(
        "k", 0.0, (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), EDGES.column("k").deviation
    )
    assert EDGES.column("c") == CategoricalColumn("c", ("a", "b", "d", "it's"))


def test_edges_are_data_with_a_digest():
    again = from_dict(EDGES.as_dict())
    assert (again, again.digest()) == (EDGES, EDGES.digest())
    assert freeze(REFERENCE.sample(frac=1, random_state=1)).digest() == EDGES.digest()
    assert bin_names(EDGES.column("c")) == (*EXTRA, "a", "b", "d", "it's")
    assert bin_names(EDGES.column("x"))[4:6] == ("0 to 9", "over 9 to 19")


def test_counts_are_data_that_merge_with_later_ones():
    found = summarise(REFERENCE, EDGES)
    kept = counts_from_dict(found.as_dict())
    assert kept.digest() == found.digest()
    assert merge(kept, found).digest() == summarise(pd.concat([REFERENCE, REFERENCE]), EDGES).digest()


def test_a_query_spills_to_the_folder_given(tmp_path):
    rng = np.random.default_rng(28)
    wide = pd.DataFrame({"x": rng.normal(size=400_000), "y": rng.normal(size=400_000)})
    engine = Engine("64MB", 1, tmp_path / "spill")
    assert freeze(wide, engine=engine) == freeze(wide)
    assert summarise(wide, freeze(wide), engine=engine).n == 400_000


def test_types_of_a_file_may_differ_from_those_of_the_reference(tmp_path):
    REFERENCE.to_parquet(tmp_path / "r.parquet")
    assert freeze(tmp_path / "r.parquet").digest() == EDGES.digest()
    changed = REFERENCE.astype({"x": "int16", "k": "float32", "c": "category"})
    changed.to_parquet(tmp_path / "b.parquet")
    assert summarise(tmp_path / "b.parquet", EDGES).digest() == summarise(REFERENCE, EDGES).digest()
    codes = freeze(REFERENCE, ["k"], categorical=["k"])
    assert codes.column("k").values == tuple("0123456")
    assert summarise(REFERENCE, codes).counts["k"][4:].sum() == 100


def test_psi_reference_case_by_hand():
    found = psi(EXPECTED, ACTUAL)
    assert found.value == pytest.approx(0.0202320, abs=1e-7)
    assert sum(found.detail["parts"]) == pytest.approx(found.value)
    assert found.lower <= found.value <= found.upper


def test_psi_of_shifted_normals_is_the_squared_shift():
    cuts = np.linspace(-6, 6, 400)
    shares = [np.diff(stats.norm.cdf(cuts, shift)) for shift in (0, 0.25)]
    reference, current = (np.round(1e9 * each).astype(int) for each in shares)
    assert psi(reference, current).value == pytest.approx(0.0625, abs=2e-3)


def test_one_outlier_does_not_move_the_band():
    rng = np.random.default_rng(21)
    edges = freeze(pd.DataFrame({"x": rng.normal(0, 1, 1_000)}))
    reference = numbers(rng.normal(0, 1, 1_000), edges)
    shifted = rng.normal(0.4, 1, 1_000)
    plain, struck = psi(reference, numbers(shifted, edges)), psi(reference, numbers([*shifted, 1e9], edges))
    assert 0.10 < plain.value < 0.25
    assert struck.value == pytest.approx(plain.value, abs=0.005)


@pytest.mark.parametrize(("n", "critical"), [(100, 0.338), (1_000, 0.034), (10_000, 0.0034), (1_000_000, 3.4e-5)])
def test_the_critical_value_depends_on_the_sample(n, critical):
    found = psi([n // 10] * 10, [n // 10] * 10)
    assert found.detail["critical_value"] == pytest.approx(critical, rel=0.01)


def test_without_drift_the_convention_errs_and_the_critical_value_does_not():
    rng, wrong, over, covered = np.random.default_rng(22), 0, 0, 0
    for _ in range(400):
        one, two = (rng.multinomial(1_000, [0.1] * 10) for _ in range(2))
        found = psi(one, two)
        over += found.value > found.detail["critical_value"]
        covered += found.lower == 0
        few = psi(rng.multinomial(100, [0.1] * 10), rng.multinomial(100, [0.1] * 10))
        wrong += few.value > 0.10
    assert 8 <= over <= 36
    assert covered >= 380
    assert wrong > 300


def test_the_interval_of_psi_covers_the_truth():
    shares = np.array([[0.1] * 10, [0.08] * 2 + [0.09] * 2 + [0.1] * 2 + [0.11] * 2 + [0.12] * 2])
    rng, hits = np.random.default_rng(23), 0
    for _ in range(300):
        found = psi(rng.multinomial(3_000, shares[0]), rng.multinomial(3_000, shares[1]))
        hits += found.lower <= 0.0202320 <= found.upper
    assert 273 <= hits <= 297


@given(st.floats(4_990, 5_010), st.integers(1, 30))
def test_the_interval_is_continuous_where_the_approximation_takes_over(statistic, degrees):
    found = noncentral_interval(statistic, 1.0, degrees)
    exact = stats.ncx2.cdf(statistic, degrees, found[0]), stats.ncx2.cdf(statistic, degrees, found[1])
    assert exact == pytest.approx((0.975, 0.025), abs=2e-3)


def test_two_batches_by_column():
    current = REFERENCE.assign(x=REFERENCE["x"] + 30, c=["a", "b", "z", "d"] * 25)
    found = characteristic_stability(summarise(REFERENCE, EDGES), summarise(current, EDGES))
    assert found["k"].value == 0
    assert found["x"].value > 1
    assert found["c"].value > 1
    with pytest.raises(ValueError, match="different edges; count both by those frozen"):
        characteristic_stability(summarise(REFERENCE, EDGES), summarise(REFERENCE, freeze(REFERENCE, ["x"])))


def test_the_shift_in_points_is_the_difference_of_means():
    found = points_shift([50, 50], [30, 70], [10, 30])
    assert found.value == pytest.approx(4)
    assert (found.lower, found.upper) == pytest.approx((1.341376, 6.658624))
    assert points_by_bin(("a", "b"), {"b": 2, "a": 1}).tolist() == [1, 2]


def test_resemblance_holds_its_level_at_the_tolerated_distance():
    shares = np.array([0.1] * 10)
    moved = shares + 0.01 * np.array([1, -1] * 5)
    tolerated = ((moved - shares) ** 2 / shares).sum()
    rng, rejected = np.random.default_rng(24), 0
    for _ in range(400):
        one, two = rng.multinomial(200_000, shares), rng.multinomial(20_000, moved)
        rejected += resemblance(one, two, tolerated)[1].p < 0.05
    assert 8 <= rejected <= 36
    estimate, strict = resemblance(one, two, 0.0)
    assert strict.p < 1e-9
    assert estimate.lower < tolerated < estimate.upper


def test_score_histograms_are_grouped_by_the_reference():
    rng = np.random.default_rng(25)
    one, two = (np.bincount((1_000 * rng.beta(a, 5, 50_000)).astype(int), minlength=1_000) for a in (2, 2.2))
    found = score_psi(one, two)
    assert 0.005 < found.value < 0.05
    assert score_psi(one, one).value == 0


def test_distances_agree_with_scipy():
    rng = np.random.default_rng(26)
    e, a = rng.multinomial(5_000, rng.dirichlet([2] * 12)), rng.multinomial(4_000, rng.dirichlet([2] * 12))
    p, q = e / e.sum(), a / a.sum()
    assert distance.jensen_shannon(e, a).value == pytest.approx(spatial.jensenshannon(p, q, base=2))
    assert distance.total_variation(e, a).value == pytest.approx(spatial.cityblock(p, q) / 2)
    assert distance.hellinger(e, a).value == pytest.approx(np.linalg.norm(p**0.5 - q**0.5) / 2**0.5)
    assert distance.largest_difference(e, a).value == pytest.approx(spatial.chebyshev(p, q))
    assert distance.overlap(e, a).value == pytest.approx(1 - distance.total_variation(e, a).value)
    estimate, test = distance.chi_square(e, a)
    assert test.p == pytest.approx(stats.chi2_contingency(np.stack([e, a])).pvalue)
    assert estimate.value == pytest.approx(stats.contingency.association(np.stack([e, a]), method="cramer"))
    for measure in (distance.jensen_shannon, distance.total_variation, distance.hellinger, distance.overlap):
        found = measure(e, a)
        assert found.lower < found.value < found.upper


def test_distances_of_numbers_from_fine_bins_are_near_the_exact_ones():
    rng = np.random.default_rng(27)
    x, y = rng.normal(0, 2, 20_000), rng.normal(0.3, 2.2, 20_000)
    edges = freeze(pd.DataFrame({"x": x}), bins=200)
    one, two = numbers(x, edges), numbers(y, edges)
    estimate, test = distance.kolmogorov_smirnov(one, two)
    exact = stats.ks_2samp(x, y).statistic
    assert estimate.value <= exact <= estimate.value + estimate.detail["bound"]
    assert test.p < 1e-6
    column = edges.columns[0]
    found = distance.wasserstein(one, two, column)
    exact = stats.wasserstein_distance(x, y) / x.std(ddof=1)
    assert found.value == pytest.approx(exact, rel=0.03)
    assert found.detail["at_least"] <= exact <= found.detail["at_most"] + 0.01
    adjusted = distance.adjusted({"x": test, "same": distance.kolmogorov_smirnov(one, one)[1]})
    assert adjusted["same"] == 1


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: freeze(REFERENCE, ["q"]), "no column q; the columns are x, k, c"),
        (lambda: freeze(REFERENCE, bins=1), "1 bins cannot show a shift"),
        (lambda: freeze(REFERENCE.assign(x=np.nan)), "Column x has no value in the reference; leave it out"),
        (lambda: freeze(REFERENCE.assign(c="")), "Column c has no value in the reference"),
        (
            lambda: freeze(REFERENCE.assign(x=pd.Timestamp("2026-01-01"))),
            "Column x holds TIMESTAMP.*; turn it into numbers, such as days, or into text",
        ),
        (
            lambda: freeze(pd.DataFrame({"c": [f"v{i}" for i in range(1_001)]})),
            "Column c has over 1,000 categories; group them first",
        ),
        (lambda: summarise(REFERENCE.assign(x="1"), EDGES), "Column x holds VARCHAR, and numbers in the reference"),
        (lambda: summarise(REFERENCE.assign(c=1.5), EDGES), "Column c holds DOUBLE, and categories in the reference"),
        (lambda: summarise(REFERENCE[["x", "k"]], EDGES), "no column c"),
        (lambda: from_dict({"rows": 1}), "hold no frozen edges"),
        (lambda: counts_from_dict({"n": 1}), "hold no counts by frozen edges"),
        (
            lambda: from_dict({"rows": 1, "columns": [{"name": "x", "low": 0, "upper": [2, 1], "deviation": 1}]}),
            "The edges of column x do not rise",
        ),
        (lambda: EDGES.column("q"), "Column q was not frozen"),
        (lambda: psi([1, 2], [1, 2, 3]), "differ in length"),
        (lambda: psi([0, 0], [1, 2]), "The reference population holds no row"),
        (lambda: psi([1, 2], [1, -2]), "Column current, row 2: -2 is not a count"),
        (lambda: resemblance([1, 2], [1, 2], -1), "give zero or more"),
        (lambda: points_by_bin(("a", "b"), {"a": 1}), "no points for b"),
        (lambda: distance.chi_square([4, 0], [3, 0]), "All rows lie in one bin"),
        (
            lambda: distance.wasserstein([0] * 4 + [1], [0] * 4 + [1], NumericColumn("x", 1, (1.0,), 0)),
            "Column x has one value only in the reference",
        ),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()
