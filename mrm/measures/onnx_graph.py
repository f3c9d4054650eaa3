"""What an ONNX model is made of, and what speaks against running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import onnx

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
OLDEST_OPSET = 7  # below it the runtime does not promise what an operator does
MOST_NAMED = 5


def faults(model: Any) -> Iterator[str]:
    """What speaks against running the model, each in a sentence: the gravest first, the checker last."""
    if outside := _outside(model):
        yield f"The model keeps its weights outside the file{outside}; only self-contained models are run."
    if foreign := _foreign(model):
        yield f"The model uses operators of its own ({foreign}); only the standard sets are run."
        return  # the checker has nothing to say of operators that it does not know
    if odd := _odd_versions(model):
        yield odd
        return
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        yield f"The ONNX checker refuses the model: {str(error).splitlines()[0]}"


def facts(model: Any, nodes: list[Any]) -> dict[str, Any]:
    """What is told of a model: versions, operators, size, inputs and outputs."""
    kinds = Counter(node.op_type for node in nodes)
    return {
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip()[:100],
        "opsets": {each.domain or "ai.onnx": each.version for each in model.opset_import},
        "nodes": len(nodes),
        "operators": [f"{name} × {count}" for name, count in kinds.most_common(30)],
        "functions": len(model.functions),
        "weights_bytes": sum(each.ByteSize() for each in model.graph.initializer),
        "inputs": [each.name for each in model.graph.input][:200],
        "outputs": [each.name for each in model.graph.output][:200],
    }


def _outside(model: Any) -> str:
    """Where tensors say that their values lie, if not in the model: named, as a path may lead anywhere."""
    external = [each for each in _tensors(model) if each.data_location == onnx.TensorProto.EXTERNAL]
    places = {entry.value for each in external for entry in each.external_data if entry.key == "location"}
    if not external:
        return ""
    return f", in {', '.join(sorted(places)[:MOST_NAMED])}" if places else ", at a place it does not name"


def _foreign(model: Any) -> str:
    nodes = list(nodes_of(model))
    used = {each.domain for each in model.opset_import} | {node.domain for node in nodes}
    found = []
    for domain in sorted(used - set(DOMAINS)):
        names = sorted({node.op_type for node in nodes if node.domain == domain})
        found.append(f"{domain}: {', '.join(names[:MOST_NAMED])}" if names else domain)
    return "; ".join(found)


def _odd_versions(model: Any) -> str:
    if not 3 <= model.ir_version <= onnx.IR_VERSION:
        return f"The model is of IR version {model.ir_version}; 3 to {onnx.IR_VERSION} are known here."
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}
    for each in model.opset_import:
        domain = "" if each.domain == "ai.onnx" else each.domain
        oldest = OLDEST_OPSET if not domain else 1
        if not oldest <= each.version <= newest[domain]:
            name = domain or "ai.onnx"
            return (
                f"The model uses version {each.version} of the operator set {name}; {oldest} to {newest[domain]} are known"
                " here."
            )
    return ""


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        yield from _inner(node)


def _inner(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        for each in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            yield from _graphs(each)


def nodes_of(model: Any) -> Iterator[Any]:
    """Every node, also of inner graphs and of the model's own functions."""
    for graph in _graphs(model.graph):
        yield from graph.node
    for function in model.functions:
        for node in function.node:
            yield node
            for graph in _inner(node):
                yield from graph.node


def _tensors(model: Any) -> Iterator[Any]:
    inner = [graph for function in model.functions for node in function.node for graph in _inner(node)]
    for graph in [*_graphs(model.graph), *inner]:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes_of(model):
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.HasField("t") else [])
            yield from attribute.tensors
