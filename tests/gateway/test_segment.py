"""Rows outside the segment that a model was approved for: flagged, sent to the backup, or refused."""

from typing import Any

import numpy as np
import pytest

from mrm.core.fields import BadField
from mrm.gateway.refusal import Refused
from mrm.gateway.segment import Segment
from mrm.gateway.tensors import TensorSpec
from mrm.serving import serving_of
from tests.gateway.models import FEATURES, columns, matrix
from tests.gateway.process import GatewayProcess, variant

IN = {"income": 1.0, "age": 30.0, "debt": 0.0, "tenure": 2.0}
RULES: list[dict[str, Any]] = [
    {"name": "adults", "action": "refuse", "within": {"feature": "age", "low": 18, "high": 95}},
    {"name": "earners", "action": "backup", "within": {"feature": "income", "low": 0.1}, "missing": True},
    {"name": "tenures", "action": "flag", "within": {"feature": "tenure", "categories": [1, 2, 3]}},
    {
        "name": "young debtors",
        "action": "flag",
        "never_all": [{"feature": "age", "high": 21}, {"feature": "debt", "low": 5}],
    },
]


@pytest.fixture(scope="module")
def bounded(gateway: GatewayProcess) -> GatewayProcess:
    for trained in (matrix(1), matrix(3), columns()):
        gateway.upload(trained)
    backup = variant(matrix(3), "3", 0, role="fallback", features=list(FEATURES))
    champion = variant(matrix(1), "1", features=list(FEATURES))
    assert gateway.apply("bounded", champion, backup, serving={"segment": RULES}).is_success
    return gateway


def body(*rows: dict[str, float | None]) -> dict[str, Any]:
    full = [IN | row for row in rows]
    return {
        "inputs": [
            {"name": n, "datatype": "FP32", "shape": [len(rows)], "data": [row[n] for row in full]} for n in FEATURES
        ]
    }


def outside(found: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    listed = found.get("parameters", found).get("out_of_segment", [])
    return [(each["row"], each["rule"], each["action"], each["reason"]) for each in listed]


def test_inside_says_nothing(bounded: GatewayProcess) -> None:
    for row in ({}, {"age": 18.0}, {"age": 95.0}, {"income": 0.1}, {"income": 0.1, "age": 21.0, "debt": 4.0}):
        found = bounded.infer("bounded", body(row)).json()
        assert (found["model_version"], outside(found)) == ("1", [])


def test_flag_tells_row_and_reason_and_lets_the_champion_answer(bounded: GatewayProcess) -> None:
    found = bounded.infer("bounded", body({}, {"age": 20.0, "debt": 6.0}, {"tenure": 9.0})).json()
    assert found["model_version"] == "1"
    assert outside(found) == [
        (1, "young debtors", "flag", "age is 20 and debt is 6: these do not go together."),
        (2, "tenures", "flag", "tenure is 9, which is not among 1, 2, 3."),
    ]
    assert found["parameters"]["flags"] == ["outside:tenures", "outside:young debtors"]


def test_backup_answers_the_whole_request(bounded: GatewayProcess) -> None:
    found = bounded.infer("bounded", body({}, {"income": 0.05})).json()
    assert (found["model_version"], found["parameters"]["role"]) == ("3", "fallback")
    assert outside(found) == [(1, "earners", "backup", "income is 0.05, below 0.1.")]
    assert outside(bounded.infer("bounded", body({"income": None})).json()) == [], "earners may be missing"
    named = bounded.call("POST", "/v2/models/bounded/versions/1/infer", token="nobody", json=body({"income": 0.05}))
    assert (named.status_code, named.json()["code"]) == (503, "refer_to_manual")


def test_refusal_is_coded_and_counted(bounded: GatewayProcess) -> None:
    answer = bounded.infer("bounded", body({"age": 17.0, "income": 0.0}, {"age": None}))
    assert (answer.status_code, answer.json()["code"]) == (422, "out_of_segment")
    assert outside(answer.json()) == [
        (0, "adults", "refuse", "age is 17, below 18."),
        (0, "earners", "backup", "income is 0, below 0.1."),
        (1, "adults", "refuse", "age is missing."),
    ]
    line = 'mrm_gateway_outside_segment_rows_total{endpoint="bounded",rule="adults",action="refuse"}'
    assert line in bounded.call("GET", "/metrics").text


def test_golden_rows_of_the_control_plane_are_flagged_only(bounded: GatewayProcess) -> None:
    found = bounded.infer("bounded/versions/1", body({"age": 17.0})).json()
    assert (found["model_version"], found["parameters"]["flags"]) == ("1", ["probe", "outside:adults"])


def test_texts_and_columns() -> None:
    specs = [TensorSpec("income", "FP32", (-1, 1)), TensorSpec("region", "BYTES", (-1, 1))]
    listed = [{"name": "regions", "action": "flag", "within": {"feature": "region", "categories": ["n", "s"]}}]
    segment = Segment(serving_of({"segment": listed}).segment, specs, ())
    taken = {"income": np.ones((3, 1), np.float32), "region": np.array([["n"], ["x"], [""]], dtype=object)}
    assert [(each.row, each.reason) for each in segment.check(taken).outside] == [
        (1, "region is 'x', which is not among n, s."),
        (2, "region is missing."),
    ]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"within": {"feature": "wage", "low": 1}},
            "The segment rule r names wage; the model's features are income, age, debt, tenure.",
        ),
        (
            {"within": {"feature": "age", "categories": ["old"]}},
            "The segment rule r does not fit age, which holds numbers.",
        ),
        ({"within": {"feature": "age", "low": 2, "high": 1}}, "The lower bound of age is above its upper bound."),
        ({"within": {"feature": "age"}}, "The condition on age needs either bounds or categories."),
        ({}, "The segment rule r needs either a condition to be within or some never to meet."),
        ({"within": {"feature": "age", "low": 1}, "actoin": "flag"}, "A segment rule has the unknown field actoin."),
        (
            {"within": {"feature": "age", "low": 1}, "action": "warn"},
            "The field action must be one of flag, backup, refuse.",
        ),
        ({"within": {"feature": "age", "low": "1"}}, "The field low must be a finite number."),
    ],
)
def test_rules_that_cannot_hold_are_refused(rule: dict[str, Any], sentence: str) -> None:
    def laid_out() -> Segment:
        rules = serving_of({"segment": [{"name": "r", "action": "flag"} | rule]})
        return Segment(rules.segment, [TensorSpec("X", "FP32", (-1, 4))], FEATURES)

    with pytest.raises((Refused, BadField)) as caught:
        laid_out()
    assert caught.value.message == sentence


def test_backup_rule_needs_a_backup(bounded: GatewayProcess) -> None:
    answer = bounded.apply("none", variant(matrix(1), "1", features=list(FEATURES)), serving={"segment": RULES})
    assert answer.json() == {"error": "The rules send requests to a backup, and the route has none."}


@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (1, 3), (9, 3)])
def test_a_matrix_of_another_width_is_refused(shape: tuple[int, int]) -> None:
    rules = serving_of({"segment": [{"name": n, "action": "flag", "within": {"feature": n, "low": 0}} for n in "ab"]})
    segment = Segment(rules.segment, [TensorSpec("X", "FP32", (-1, -1))], ["a", "b"])
    with pytest.raises(
        Refused, match=rf"has the shape \[{shape[0]}, {shape[1]}\]; its segment asks for \[{shape[0]}, 2\]"
    ):
        segment.check({"X": np.ones(shape, dtype=np.float32)})
