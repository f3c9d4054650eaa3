"""The compressed table: parts add up to the whole, from files as from frames."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrm.measures.tables import FIXED_POINT, ParquetBatch, Spec, merge, summarise

SPEC = Spec("y", "s", 0.3, "below", ("sex", "age"), bins=50)
ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, None]),
        st.floats(0, 1),
        st.sampled_from(["F", "M", None, ""]),
        st.sampled_from(["young", "old"]),
    ),
    max_size=25,
)


def frame(rows) -> pd.DataFrame:
    columns = pd.DataFrame(rows, columns=["y", "s", "sex", "age"])
    return columns.astype({"y": "Int64", "s": float, "sex": "string", "age": "string"})


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_tables_of_parts_add_up_in_any_order(a, b, c):
    one, two, three = (summarise(frame(rows), SPEC) for rows in (a, b, c))
    whole = summarise(frame(a + b + c), SPEC).digest()
    assert merge(merge(one, two), three).digest() == whole
    assert merge(one, merge(three, two)).digest() == whole


@settings(max_examples=25, deadline=None)
@given(ROWS.filter(bool))
def test_table_agrees_with_numpy(rows):
    data = frame(rows)
    summary = summarise(data, SPEC)
    scores = data["s"].to_numpy()
    bins = np.bincount(np.minimum((scores * SPEC.bins).astype(int), SPEC.bins - 1), minlength=SPEC.bins)
    assert summary.histogram().tolist() == bins.tolist()
    assert summary.n == len(rows)
    assert sum(c.total for c in summary.cells.values()) == int(np.floor(scores * FIXED_POINT + 0.5).sum())
    approved = sum(c.n for (_, _, favourable), c in summary.cells.items() if favourable)
    assert approved == int((scores < SPEC.cutoff).sum())


def test_parquet_with_separate_protected_file_equals_the_joined_frame(tmp_path):
    rng = np.random.default_rng(1)
    scored = pd.DataFrame({"row_id": np.arange(500), "y": rng.integers(0, 2, 500), "s": rng.random(500)})
    protected = pd.DataFrame(
        {
            "row_id": rng.permutation(500)[:450],
            "sex": rng.choice(["F", "M"], 450),
            "age": rng.choice(["young", "old"], 450),
        }
    )
    scored.to_parquet(tmp_path / "scored.parquet")
    protected.to_parquet(tmp_path / "protected.parquet")
    files = summarise(ParquetBatch(tmp_path / "scored.parquet", tmp_path / "protected.parquet"), SPEC)
    joined = summarise(scored.merge(protected, on="row_id", how="left"), SPEC)
    assert files.digest() == joined.digest()
    assert files.n == 500


def test_repeated_row_ids_are_refused(tmp_path):
    pd.DataFrame({"row_id": [1, 2], "y": [0, 1], "s": [0.1, 0.2]}).to_parquet(tmp_path / "s.parquet")
    pd.DataFrame({"row_id": [1, 1], "sex": ["F", "M"], "age": ["o", "o"]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(ValueError, match="protected data are missing or not unique"):
        summarise(ParquetBatch(tmp_path / "s.parquet", tmp_path / "p.parquet"), SPEC)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([(0, float("nan"), "F", "old")], "1 rows have no score"),
        ([(0, 1.5, "F", "old")], "1 scores lie outside 0 to 1"),
        ([(2, 0.5, "F", "old")], "1 labels are neither 0 nor 1"),
    ],
)
def test_bad_rows_are_refused_with_a_count(rows, sentence):
    with pytest.raises(ValueError, match=sentence):
        summarise(frame(rows), SPEC)


def test_tables_of_different_specifications_do_not_merge():
    rows = frame([(0, 0.2, "F", "old")])
    with pytest.raises(ValueError, match="cannot be merged"):
        merge(summarise(rows, SPEC), summarise(rows, Spec("y", "s", 0.4, "below", ("sex", "age"), bins=50)))


def test_moments_are_those_of_numpy():
    scores = np.random.default_rng(2).uniform(300, 850, 1_000)
    data = pd.DataFrame({"y": 0, "s": scores})
    summary = summarise(data, Spec("y", "s", 600, "at_or_above", (), low=300, high=850))
    total = list(summary.cells.values())
    both = total[0] + total[1]
    assert summary.mean_and_variance(both) == pytest.approx((scores.mean(), scores.var(ddof=1)), rel=1e-8)


def test_order_of_rows_and_size_of_pieces_leave_no_trace():
    rng, rows = np.random.default_rng(3), 140_000  # more than one piece
    data = pd.DataFrame({"y": rng.choice([0, 1, None], rows), "s": rng.random(rows)})
    data["sex"], data["age"] = rng.choice(["F", "M", " F "], rows), rng.choice([20, 30, None], rows)
    data = data.astype({"y": "Int64", "age": "Int64"})
    whole = summarise(data, SPEC).digest()
    assert summarise(data.sample(frac=1, random_state=5), SPEC).digest() == whole
    assert merge(summarise(data[:170], SPEC), summarise(data[170:], SPEC)).digest() == whole
    assert set(summarise(data, SPEC).cells) == {
        ((sex, age), y, d) for sex in ("F", "M") for age in ("20", "30", None) for y in (-1, 0, 1) for d in (0, 1)
    }


def test_segments_come_from_the_scored_file(tmp_path):
    scored = pd.DataFrame({"row_id": range(4), "y": [0, 1, 0, 1], "s": [0.1, 0.2, 0.3, 0.4], "channel": list("aabb")})
    scored.to_parquet(tmp_path / "s.parquet")
    pd.DataFrame({"row_id": range(4), "sex": list("FMFM")}).to_parquet(tmp_path / "p.parquet")
    spec = Spec("y", "s", 0.5, "below", ("sex",), segments=("channel",))
    summary = summarise(ParquetBatch(tmp_path / "s.parquet", tmp_path / "p.parquet"), spec)
    assert {groups for groups, _, _ in summary.cells} == {(s, c) for s in "FM" for c in "ab"}
    with pytest.raises(ValueError, match="sex is named twice"):
        Spec("y", "s", 0.5, "below", ("sex",), segments=("sex",))


@pytest.mark.parametrize(("values", "type_"), [(["yes", "no"], "object"), ([True, False], bool)])
def test_labels_are_numbers_or_truth_values(values, type_):
    data = pd.DataFrame({"y": pd.Series(values, dtype=type_), "s": [0.1, 0.2]})
    if type_ is bool:
        assert summarise(data, Spec("y", "s", 0.5, "below")).n == 2
        return
    with pytest.raises(ValueError, match="The column y holds string where numbers are needed"):
        summarise(data, Spec("y", "s", 0.5, "below"))


def test_an_attribute_with_thousands_of_values_is_refused():
    data = pd.DataFrame({"y": 0, "s": 0.5, "born": np.arange(6_000)})
    with pytest.raises(ValueError, match="more than 5,000 combinations; put their values into bands"):
        summarise(data, Spec("y", "s", 0.4, "below", ("born",), bins=1))


def test_one_file_equals_the_frame_in_it(tmp_path):
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"y": rng.choice([0.0, 1.0, np.nan], 700), "s": rng.random(700)})
    data["sex"], data["age"] = rng.choice(["F", "M", None, " "], 700), rng.choice([20.0, np.nan], 700)
    data.to_parquet(tmp_path / "all.parquet")
    assert summarise(ParquetBatch(tmp_path / "all.parquet"), SPEC).digest() == summarise(data, SPEC).digest()
    data.astype({"sex": "category"}).to_parquet(tmp_path / "coded.parquet")
    assert summarise(ParquetBatch(tmp_path / "coded.parquet"), SPEC).digest() == summarise(data, SPEC).digest()
    with pytest.raises(ValueError, match="The data has no column region, age2"):
        summarise(ParquetBatch(tmp_path / "all.parquet"), Spec("y", "s", 0.3, "below", ("region", "age2")))
    assert {g for g, _, _ in summarise(data, SPEC).cells} == {(s, a) for s in ("F", "M", None) for a in ("20", None)}


def test_attributes_of_many_values_are_coded_without_a_dense_table():
    rng = np.random.default_rng(6)
    data = pd.DataFrame({"y": 1, "s": rng.random(300), **{f"a{i}": rng.integers(0, 60, 300) for i in range(4)}})
    summary = summarise(data, Spec("y", "s", 0.3, "below", tuple(f"a{i}" for i in range(4)), bins=5))
    counted = data.groupby([f"a{i}" for i in range(4)]).size()
    assert summary.n == 300
    for (groups, _, _), cell in summary.cells.items():
        assert cell.n <= counted[tuple(int(each) for each in groups)]
