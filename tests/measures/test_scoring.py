"""Models run apart: right numbers, and every way it can go wrong ends in a sentence."""

import os
import time

import lightgbm
import numpy as np
import onnx
import pandas as pd
import pyarrow.parquet as pq
import pytest
import skops.io
import xgboost
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mrm.measures import process
from mrm.measures.explanation.assessment import assessed
from mrm.measures.explanation.attributions import importance
from mrm.measures.process import CannotScore, ScoringFailed
from mrm.measures.scoring import explain_artifact, file_digest, score

FEATURES = ["income", "debt", "age"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("scoring")


@pytest.fixture(scope="module")
def rows(place):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=FEATURES)
    frame["row_id"] = [f"r{i}" for i in range(300)]
    frame.to_parquet(place / "rows.parquet")
    return frame


@pytest.fixture(scope="module")
def model(rows):
    y = (rows["income"] - rows["debt"] > 0).astype(int)
    return LogisticRegression().fit(rows[FEATURES], y)


@pytest.fixture(scope="module")
def skops_file(place, model):
    path = place / "model.skops"
    skops.io.dump(model, path)
    return path


def graph_file(path, nodes, inputs, initializers=(), opsets=(("", 17),), shape=(None, 3)):
    output = helper.make_tensor_value_info("p", TensorProto.FLOAT, shape)
    graph = helper.make_graph(list(nodes), "g", inputs, [output], list(initializers))
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    path.write_bytes(helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString())
    return path


def matrix_input(width=3):
    return [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])]


@pytest.fixture(scope="module")
def onnx_file(place, model):
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, [3, 1], model.coef_.astype("f4").tobytes(), raw=True),
        helper.make_tensor("b", TensorProto.FLOAT, [1], model.intercept_),
    ]
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["z"]), helper.make_node("Sigmoid", ["z"], ["p"])]
    return graph_file(place / "model.onnx", nodes, matrix_input(), weights, shape=(None, 1))


def run(place, artifact, kind, **options):
    options = {"timeout_s": 60, **options}
    source, target = place / "rows.parquet", place / "out.parquet"
    return score(artifact, kind, file_digest(artifact), source, target, FEATURES, **options)


@pytest.mark.parametrize(("kind", "tolerance"), [("onnx", 1e-6), ("skops", 1e-15)])
def test_scores_are_those_of_the_model(place, rows, model, onnx_file, skops_file, kind, tolerance):
    seen = []
    scored = run(place, {"onnx": onnx_file, "skops": skops_file}[kind], kind, progress=lambda *a: seen.append(a))
    table = pq.read_table(scored.path).to_pandas()
    assert table["score"].to_numpy() == pytest.approx(model.predict_proba(rows[FEATURES])[:, 1], abs=tolerance)
    assert table["row_id"].tolist() == rows["row_id"].tolist()
    assert (scored.rows, seen[-1], scored.network) == (300, (300, 300), "isolated")
    assert scored.sha256 == file_digest(scored.path)


def test_changed_artifact_is_not_run(place, rows, onnx_file):
    with pytest.raises(ScoringFailed, match="digest is not the one on record"):
        score(onnx_file, "onnx", "0" * 64, place / "rows.parquet", place / "out.parquet", FEATURES)


def test_other_kinds_are_told_to_upload_predictions(place, rows, onnx_file):
    with pytest.raises(CannotScore, match="upload the predictions instead"):
        run(place, onnx_file, "pmml")


def test_missing_column_is_named(place, rows, onnx_file):
    with pytest.raises(ScoringFailed, match="no column postcode"):
        score(
            onnx_file,
            "onnx",
            file_digest(onnx_file),
            place / "rows.parquet",
            place / "o.parquet",
            ["postcode"],
        )


def test_wrong_width_is_told(place, rows):
    artifact = graph_file(
        place / "wide.onnx", [helper.make_node("Identity", ["x"], ["p"])], matrix_input(5), shape=(None, 5)
    )
    with pytest.raises(CannotScore, match="takes 5 columns; 3 features"):
        run(place, artifact, "onnx")


def test_wrong_shape_is_told(place, rows):
    artifact = graph_file(place / "shape.onnx", [helper.make_node("Identity", ["x"], ["p"])], matrix_input())
    with pytest.raises(CannotScore, match="one score per row"):
        run(place, artifact, "onnx")


