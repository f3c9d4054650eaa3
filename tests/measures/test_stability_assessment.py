"""Columns of a batch against the reference as judged results."""

import numpy as np
import pandas as pd
import pytest

from mrm.measures.stability.assessment import stability

LIMITS = {"psi": {"direction": "lower", "watch": 0.1, "fail": 0.25, "text": "0.10, 0.25"}}


def frame(n, shift, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"x": rng.normal(shift, 1, n), "still": rng.normal(size=n), "kind": rng.choice(["a", "b"], n)})


def found(reference, current):
    results = stability(reference, current, ["x", "still", "kind"], LIMITS)
    return {(each.measure, each.group): each for each in results}


def test_a_column_that_moved_is_namedand_its_bins_are_kept():
    results = found(frame(20_000, 0, 1), frame(20_000, 0.6, 2))
    moved, still = results["psi", "x"], results["psi", "still"]
    # two normal distributions of equal spread have an index of the squared shift
    assert moved.value == pytest.approx(0.36, abs=0.04)
    assert (moved.status, still.status, moved.n) == ("fail", "pass", 20_000)
    assert results["jensen_shannon", "x"].value > results["jensen_shannon", "still"].value


def test_what_chance_reaches_is_no_shift():
    results = found(frame(120, 0, 1), frame(120, 0, 5))
    for result in results.values():
        if result.measure == "psi" and result.value > 0.1:
            assert result.status == "insufficient"
            assert result.value <= result.detail["critical_value"]
    assert any(each.status == "insufficient" for each in results.values())


def test_a_new_category_counts_as_unseen():
    current = frame(1_000, 0, 3).assign(kind="c")
    results = found(frame(1_000, 0, 1), current)
    assert results["unseen", "kind"].value == 1
    assert results["psi", "kind"].status == "fail"


def test_a_column_that_is_absent_is_named():
    with pytest.raises(ValueError, match="no column still"):
        stability(frame(100, 0, 1), frame(100, 0, 2).drop(columns="still"), ["x", "still"], LIMITS)
