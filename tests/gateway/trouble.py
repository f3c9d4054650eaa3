"""An ONNX model that fails on demand: by its input it is slow, gives no number, a wild one, or an error."""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
WELL = [1.0, 0.0, 0.0, 0.0]
NO_NUMBER = [-1.0, 0.0, 0.0, 0.0]  # the root of a negative number
WILD = [1e8, 0.0, 0.0, 0.0]
SLOW = [1.0, 3e6, 0.0, 0.0]  # turns of a loop
BROKEN = [1.0, 0.0, 9.0, 0.0]  # the ninth of one


@dataclass(frozen=True)
class Bytes:
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@cache
def troubled() -> Bytes:
    """score = sqrt(X[:, 0]) + 0 * (X[:, 1] turns of a loop) + table[X[:, 2]]."""
    constants = [
        numpy_helper.from_array(np.array(value, dtype=kind), name)
        for name, value, kind in [
            ("c0", 0, np.int64), ("c1", 1, np.int64), ("c2", 2, np.int64), ("yes", True, np.bool_),
            ("start", 0.0, np.float32), ("table", [0.0], np.float32),
        ]
    ]  # fmt: skip
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["sum_in"], ["sum_out"])],
        "turn",
        [
            helper.make_tensor_value_info("turn", INT, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_in", FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_out", FLOAT, []),
        ],
    )
    nodes = [
        helper.make_node("Gather", ["X", "c0"], ["first"], axis=1),
        helper.make_node("Sqrt", ["first"], ["root"]),
        helper.make_node("Gather", ["X", "c1"], ["second"], axis=1),
        helper.make_node("ReduceMax", ["second"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["turns"], to=INT),
        helper.make_node("Loop", ["turns", "yes", "start"], ["nothing"], body=body),
        helper.make_node("Gather", ["X", "c2"], ["third"], axis=1),
        helper.make_node("Cast", ["third"], ["place"], to=INT),
        helper.make_node("Gather", ["table", "place"], ["found"]),
        helper.make_node("Add", ["root", "nothing"], ["partly"]),
        helper.make_node("Add", ["partly", "found"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "troubled",
        [helper.make_tensor_value_info("X", FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("score", FLOAT, ["n"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Bytes(model.SerializeToString())