def test_scores_that_are_no_numbers_are_located(place, rows):
    nodes = [
        helper.make_node("ReduceSum", ["x", "axes"], ["s"], keepdims=0),
        helper.make_node("Log", ["s"], ["p"]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    artifact = graph_file(place / "nan.onnx", nodes, matrix_input(), [axes], shape=(None,))
    first = int(np.flatnonzero(rows[FEATURES].sum(axis=1) < 0)[0]) + 1
    with pytest.raises(CannotScore, match=f"not numbers, the first in row {first}"):
        run(place, artifact, "onnx")


def test_custom_operators_are_refused(place, rows):
    nodes = [helper.make_node("Secret", ["x"], ["p"], domain="acme")]
    artifact = graph_file(place / "custom.onnx", nodes, matrix_input(), opsets=[("", 17), ("acme", 1)])
    with pytest.raises(CannotScore, match=r"operators of its own \(acme: Secret\)"):
        run(place, artifact, "onnx")


def test_external_weights_are_refused(place, rows, onnx_file):
    model = onnx.load(onnx_file)
    onnx.save_model(model, place / "ext.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(CannotScore, match="outside the file"):
        run(place, place / "ext.onnx", "onnx")


def test_not_a_model_is_told(place, rows):
    (place / "junk.onnx").write_bytes(b"not a model at all")
    with pytest.raises(CannotScore, match="not an ONNX model"):
        run(place, place / "junk.onnx", "onnx")


def test_untrusted_types_are_named(place, rows):
    skops.io.dump(make_pipeline(FunctionTransformer(os.path.basename)), place / "bad.skops")
    with pytest.raises(CannotScore, match=r"not trusted: .*basename"):
        run(place, place / "bad.skops", "skops")


def loop_file(place):
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["v"], ["v_on"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", 9, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [None, 3]),
        ],
        [helper.make_tensor_value_info("go_on", 9, []), helper.make_tensor_value_info("v_on", 1, [None, 3])],
    )
    start = [
        helper.make_tensor("n", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("yes", 9, [], [True]),
    ]
    return graph_file(
        place / "loop.onnx",
        [helper.make_node("Loop", ["n", "yes", "x"], ["p"], body=body)],
        matrix_input(),
        start,
    )


def test_endless_model_is_stopped(place, rows):
    with pytest.raises(ScoringFailed, match="did not finish within 5 seconds"):
        run(place, loop_file(place), "onnx", timeout_s=5)


def test_model_that_takes_too_much_memory_is_told(place, rows):
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [2**33])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        helper.make_node("ReduceSum", ["big"], ["p"]),
    ]
    artifact = graph_file(place / "big.onnx", nodes, matrix_input(), [shape], shape=(1,))
    with pytest.raises(ScoringFailed, match="ran out of the 3000 MB"):
        run(place, artifact, "onnx", memory_mb=3_000)


def test_cancelling_ends_the_process(place, rows, skops_file, monkeypatch):
    started = []
    original = process.subprocess.Popen
    monkeypatch.setattr(process.subprocess, "Popen", lambda *a, **k: started.append(original(*a, **k)) or started[-1])

    def cancel(done, total):
        raise InterruptedError("cancelled")

    with pytest.raises(InterruptedError):
        run(place, skops_file, "skops", progress=cancel)
    assert started[0].returncode is not None


def test_explanation_of_a_file_is_exact_and_repeatable(place, rows, skops_file):
    seen = []
    found = [
        explain_artifact(
            skops_file,
            "skops",
            file_digest(skops_file),
            place / "rows.parquet",
            place,
            FEATURES,
            seed=3,
            explain_rows=20,
            background_rows=100,
            progress=lambda *a: seen.append(a),
        )[0]
        for _ in range(2)
    ]
    assert found[0].as_dict() == found[1].as_dict()
    assert (found[0].n_rows, found[0].n_background, found[0].method) == (
        20,
        100,
        "exact linear contributions",
    )
    assert seen[-1] == (20, 20)


def test_onnx_of_few_features_is_explained_exactly_and_in_parts_the_same(place, rows, onnx_file):
    (alone, doubt), (parts, same_doubt) = (
        explain_artifact(
            onnx_file, "onnx", file_digest(onnx_file), place / "rows.parquet", place, FEATURES,
            seed=3, explain_rows=5, background_rows=50, workers=workers,
        )
        for workers in (1, 2)
    )  # fmt: skip
    assert (alone.method, alone.values.shape) == ("exact Shapley values over all coalitions", (5, 3))
    assert np.abs(alone.values[:, 2]).mean() < np.abs(alone.values[:, 0]).mean()
    assert (parts.values == alone.values).all()
    assert parts.as_dict() == alone.as_dict()
    assert parts.rows == alone.rows
    assert same_doubt.again.as_dict() == doubt.again.as_dict()
    assert same_doubt.importance == doubt.importance


def test_an_explanation_is_held_against_another_background_and_other_methods(place, rows, skops_file):
    named = (skops_file, "skops", file_digest(skops_file), place / "rows.parquet", place, FEATURES)
    found, doubt = explain_artifact(*named, seed=3, explain_rows=80, background_rows=100)
    assert set(doubt.again.rows) <= set(found.rows)
    assert (doubt.again.n_rows, doubt.again.n_background) == (50, 100)
    assert doubt.again.background_digest != found.background_digest
    # a logistic regression is a straight line in its log-odds
    assert (doubt.surrogate.value, doubt.surrogate.n) == (pytest.approx(1), 300)
    results = {each.measure: each for each in assessed(found, importance(found, 3), doubt, {})}
    assert results["additivity"].value < 1e-12
    assert results["explanation_stability"].n == 50
    assert results["explanation_agreement"].value == pytest.approx(1)
    assert results["surrogate_fidelity"].value == pytest.approx(1)


@pytest.fixture(scope="module")
def boosted(place, rows):
    """The same table learnt by both libraries, saved as they save."""
    x = pd.DataFrame(np.random.default_rng(1).normal(size=(900, 3)).round(3), columns=FEATURES)
    x.to_parquet(place / "many.parquet")
    y = (x["income"] > x["debt"]).astype(int)
    forest = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, xgboost.DMatrix(x, y), 12)
    forest.save_model(place / "model.ubj")
    forest.save_model(place / "model.json")
    light = lightgbm.train({"objective": "binary", "num_threads": 1, "verbose": -1}, lightgbm.Dataset(x, y), 12)
    light.save_model(place / "model.txt")
    return {"xgboost": forest.predict(xgboost.DMatrix(x)), "lightgbm": light.predict(x)}


