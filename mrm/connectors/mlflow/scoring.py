"""Between the Open Inference Protocol V2 and MLflow's /invocations."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ..errors import Invalid


def invocation(body: Mapping[str, Any], features: Sequence[str]) -> dict[str, Any]:
    """The body of /invocations: one array per tensor, or one matrix of the features in order."""
    tensors = body.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise Invalid("The request needs a list of inputs.")
    arrays = {str(item.get("name")): _nested(item) for item in tensors if isinstance(item, dict)}
    if features and set(arrays) == set(features):
        columns = [_flat(arrays[name]) for name in features]
        if len({len(column) for column in columns}) != 1:
            raise Invalid("The features have different numbers of rows.")
        return {"inputs": [list(row) for row in zip(*columns, strict=True)]}
    return {"inputs": arrays}


def inference(endpoint: str, found: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as tensors. It names no version: the scoring server does not know it."""
    predictions = found.get("predictions")
    named = predictions if isinstance(predictions, dict) else {"predictions": predictions}
    outputs = [_tensor(name, value) for name, value in named.items()]
    return {"model_name": endpoint, "parameters": dict(parameters), "outputs": outputs}


def _nested(tensor: Mapping[str, Any]) -> list[Any]:
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(shape, list) or not isinstance(data, list):
        raise Invalid(f"Input {tensor.get('name')} needs a shape and data as lists.")
    flat = _flat(data)
    if len(flat) != prod(shape):
        raise Invalid(f"Input {tensor.get('name')} has {len(flat)} values; its shape asks for {prod(shape)}.")
    for size in reversed(shape[1:]):
        flat = [flat[i : i + size] for i in range(0, len(flat), size)]
    return flat


def _flat(data: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for item in data:
        found.extend(_flat(item) if isinstance(item, list) else [item])
    return found


def _tensor(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, list):
        raise Invalid("The scoring server answered without a list of predictions.")
    flat = _flat(value)
    return {"name": name, "datatype": _datatype(flat), "shape": _shape(value), "data": flat}


def _shape(value: Any) -> list[int]:
    if not isinstance(value, list):
        return []
    return [len(value), *(_shape(value[0]) if value else [])]


def _datatype(flat: Sequence[Any]) -> str:
    kinds = {type(item) for item in flat if item is not None}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        return "INT64"
    return "FP64" if kinds <= {int, float} else "BYTES"
