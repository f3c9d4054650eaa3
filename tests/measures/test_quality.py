"""Columns and rows of a batch, and what the data should not know."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from statsmodels.stats.inter_rater import cohens_kappa

from mrm.measures.quality.columns import (
    Format,
    cardinality_growth,
    constancy,
    missing_change,
    profile,
    unit_change,
    violations,
)
from mrm.measures.quality.leakage import base_rate_change, definition_change, single_column_auc
from mrm.measures.quality.rows import duplicates, from_the_future, orphans, overlap, stale

WHEN = pd.Timestamp("2026-01-15").to_pydatetime()
REFERENCE = pd.DataFrame(
    {
        "income": np.linspace(20_000, 90_000, 200),
        "state": ["CA", "NV"] * 100,
        "flag": [0] * 199 + [1],
        "score": np.r_[np.full(20, np.nan), np.linspace(0, 1, 180)],
    }
)


def test_profiles_of_a_batch_and_of_its_file_are_alike(tmp_path):
    REFERENCE.to_parquet(tmp_path / "r.parquet")
    found = profile(REFERENCE)
    assert profile(tmp_path / "r.parquet") == found
    assert profile(REFERENCE.sample(frac=1, random_state=3)) == found
    assert (found["score"].missing, found["score"].distinct, found["income"].median) == (20, 180, 55_000)
    assert (found["state"].distinct, found["state"].most, found["state"].median) == (2, 100, None)


def test_missing_values_constancy_and_cardinality():
    current = REFERENCE.assign(
        score=np.r_[np.full(60, np.nan), np.linspace(0, 1, 140)], state=[f"s{i}" for i in range(180)] + [""] * 20
    )
    before, now = profile(REFERENCE), profile(current)
    missing = missing_change(before, now)
    assert missing["score"].value == pytest.approx(0.2)
    assert missing["score"].detail["p"] < 1e-5
    assert missing["income"].value == 0
    assert missing["state"].value == pytest.approx(0.1)
    assert constancy(before)["flag"].value == pytest.approx(0.995)
    assert constancy(profile(REFERENCE.assign(flag=np.nan)))["flag"] is None
    assert cardinality_growth(before, now)["state"].value == 90


def test_a_change_of_unit_shows_in_the_ratio_of_medians():
    before = profile(REFERENCE)
    found = unit_change(before, profile(REFERENCE.assign(income=REFERENCE["income"] / 1_000, score=0.6)))
    assert found["income"].detail["power"] == -3
    assert found["score"].detail["power"] == 0
    assert "flag" not in found


def test_values_that_break_their_format_are_counted_and_shown():
    data = pd.DataFrame(
        {
            "day": ["2026-01-01", "01.02.2026", "", None],
            "code": ["00501", "00502", "5x", "00503"],
            "n": ["1", "2", "3", "4"],
        }
    )
    found = violations(data, {"day": Format("date"), "code": Format(pattern="[0-9]{5}"), "n": Format("integer")})
    assert (found["day"].share.value, found["day"].row, found["day"].value) == (0.5, 2, "01.02.2026")
    assert (found["code"].share.value, found["code"].row, found["code"].value) == (0.25, 3, "5x")
    assert (found["n"].share.value, found["n"].row) == (0, None)
    empty = violations(data.assign(day=""), {"day": Format("date")})["day"].share
    assert (empty.n, empty.reason) == (0, "No value is present.")


def test_rows_repeated_shared_and_orphaned():
    data = pd.DataFrame({"a": [1, 2, 1, None, None], "b": ["x", "y", "x", "z", "z"]})
    found = duplicates(data)
    assert (found.share.value, found.row) == (0.4, 3)
    assert duplicates(data, ["b"]).row == 3
    other = pd.DataFrame({"a": [2.0, np.nan], "b": ["y", "z"], "k": ["y", "q"]})
    shared = overlap(other, data, ["a", "b"])
    assert (shared.share.value, shared.row) == (0.6, 2)
    lost = orphans(data, "b", other, "k")
    assert (lost.share.value, lost.row) == (0.8, 1)


def test_rows_that_are_old_or_know_the_future():
    data = pd.DataFrame(
        {
            "seen": pd.to_datetime(["2026-01-10", "2025-06-01", None, "2026-01-14"]),
            "decided": pd.to_datetime(["2026-01-11"] * 4),
        }
    )
    found = stale(data, "seen", WHEN, timedelta(days=30))
    assert (found.share.value, found.row) == (0.5, 2)
    known = from_the_future(data, "seen", "decided")
    assert (known.share.value, known.row) == (0.25, 4)


def test_a_column_that_gives_the_outcome_away_is_found():
    rng = np.random.default_rng(41)
    y = rng.integers(0, 2, 2_000)
    columns = {
        "noise": rng.normal(size=2_000),
        "helpful": y + rng.normal(0, 1.5, 2_000),
        "recovered": np.where(y == 1, rng.random(2_000), np.nan),
        "paid": -y + rng.normal(0, 0.1, 2_000),
        "constant": np.ones(2_000),
    }
    found = single_column_auc(columns, y)
    assert list(found)[:2] == ["recovered", "paid"]
    assert found["recovered"].value == 1
    assert found["paid"].detail["turned"]
    assert found["helpful"].value == pytest.approx(metrics.roc_auc_score(y, columns["helpful"]))
    assert found["noise"].value < 0.53
    assert found["constant"] is None


def test_a_changed_definition_agrees_with_statsmodels():
    rng = np.random.default_rng(42)
    old = rng.integers(0, 2, 500)
    new = np.where(rng.random(500) < 0.15, 1 - old, old)
    share, kappa = definition_change(old, new)
    expected = cohens_kappa(np.bincount(2 * old + new, minlength=4).reshape(2, 2))
    assert share.value == (old != new).mean()
    assert kappa.value == pytest.approx(expected.kappa)
    assert (kappa.lower, kappa.upper) == pytest.approx((expected.kappa_low, expected.kappa_upp))
    change, test = base_rate_change((100, 1_000), (160, 1_000))
    assert change.value == pytest.approx(0.06)
    assert test.p < 1e-3


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: profile(REFERENCE.head(0)), "holds no row"),
        (lambda: profile(REFERENCE, ["q"]), "no column q"),
        (lambda: missing_change(profile(REFERENCE), profile(REFERENCE, ["flag"])), "no column income, state, score"),
        (Format, "A format is a pattern or one of the types number"),
        (lambda: Format("money"), "A format is a pattern or one of the types"),
        (lambda: Format(pattern="["), "cannot be read"),
        (lambda: duplicates(REFERENCE.head(0)), "holds no row"),
        (lambda: overlap(REFERENCE, REFERENCE, []), "No column is named"),
        (lambda: overlap(REFERENCE[["flag"]], REFERENCE, ["state"]), "The other data have no column state"),
        (
            lambda: stale(REFERENCE, "state", WHEN, timedelta(1)),
            "Column state holds VARCHAR; turn it into dates",
        ),
        (lambda: from_the_future(REFERENCE, "flag", "state"), "Column flag holds BIGINT"),
        (lambda: definition_change([1, 1], [1, 1]), "one outcome only"),
        (lambda: base_rate_change((1, 0), (1, 2)), "1 events of 0 rows are impossible"),
        (lambda: single_column_auc({"a": [1, 2]}, [1, 1]), "holds only 1 in its 2 rows"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()
