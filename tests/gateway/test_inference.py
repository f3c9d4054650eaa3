"""Answers have the shape of the Open Inference Protocol V2, and bad requests are told why."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from mrm.gateway.refusal import Refused
from mrm.gateway.tensors import decode
from tests.gateway.models import FEATURES, ROWS, columns, matrix, request
from tests.gateway.process import GatewayProcess, variant


@pytest.fixture(scope="module")
def credit(gateway: GatewayProcess) -> GatewayProcess:
    """Endpoints `credit` (one matrix, named features) and `mixed` (one input per column)."""
    for trained in (matrix(1), columns()):
        gateway.upload(trained)
    gateway.apply("credit", variant(matrix(1), "1", features=list(FEATURES)))
    gateway.apply("mixed", variant(columns(), "7"))
    return gateway


def tensor(name: str, data: list[Any], datatype: str = "FP32", shape: Any = None) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": datatype,
        "shape": [len(data)] if shape is None else shape,
        "data": data,
    }


def test_server_metadata(credit: GatewayProcess) -> None:
    assert credit.call("GET", "/v2").json() == {
        "name": "mrm-gateway",
        "version": "1",
        "extensions": ["model_repository"],
    }


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/credit/ready", "/healthz"])
def test_health(credit: GatewayProcess, path: str) -> None:
    assert credit.call("GET", path).status_code == 200


@pytest.mark.parametrize("path", ["credit", "credit/versions/1"])
def test_model_metadata(credit: GatewayProcess, path: str) -> None:
    found = credit.call("GET", f"/v2/models/{path}").json()
    assert found["name"] == "credit"
    assert found["versions"] == ["1"]
    assert found["platform"] == "onnxruntime_onnx"
    assert found["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 4]}]
    assert found["outputs"] == [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
    ]


@pytest.mark.parametrize("path", ["credit", "credit/versions/1"])
def test_answer_names_version_digest_and_revision(credit: GatewayProcess, path: str) -> None:
    found = credit.infer(path, request(id="r-1")).json()
    assert found["model_name"] == "credit"
    assert found["model_version"] == "1"
    assert found["id"] == "r-1"
    assert found["parameters"] == {
        "role": "champion",
        "digest": matrix(1).digest,
        "deployment": "d-1",
        "revision": 1,
    }


def test_answer_equals_the_model(credit: GatewayProcess) -> None:
    outputs = {item["name"]: item for item in credit.infer("credit", request()).json()["outputs"]}
    assert outputs["label"]["shape"] == [2]
    assert outputs["label"]["datatype"] == "INT64"
    assert outputs["probabilities"]["shape"] == [2, 2]
    assert outputs["probabilities"]["datatype"] == "FP32"
    found = np.array(outputs["probabilities"]["data"]).reshape(2, 2)
    np.testing.assert_allclose(found, matrix(1).probabilities(ROWS), atol=1e-6)


def test_flat_and_nested_data_are_equal(credit: GatewayProcess) -> None:
    flat = {"inputs": [tensor("X", [value for row in ROWS for value in row], shape=[2, 4])]}
    assert credit.infer("credit", flat).json() == credit.infer("credit", request()).json()


def test_features_are_put_into_their_stored_order(credit: GatewayProcess) -> None:
    tensors = [tensor(name, [row[i] for row in ROWS]) for i, name in enumerate(FEATURES)]
    shuffled = credit.infer("credit", {"inputs": tensors[::-1]}).json()
    assert shuffled["outputs"] == credit.infer("credit", request()).json()["outputs"]


def test_one_input_per_column_with_text(credit: GatewayProcess) -> None:
    inputs = [tensor("income", [1.0, 2.0]), tensor("region", ["n", "s"], "BYTES", [2, 1])]
    assert credit.infer("mixed", {"inputs": inputs}).json()["outputs"][1]["shape"] == [2, 2]


def test_only_the_outputs_asked_for(credit: GatewayProcess) -> None:
    found = credit.infer("credit", request(outputs=[{"name": "label"}])).json()
    assert [item["name"] for item in found["outputs"]] == ["label"]


def test_repository_index(credit: GatewayProcess) -> None:
    found = credit.call("POST", "/v2/repository/index", json={"ready": True}).json()
    assert {"name": "mixed", "version": "7", "state": "READY", "reason": ""} in found


def test_metrics_count_by_version(credit: GatewayProcess) -> None:
    credit.infer("mixed", {"inputs": [tensor("income", [1.0])]})
    assert 'endpoint="mixed",version="7",role="champion",status="400"' in credit.call("GET", "/metrics").text


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "The request must be a JSON object."),
        ({}, "The request needs a list of inputs."),
        ({"inputs": []}, "The request needs a list of inputs."),
        ({"inputs": [{"data": [1]}]}, "Each input needs a name."),
        (
            {"inputs": [tensor("wage", [1.0])]},
            "The model has no input wage; it takes income, age, debt, tenure.",
        ),
        ({"inputs": [tensor("income", [1.0])]}, "Input age is missing."),
        ({"inputs": [tensor("X", [1.0]), tensor("X", [1.0])]}, "Input X is given twice."),
        (
            {"inputs": [tensor("X", [1.0, 2.0, 3.0], shape=[1, 3])]},
            "Input X has the shape [1, 3]; the model takes [any, 4].",
        ),
        (
            {"inputs": [tensor("X", [1.0, 2.0, 3.0], shape=[1, 4])]},
            "Input X has 3 values; its shape [1, 4] asks for 4.",
        ),
        ({"inputs": [tensor("X", [1.0], shape=[-1])]}, "Input X needs a shape of whole numbers."),
        ({"inputs": [tensor("X", [1.0], shape="4")]}, "Input X needs a shape of whole numbers."),
        (
            {"inputs": [tensor("X", [1, 2, 3, 4], "INT64", [1, 4])]},
            "Input X is INT64; the model takes FP32.",
        ),
        ({"inputs": [tensor("X", [1.0], "FLOAT")]}, "Input X has the unknown datatype 'FLOAT'."),
        ({"inputs": [tensor("X", ["1"])]}, "The data of input X does not hold FP32 values."),
        ({"inputs": [tensor("X", [True])]}, "The data of input X does not hold FP32 values."),
        (
            {"inputs": [tensor("X", [[1.0], [2.0, 3.0]])]},
            "The data of input X is ragged or out of range.",
        ),
        ({"inputs": [tensor("X", [1e300])]}, "The data of input X does not fit into FP32."),
        ({"inputs": [tensor("X", [300], "UINT8")]}, "The data of input X does not fit into UINT8."),
        (
            {"inputs": [tensor("X", [1.5], "INT64")]},
            "The data of input X does not hold INT64 values.",
        ),
        (
            {"inputs": [tensor("X", [1.0], "BYTES")]},
            "The data of input X does not hold BYTES values (texts).",
        ),
        (
            {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1]}]},
            "Input X needs its data as a list.",
        ),
        (
            request(outputs=[{"name": "score"}]),
            "The model has no output 'score'; it has label, probabilities.",
        ),
        (request(parameters=3), "The field parameters must be a JSON object."),
    ],
)
def test_bad_request_is_told_why(credit: GatewayProcess, body: Any, sentence: str) -> None:
    answer = credit.infer("credit", body)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


def test_feature_that_is_no_number(credit: GatewayProcess) -> None:
    inputs = [tensor(name, [1.0]) for name in FEATURES[:3]] + [tensor("tenure", ["x"], "BYTES")]
    assert credit.infer("credit", {"inputs": inputs}).json() == {"error": "Feature tenure must be a number."}


def test_features_with_different_numbers_of_rows(credit: GatewayProcess) -> None:
    inputs = [tensor(name, [1.0] * (i + 1)) for i, name in enumerate(FEATURES)]
    assert credit.infer("credit", {"inputs": inputs}).json() == {
        "error": "The features have different numbers of rows."
    }


@pytest.mark.parametrize("content", [b"{", b"", b'{"inputs": [NaN]}', b"\xff"])
def test_invalid_json(credit: GatewayProcess, content: bytes) -> None:
    answer = credit.call("POST", "/v2/models/credit/infer", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The request is not valid JSON:")


def test_oversized_body(credit: GatewayProcess) -> None:
    answer = credit.call("POST", "/v2/models/credit/infer", content=b" " * ((8 << 20) + 1))
    assert answer.status_code == 413
    assert answer.json() == {"error": "The request is larger than 8388608 bytes."}


def test_binary_extension_is_refused(credit: GatewayProcess) -> None:
    answer = credit.call(
        "POST",
        "/v2/models/credit/infer",
        headers={"Inference-Header-Content-Length": "10"},
        content=b"{}",
    )
    assert answer.json() == {"error": "Binary tensor data is not supported; send JSON."}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("none", "There is no endpoint none."),
        ("credit/versions/9", "The endpoint credit does not serve version 9."),
    ],
)
def test_unknown_model_or_version(credit: GatewayProcess, path: str, sentence: str) -> None:
    answer = credit.infer(path, request())
    assert (answer.status_code, answer.json()) == (404, {"error": sentence})


@pytest.mark.parametrize(
    "row",
    [[1.5, 2], [0.1, -3e38], [1.5, None], [1.5, True], [2.5, "1"], [1e39, 1.5], [3e38, 3.1e38], [1.5, 2**64 - 1], [1.5, []]],
)  # fmt: skip
def test_one_row_is_read_as_it_is_among_others(row: list[Any]) -> None:
    def read(*rows: list[Any]) -> Any:
        try:
            tensor = {"name": "X", "datatype": "FP32", "shape": [len(rows), 2], "data": list(rows)}
            return decode(tensor)[1][0].tolist()
        except Refused as refused:
            return refused.status

    assert str(read(row)) == str(read(row, [0.5, 0.5]))


def test_caller_who_waits_to_be_asked_for_the_body(credit: GatewayProcess) -> None:
    address, whole = urlsplit(credit.url), json.dumps(request()).encode()
    head = (
        f"Host: {address.netloc}\r\nContent-Length: {len(whole)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(f"POST /v2/models/credit/infer HTTP/1.1\r\n{head}".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(whole)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["model_version"] == "1"
