"""Artifacts of tests as a worker leaves them: real models, looked through by the real tools, in this process."""

from functools import cache

from onnx import TensorProto, helper

from mrm.core import blobs
from mrm.evaluation import queries, services
from mrm.evaluation.models import Inspection
from mrm.inventory.models import Version
from mrm.measures.inspection import Limits, Report, inspect
from tests.factories.access import SETUP

LIMITS = Limits(size=2**20, unpacked=2**20, nodes=1_000)


@cache
def small_onnx(name: str, width: int = 2) -> bytes:
    """The smallest scorer there is; another name, other bytes."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [width, 1], [0.5] * width)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["s"]), helper.make_node("Sigmoid", ["s"], ["p"])],
        "scorer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])],
        [weights],
    )
    model = helper.make_model(graph, doc_string=name, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


@cache
def _report(content: bytes, declared: str) -> Report:
    return inspect(content, declared, LIMITS)


def inspected(of: Version) -> Inspection:
    """The inspection of the version's artifact; one that was made before stands."""
    assert of.artifact is not None
    if found := queries.inspection_of(of.artifact_id):
        return found
    report = _report(blobs.read(of.artifact.sha256), of.artifact.kind)
    return services.record_inspection(of, artifact=of.artifact, report=report.as_dict(), actor=SETUP)
