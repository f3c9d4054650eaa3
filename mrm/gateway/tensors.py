"""Tensors of the Open Inference Protocol V2, from JSON to arrays and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .refusal import Refused

_ONNX_TYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "BYTES": np.dtype(object),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_MAX_RANK = 8
_FEW = 64
_FLOAT32 = float(np.finfo(np.float32).max)

Array = NDArray[Any]


@dataclass(frozen=True)
class TensorSpec:
    """Name, datatype and shape of an input or output; -1 stands for any length."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @cached_property
    def row(self) -> tuple[int, ...] | None:
        """The shape of one row, where there may be any number of rows."""
        return self.shape[1:] if self.shape[:1] == (-1,) else None

    def described(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def spec(name: str, onnx_type: str, shape: list[Any]) -> TensorSpec:
    """The tensor as the protocol names it; other ONNX types are refused."""
    if onnx_type not in _ONNX_TYPES:
        raise Refused(
            422,
            f"{name} of the model is a {onnx_type}, not a tensor; export classifiers with zipmap off.",
        )
    sizes = tuple(size if isinstance(size, int) else -1 for size in shape)
    return TensorSpec(name, _ONNX_TYPES[onnx_type], sizes)


def rows(arrays: Mapping[str, Array]) -> int:
    """How many cases arrays of one request speak about."""
    for array in arrays.values():
        if array.ndim:
            return len(array)
    return 1


def finite(array: Array) -> bool:
    """Whether every number is one. A few are added up as they are: the way into arrays is longer than the work."""
    if array.size <= _FEW:
        return math.isfinite(sum(array.ravel().tolist()))
    return bool(np.isfinite(array).all())


def decode(tensor: Mapping[str, Any]) -> tuple[str, Array]:
    """The declared datatype and the array. Flat and nested data are read; null in floats is NaN."""
    name, datatype = tensor["name"], tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise Refused(400, f"Input {name} has the unknown datatype {datatype!r}.")
    shape = _shape(tensor)
    data = tensor.get("data")
    if not isinstance(data, list):
        raise Refused(400, f"Input {name} needs its data as a list.")
    array = _few_floats(data) if datatype == "FP32" else None
    if array is None:
        array = _typed(name, datatype, data)
    if array.size != prod(shape):
        raise Refused(
            400,
            f"Input {name} has {array.size} values; its shape {list(shape)} asks for {prod(shape)}.",
        )
    return datatype, array.reshape(shape)


def encode(name: str, array: Array) -> dict[str, Any]:
    """An output tensor with flat data."""
    datatype = _NAMES.get(array.dtype, "BYTES")
    data: Any = array.ravel()
    if datatype in ("BYTES", "FP16"):
        data = data.tolist()
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": data}


def _shape(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tensor.get("shape")
    if isinstance(shape, list) and len(shape) <= _MAX_RANK:
        for size in shape:
            if type(size) is not int or size < 0:
                break
        else:
            return tuple(shape)
    raise Refused(400, f"Input {tensor['name']} needs a shape of whole numbers.")


def _few_floats(data: list[Any]) -> Array | None:
    """One short row of numbers as it is, of which one at least has a point; None for everything else."""
    row = data[0] if len(data) == 1 and type(data[0]) is list else data
    if len(row) > _FEW or float not in map(type, row):
        return None
    try:
        fit = math.hypot(*row) <= _FLOAT32
    except (TypeError, OverflowError):
        return None
    return np.array(row, dtype=np.float32) if fit else None


def _typed(name: str, datatype: str, data: list[Any]) -> Array:
    if datatype == "BYTES":
        return _texts(name, data)
    try:
        raw = np.asarray(data)
        if raw.dtype.kind == "O" and datatype.startswith("FP"):
            filled = [np.nan if value is None else value for value in raw.flat]
            raw = np.array(filled, dtype=object).reshape(raw.shape)
            raw = raw.astype(float) if _numbers(raw) else raw
    except (ValueError, OverflowError):
        raise Refused(400, f"The data of input {name} is ragged or out of range.") from None
    if raw.size == 0:
        return raw.astype(DTYPES[datatype])
    if raw.dtype.kind not in _accepted(datatype):
        raise Refused(400, f"The data of input {name} does not hold {datatype} values.")
    return _narrowed(name, datatype, raw)


def _texts(name: str, data: list[Any]) -> Array:
    found: list[str] = []
    waiting = list(reversed(data))
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, str):
            found.append(item)
        else:
            raise Refused(400, f"The data of input {name} does not hold BYTES values (texts).")
    return np.array(found, dtype=object)


def _numbers(raw: Array) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in raw.flat)


def _accepted(datatype: str) -> str:
    if datatype == "BOOL":
        return "b"
    return "iuf" if datatype.startswith("FP") else "iu"


def _narrowed(name: str, datatype: str, raw: Array) -> Array:
    dtype = DTYPES[datatype]
    if raw.dtype == dtype:
        return raw
    if datatype == "FP32" and raw.size <= _FEW and sum(map(abs, raw.ravel().tolist())) <= _FLOAT32:
        return raw.astype(dtype)
    limits: Any = None
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
    elif dtype.kind == "f":
        limits = np.finfo(dtype)
    if limits is not None:
        known = raw[np.isfinite(raw)] if raw.dtype.kind == "f" else raw
        if known.size and (known.min() < limits.min or known.max() > limits.max):
            raise Refused(400, f"The data of input {name} does not fit into {datatype}.")
    return raw.astype(dtype)
