"""What is in a file is read from its bytes: formats, what is flagged in each, and what nobody can tell."""

import importlib.metadata
import io
import json
import os
import pickle
import struct
import zipfile
from typing import Any

import joblib
import numpy as np
import onnx
import skops.io
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from mrm.measures.inspection import Limits, inspect
from tests.factories.inspection import small_onnx

LIMITS = Limits(size=2**20, unpacked=2**20, nodes=1_000)
DRAW = np.random.default_rng(3)
INPUTS, LABELS = DRAW.normal(size=(80, 2)), np.arange(80) % 2
MODEL = LogisticRegression().fit(INPUTS, LABELS)


class Calls:
    def __init__(self, function: Any, *given: Any) -> None:
        self.made = (function, given)

    def __reduce__(self) -> Any:
        return self.made


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return target.getvalue()


def joblibbed(**how: Any) -> bytes:
    target = io.BytesIO()
    joblib.dump(MODEL, target, **how)
    return target.getvalue()


def tensors(*, stray: bytes = b"") -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8) + stray


def changed(**how: Any) -> bytes:
    model = onnx.load_model_from_string(small_onnx("changed"))
    if "domain" in how:
        model.graph.node.add(op_type="Secret", domain=how["domain"], input=["p"], output=["q"])
        model.opset_import.add(domain=how["domain"], version=1)
    if "location" in how:
        tensor = model.graph.initializer[0]
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=how["location"])
    if "opset" in how:
        model.opset_import[0].version = how["opset"]
    if "ir" in how:
        model.ir_version = how["ir"]
    if "loose" in how:
        model.graph.node[0].input[0] = "nowhere"
    if "nodes" in how:
        model.graph.node.extend(helper.make_node("Identity", ["x"], [f"i{number}"]) for number in range(how["nodes"]))
    return bytes(model.SerializeToString())


def boosted(library: str) -> bytes:
    if library == "xgboost":
        import xgboost

        booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(INPUTS, LABELS), 2)
        return bytes(booster.save_raw("json"))
    import lightgbm

    made = lightgbm.train({"verbose": -1, "num_leaves": 3}, lightgbm.Dataset(INPUTS, LABELS), 2)
    return str(made.model_to_string()).encode()


def test_models_are_clean_and_told_by_their_content() -> None:
    found = {
        (declared, content[:0]): inspect(content, declared, LIMITS)
        for declared, content in {
            "onnx": small_onnx("clean"),
            "pickle": pickle.dumps(MODEL),
            "skops": skops.io.dumps(MODEL),
            "xgboost": boosted("xgboost"),
            "lightgbm": boosted("lightgbm"),
            "pmml": b'<?xml version="1.0"?><PMML version="4.4"><Header/><TreeModel/></PMML>',
            "mojo": zipped(model_dot_ini=b"[info]"),
            "other": tensors(),
        }.items()
    }
    assert {declared: (each.found, each.outcome) for (declared, _), each in found.items()} == {
        **{kind: (kind, "clean") for kind in ("onnx", "pickle", "skops", "xgboost", "lightgbm", "pmml", "mojo")},
        "other": ("safetensors", "clean"),
    }
    graph = found["onnx", b""]
    assert (graph.facts["opsets"], graph.facts["nodes"], graph.facts["ir_version"]) == ({"ai.onnx": 18}, 2, 9)
    assert {"name": "onnx", "version": onnx.__version__, "outcome": "clean"} in graph.tools
    tools = {each["name"]: each["version"] for each in found["pickle", b""].tools}
    assert tools["fickling"] == importlib.metadata.version("fickling")
    for packed in (joblibbed(), joblibbed(compress=3), joblibbed(compress=("xz", 2))):
        assert inspect(packed, "pickle", LIMITS).outcome == "clean"


def objections() -> dict[str, tuple[bytes, str, str]]:
    """What is declared as a kind, with what must come of it and be said."""
    mine = Calls(os.system, "true")
    return {
        "onnx, a pickle": (pickle.dumps(MODEL), "flagged", "declared as onnx, its content is a pickle."),
        "pickle, a graph": (small_onnx("other"), "flagged", "The file is declared as pickle, its content is ONNX."),
        "other, a pickle": (pickle.dumps(MODEL), "flagged", "declared as other, its content is a pickle."),
        "onnx, an operator": (changed(domain="acme"), "flagged", "of its own (acme: Secret); only the standard sets"),
        "onnx, a path": (changed(location="../../etc/passwd"), "flagged", "outside the file, in ../../etc/passwd;"),
        "onnx, an opset": (changed(opset=99), "flagged", "version 99 of the operator set ai.onnx; 7 to "),
        "onnx, a format": (changed(ir=2), "flagged", "IR version 2; 3 to "),
        "onnx, a loose end": (changed(loose=True), "flagged", "The ONNX checker refuses the model:"),
        "onnx, many nodes": (changed(nodes=1_000), "unscannable", "The graph has 1,002 nodes; 1,000 are the most"),
        "onnx, a text": (b"no model", "flagged", "its content is plain text."),
        "onnx, a large file": (bytes(2**20 + 1), "unscannable", "1,048,577 bytes; 1,048,576 are the most"),
        "pickle, a call": (pickle.dumps(mine), "flagged", "The file names posix.system, which no"),
        "pickle, an old call": (pickle.dumps(mine, protocol=0), "flagged", "The file names posix.system"),
        "pickle, cut short": (pickle.dumps(MODEL)[:-40], "unscannable", "not a pickle that can be read here"),
        "pickle, an archive": (
            zipped(m__data_dot_pkl=pickle.dumps(Calls(eval, "1"), 2)),
            "flagged",
            "__builtin__.eval",
        ),
        "skops, a function": (skops.io.dumps(FunctionTransformer(os.path.basename)), "flagged", "not trusted"),
        "skops, a bomb": (
            zipped(schema_dot_json=bytes(2**21)),
            "unscannable",
            "Unpacked the file has 2 MiB; 1 MiB are",
        ),
        "xgboost, no model": (b'{"learner": 1}', "flagged", "XGBoost cannot read the file as one of its models."),
        "pmml, an entity": (b'<!DOCTYPE x [<!ENTITY e "b">]><PMML>&e;</PMML>', "flagged", "reaches outside itself"),
        "mojo, a program": (zipped(model_dot_ini=b"", run_dot_class=b"x"), "flagged", "holds programs: run.class."),
        "other, stray bytes": (tensors(stray=b"stray"), "flagged", "bytes that its header does not account for"),
        "other, no format": (b"\x00\xff\x00\x01", "unscannable", "Nothing here reads of no format"),
        "sas, a program": (b"data scored; set rows; run;", "unscannable", "Nothing here reads plain text"),
    }


def test_what_is_more_than_a_model_is_named() -> None:
    for case, (content, outcome, sentence) in objections().items():
        found = inspect(content, case.partition(",")[0], LIMITS)
        said = [each["sentence"] for each in found.findings]
        assert found.outcome == outcome, (case, said)
        assert any(sentence in each for each in said), (case, said)


def test_an_archive_behind_a_model_is_found_and_a_description_of_a_vendors_model_passes() -> None:
    hidden = boosted("lightgbm") + zipped(payload_dot_py=b"import os")
    assert "hidden behind" in inspect(hidden, "lightgbm", LIMITS).findings[0]["sentence"]
    assert inspect(b"Score 3 of the bureau, by contract.", "vendor", LIMITS).outcome == "clean"
