"""A batch against the reference, column by column, under limits."""

import numpy as np
import pandas as pd
import pytest

from mrm.measures.stability.counts import summarise
from mrm.measures.stability.drift import MEASURES, drift
from mrm.measures.stability.edges import freeze

BAND = {"direction": "lower", "watch": 0.10, "fail": 0.25, "pack": "house"}
LIMITS = {"psi": BAND, "out_of_range": {"direction": "lower", "watch": 0.01, "fail": 0.05}}


def batch(n, seed, shift=0.0, state="CA"):
    rng = np.random.default_rng(seed)
    states = rng.choice([state, "NV"], n, p=[0.8, 0.2])
    return pd.DataFrame({"income": rng.normal(shift, 1, n), "state": states, "fixed": 1})


def results(current, reference=None, limits=LIMITS):
    before = batch(5_000, 1) if reference is None else reference
    edges = freeze(before)
    found = drift(summarise(before, edges), summarise(current, edges), edges, limits)
    return {(each.measure, each.group): each for each in found}


def test_a_stable_batch_passes():
    found = results(batch(5_000, 2))
    assert {each.status for each in found.values()} <= {"pass", "info"}
    assert {name for name, _ in found} == set(MEASURES)
    assert ("wasserstein", "fixed") not in found
    assert all(each.n == 5_000 and each.method for each in found.values())
    assert all(each.lower <= each.value <= each.upper for each in found.values())


def test_a_shifted_batch_fails_where_it_shifted():
    current = batch(5_000, 3, shift=0.8, state="AZ")
    current.loc[:499, "income"] = np.nan
    found = results(current)
    assert (found["psi", "income"].status, found["psi", "income"].pack) == ("fail", "house")
    assert found["psi", "income"].detail["p_adjusted"] < 1e-9
    assert found["psi", "fixed"].status == "pass"
    moved = found["wasserstein", "income"]
    assert moved.detail["at_least"] < 0.8 < moved.detail["at_most"]
    assert moved.lower > 0.5
    assert found["missing_change", "income"].value == pytest.approx(0.1)
    assert found["unseen", "state"].value == pytest.approx(0.8, abs=0.02)


def test_a_few_rows_without_a_shift_do_not_fail_by_chance():
    limits = {"psi": {**BAND, "significance": 0.05}}
    found = [results(batch(100, seed), batch(100, seed + 100), limits)["psi", "income"] for seed in range(40)]
    assert sum(each.value > 0.25 for each in found) > 15
    assert sum(each.status == "fail" for each in found) <= 4
    assert sum(each.lower == 0 for each in found) >= 36


def test_too_few_rows_are_insufficient_and_never_pass():
    found = results(batch(20, 5))
    assert {each.status for each in found.values()} == {"insufficient"}
    assert found["psi", "income"].reason == "5,000 rows in the reference and 20 now, 100 of each needed."


def test_a_column_that_is_gone_is_counted_as_missing():
    found = results(batch(5_000, 6).assign(income=np.nan))
    assert found["missing_change", "income"].value == 1
    assert found["psi", "income"].status == "fail"
    assert ("kolmogorov_smirnov", "income") not in found


def test_other_edges_are_refused():
    before = batch(500, 1)
    edges, other = freeze(before), freeze(before, ["income"])
    with pytest.raises(ValueError, match="counted by other edges; count both by those frozen"):
        drift(summarise(before, edges), summarise(before, other), edges)
