"""From an inference request to what the model takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .refusal import Refused
from .tensors import DTYPES, Array, TensorSpec, decode

Given = dict[str, tuple[str, Array]]


def feeds(body: Any, inputs: Sequence[TensorSpec], features: Sequence[str]) -> dict[str, Array]:
    """The model's inputs: its own tensors, or one tensor per feature in the stored order."""
    given = _given(body)
    if len(inputs) == 1:
        only = inputs[0]
        if only.name in given and len(given) == 1:
            return {only.name: _fitting(only, *given[only.name])}
        if features and only.name not in given:
            return {only.name: _matrix(given, only, features)}
    _require_names(given, [item.name for item in inputs])
    found = {item.name: _fitting(item, *given[item.name]) for item in inputs}
    _require_rows(found)
    return found


def wanted(body: Mapping[str, Any], known: list[str]) -> list[str]:
    """The outputs asked for; all when none are named."""
    asked = body.get("outputs")
    if not asked:
        return known
    if not isinstance(asked, list) or not all(isinstance(item, dict) for item in asked):
        raise Refused(400, "The field outputs must be a list of objects.")
    for item in asked:
        if item.get("name") not in known:
            raise Refused(400, f"The model has no output {item.get('name')!r}; it has {', '.join(known)}.")
    return [item["name"] for item in asked]


def _given(body: Any) -> Given:
    if not isinstance(body, dict):
        raise Refused(400, "The request must be a JSON object.")
    tensors = body.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise Refused(400, "The request needs a list of inputs.")
    found: Given = {}
    for tensor in tensors:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str):
            raise Refused(400, "Each input needs a name.")
        if name in found:
            raise Refused(400, f"Input {name} is given twice.")
        found[name] = decode(tensor)
    return found


def _require_names(given: Given, names: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            raise Refused(400, f"The model has no input {name}; it takes {', '.join(names)}.")
    for name in names:
        if name not in given:
            raise Refused(400, f"Input {name} is missing.")


def _fitting(item: TensorSpec, datatype: str, array: Array) -> Array:
    if datatype != item.datatype:
        raise Refused(400, f"Input {item.name} is {datatype}; the model takes {item.datatype}.")
    shape = array.shape
    if shape and shape[1:] == item.row:
        return array
    if array.ndim == 1 and item.shape == (-1, 1):
        return array.reshape(-1, 1)
    fits = len(array.shape) == len(item.shape) and all(
        size in (-1, found) for size, found in zip(item.shape, array.shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if size == -1 else str(size) for size in item.shape)
        raise Refused(
            400,
            f"Input {item.name} has the shape {list(array.shape)}; the model takes [{expected}].",
        )
    return array


def _matrix(given: Given, item: TensorSpec, features: Sequence[str]) -> Array:
    _require_names(given, features)
    columns = [_column(name, *given[name]) for name in features]
    if len({len(column) for column in columns}) != 1:
        raise Refused(400, "The features have different numbers of rows.")
    return _fitting(item, item.datatype, np.column_stack(columns).astype(DTYPES[item.datatype]))


def _column(name: str, datatype: str, array: Array) -> Array:
    if datatype == "BYTES":
        raise Refused(400, f"Feature {name} must be a number.")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise Refused(400, f"Feature {name} has the shape {list(array.shape)}; it takes [rows] or [rows, 1].")
    return array


def _require_rows(found: Mapping[str, Array]) -> None:
    rows = {array.shape[0] for array in found.values() if array.ndim}
    if len(rows) > 1:
        raise Refused(400, "The inputs have different numbers of rows.")