@pytest.mark.parametrize(
    ("kind", "name"), [("xgboost", "model.ubj"), ("xgboost", "model.json"), ("lightgbm", "model.txt")]
)
def test_native_boosters_score_and_explain(place, rows, boosted, kind, name):
    file = place / name
    done = score(file, kind, file_digest(file), place / "many.parquet", place / "out.parquet", FEATURES)
    scores = pq.read_table(done.path)["score"].to_numpy()
    assert scores == pytest.approx(boosted[kind], abs=1e-12)
    found, _ = explain_artifact(
        file, kind, file_digest(file), place / "many.parquet", place, FEATURES,
        seed=3, explain_rows=20, background_rows=800,
    )  # fmt: skip
    assert (found.method, found.output) == ("interventional tree SHAP, accelerated", "log-odds")
    assert "Agrees with shap on 20 rows" in found.notes
    margins = np.log(scores / (1 - scores))[list(found.rows)]
    assert found.values.sum(axis=1) + found.base == pytest.approx(margins, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        ("xgboost", b"binf\x00\x00", "neither the JSON nor the UBJSON"),
        ("xgboost", b'{"version": [2, 0, 0]}', "XGBoost cannot read the file"),
        ("lightgbm", b"not a model", "LightGBM cannot read the file"),
        ("lightgbm", b"\xff\xfe", "LightGBM cannot read the file"),
    ],
)
def test_what_is_no_booster_is_refused(place, rows, kind, content, sentence):
    file = place / "odd"
    file.write_bytes(content)
    with pytest.raises(CannotScore, match=sentence):
        score(file, kind, file_digest(file), place / "rows.parquet", place / "out.parquet", FEATURES)


@pytest.mark.parametrize(("kind", "name"), [("xgboost", "model.ubj"), ("lightgbm", "model.txt")])
def test_a_booster_gets_its_columns_in_its_order(place, rows, boosted, kind, name):
    file = place / name
    with pytest.raises(CannotScore, match="fitted on its columns in this order: income, debt, age"):
        score(file, kind, file_digest(file), place / "rows.parquet", place / "out.parquet", FEATURES[::-1])


def test_ending_one_part_ends_all(place, rows, onnx_file):
    seen = []

    def cancel(done, total):
        seen.append(done)
        if len(seen) > 1:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        explain_artifact(
            onnx_file, "onnx", file_digest(onnx_file), place / "rows.parquet", place, FEATURES,
            seed=3, explain_rows=900, background_rows=900, progress=cancel, workers=2,
        )  # fmt: skip
    assert time.monotonic() - began < 60
