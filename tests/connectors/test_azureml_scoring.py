"""The script that a cluster of Azure ML is sent: it scores as a worker does, or nothing at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper

from mrm.connectors.azureml import scoring
from mrm.connectors.azureml.batch_plan import SCRIPT_DIGEST
from mrm.measures.artifacts import open_onnx
from mrm.measures.scoring import file_digest


def _sum_of(*columns: str, kinds: tuple[int, ...] = ()) -> bytes:
    """A chance from the sum of columns, one input each, where what is missing counts as nothing; one matrix without names."""
    names = columns or ("X",)
    types = kinds or (TensorProto.FLOAT,) * len(names)
    inputs = [
        helper.make_tensor_value_info(name, kind, [None, 1 if columns else 2])
        for name, kind in zip(names, types, strict=True)
    ]
    nodes = [helper.make_node("Cast", [name], [f"f{name}"], to=TensorProto.FLOAT) for name in names]
    nodes += [
        helper.make_node("Concat", [f"f{name}" for name in names], ["all"], axis=1),
        helper.make_node("IsNaN", ["all"], ["lacks"]),
        helper.make_node("Where", ["lacks", "zero", "all"], ["whole"]),
        helper.make_node("ReduceSum", ["whole", "axis"], ["sum"], keepdims=1),
        helper.make_node("Sigmoid", ["sum"], ["score"]),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    output = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph(nodes, "sum", inputs, output, constants)
    opset = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, list[str], bytes], list[list[str]]]:
    """The script over a model and rows, as Azure's driver calls it."""

    def scored(model: bytes, features: list[str], rows: bytes) -> list[list[str]]:
        place = tmp_path / "model" / "a-folder"
        place.mkdir(parents=True, exist_ok=True)
        (place / "model.onnx").write_bytes(model)
        (tmp_path / "rows.csv").write_bytes(rows)
        for name, value in {
            "AZUREML_MODEL_DIR": str(tmp_path / "model"), "AZUREML_BI_OUTPUT_PATH": str(tmp_path / "out"),
            "MRM_DIGEST": file_digest(place / "model.onnx"), "MRM_SCRIPT": SCRIPT_DIGEST, "MRM_FEATURES": json.dumps(features),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        scoring.init()
        assert scoring.run([str(tmp_path / "rows.csv")]) == ["rows.csv"]
        first, *lines = (tmp_path / "out" / "rows.csv.scores").read_text().splitlines()
        assert json.loads(first)["rows"] == file_digest(tmp_path / "rows.csv")
        return [line.split(",") for line in lines]

    return scored


def test_the_script_scores_a_matrix_and_named_columns_with_values_missing(cluster: Any) -> None:
    """Missing is NaN, and a column goes to the input of its name, whichever their order."""

    def chance(*sums: float) -> list[float]:
        return list(1 / (1 + np.exp(-np.array(sums))))

    rows, whole = b"5,1,-3\n6,,2\n7,-1,\n", (TensorProto.INT64, TensorProto.FLOAT)
    for model, features in ((_sum_of(), ["a", "b"]), (_sum_of("b", "a"), ["a", "b"])):
        told = cluster(model, features, rows)
        assert [place for place, _ in told] == ["5", "6", "7"]
        assert [float(score) for _, score in told] == pytest.approx(chance(-2, 2, -1), abs=1e-6)
        here, _ = open_onnx(model, features)  # as a worker scores them
        frame = pd.DataFrame({"a": [1.0, np.nan, -1.0], "b": [-3.0, 2.0, np.nan]})
        assert [float(score) for _, score in told] == here(frame).tolist()
    told = cluster(_sum_of("b", "a", kinds=whole), ["a", "b"], b"0,1.5,4.9\n")
    assert float(told[0][1]) == pytest.approx(chance(5.5)[0], abs=1e-6)
    for model, features, content, sentence in (
        (_sum_of("b", "a", kinds=whole), ["a", "b"], rows, "takes whole numbers, and a value is missing"),
        (_sum_of("c", "a"), ["a", "b"], rows, "these are not among the features: c"),
        (_sum_of(), ["a", "b"], b"3,inf,-inf\n", "Row 3 has nan for a score"),
    ):
        with pytest.raises(ValueError, match=sentence):
            cluster(model, features, content)


def test_the_script_refuses_what_is_not_named(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(_sum_of(), ["a", "b"], b"0,1,2\n")
    for name in ("MRM_DIGEST", "MRM_SCRIPT"):
        with monkeypatch.context() as other:
            other.setenv(name, "0" * 64)
            with pytest.raises(RuntimeError, match=f"is not 0{{64}}, as {name} says; nothing is scored"):
                scoring.init()
    (tmp_path / "model" / "more.bin").write_bytes(b"")
    with pytest.raises(RuntimeError, match="holds 2 files; an approved ONNX model is one"):
        scoring.init()
