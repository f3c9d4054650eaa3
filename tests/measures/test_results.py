"""Limits are data; these are the words they may use."""

import json

import numpy as np
import pytest

from mrm.measures.results import Result, judge

HIGHER = {
    "direction": "higher",
    "watch": 0.9,
    "fail": 0.8,
    "text": "watch < 0.90, fail < 0.80",
    "pack": "screen",
}


@pytest.mark.parametrize(
    ("limits", "value", "status"),
    [
        (HIGHER, 0.79, "fail"),
        (HIGHER, 0.8, "watch"),
        (HIGHER, 0.9, "pass"),
        ({"direction": "lower", "watch": 0.02, "fail": 0.05}, 0.06, "fail"),
        ({"direction": "lower", "watch": 0.02}, 0.06, "watch"),
        ({"direction": "absolute", "watch": 20, "fail": 30}, -31.8, "fail"),
        ({"direction": "band", "watch": [0.95, 1.05], "fail": [0.9, 1.1]}, 1.07, "watch"),
        (None, 0.1, "info"),
        (HIGHER, None, "insufficient"),
        (HIGHER, float("nan"), "insufficient"),
    ],
)
def test_judgement(limits, value, status):
    assert judge(value, limits).status == status


def test_interval_beyond_the_fail_limit_is_watched_if_the_limits_say_so():
    assert judge(0.95, {**HIGHER, "interval": True}, lower=0.78, upper=1.1).status == "watch"
    assert judge(0.95, HIGHER, lower=0.78, upper=1.1).status == "pass"


@pytest.mark.parametrize(
    "limits", [{"direction": "up", "fail": 1}, {"direction": "band", "fail": 1}, {"direction": "lower"}]
)
def test_unreadable_limits_are_refused(limits):
    with pytest.raises(ValueError, match=r"\.$"):
        judge(1.0, limits)


def test_result_is_json_and_unknown_status_is_refused():
    result = Result("auc", np.float64(0.7), float("nan"), None, np.int64(3), "m", detail={"x": np.array([1, 2])})
    shown = json.loads(json.dumps(result.as_dict()))
    assert (shown["value"], shown["lower"], shown["n"], shown["detail"]) == (0.7, None, 3, {"x": [1, 2]})
    with pytest.raises(ValueError, match="not a status"):
        Result("auc", 1.0, None, None, 1, "m", status="green")
