"""The format of a file from its content."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import onnx

ONNX, SKOPS, PICKLE, PICKLES = "onnx", "skops", "pickle", "archive of pickles"
XGBOOST, LIGHTGBM, SAFETENSORS, PMML, MOJO = "xgboost", "lightgbm", "safetensors", "pmml", "mojo"
TENSORFLOW, HDF5, KERAS, R = "tensorflow", "hdf5", "keras", "r"
ZIP, COMPRESSED, TEXT, UNKNOWN = "zip", "compressed", "text", "unknown"

# the formats that a declared kind may turn out to be
OF_KIND: dict[str, frozenset[str]] = {
    "onnx": frozenset({ONNX}),
    "skops": frozenset({SKOPS}),
    "pickle": frozenset({PICKLE, PICKLES}),
    "xgboost": frozenset({XGBOOST}),
    "lightgbm": frozenset({LIGHTGBM}),
    "pmml": frozenset({PMML}),
    "mojo": frozenset({MOJO}),
    "tensorflow": frozenset({TENSORFLOW, HDF5, KERAS}),
    "r": frozenset({R}),
    "sas": frozenset({TEXT}),
    "vendor": frozenset({TEXT}),
    "other": frozenset({SAFETENSORS, ZIP, COMPRESSED, TEXT, UNKNOWN}),
}
_FIRST = 4_096  # bytes that tell a format
_MOST_HEADER = 100 * 2**20  # of a safetensors file, by its specification
_LZ4 = b"\x04\x22\x4d\x18"  # joblib's other way of packing
_PACKED: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"\x5d\x00\x00", lzma.open),
    (b"x", lambda file: io.BytesIO(zlib.decompressobj().decompress(file.getvalue(), _FIRST))),
)


def format_of(content: bytes) -> str:
    """The format that the content has, one of the names of this module."""
    if content.startswith(b"PK\x03\x04"):
        return _of_archive(content)
    if content.startswith(b"\x89HDF\r\n\x1a\n"):
        return HDF5
    if content.startswith(b"tree\n"):
        return LIGHTGBM
    if content[:1] == b"{" and b"learner" in content:
        return XGBOOST
    if b"<PMML" in content[:_FIRST]:
        return PMML
    if safetensors_header(content) is not None:
        return SAFETENSORS
    if _is_pickle(content):
        return PICKLE
    return _of_packed(content) or _of_message(content) or (TEXT if _is_text(content) else UNKNOWN)


def safetensors_header(content: bytes) -> dict[str, Any] | None:
    """The header of a safetensors file: a length of eight bytes, then so much JSON; None if it is no such file."""
    if len(content) < 10 or content[8:9] != b"{":
        return None
    (length,) = struct.unpack("<Q", content[:8])
    if length > min(_MOST_HEADER, len(content) - 8):
        return None
    try:
        header = json.loads(content[8 : 8 + length])
    except ValueError:
        return None
    return header if isinstance(header, dict) else None


def _of_archive(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return UNKNOWN
    if "schema.json" in names:
        return SKOPS
    if any(name.endswith((".pkl", ".pickle")) for name in names):
        return PICKLES
    if "model.ini" in names:
        return MOJO
    return KERAS if "metadata.json" in names and "config.json" in names else ZIP


def _of_packed(content: bytes) -> str:
    """What a compressed file holds, from its first bytes: joblib packs pickles, R its objects."""
    for magic, opened in _PACKED:
        if not content.startswith(magic):
            continue
        try:
            with opened(io.BytesIO(content)) as source:
                inner = source.read(_FIRST)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
            continue
        if opens_pickle(inner):
            return PICKLE
        return R if inner.startswith((b"RDX", b"RDA", b"X\n", b"A\n", b"B\n")) else COMPRESSED
    return PICKLE if content.startswith(_LZ4) else ""


def _of_message(content: bytes) -> str:
    """Protocol buffers name no format: what ONNX takes with a graph is ONNX, and a saved model has none."""
    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # the parser's errors have no common class
        return ""
    if model.HasField("graph") and model.ir_version:
        return ONNX
    return TENSORFLOW if content.startswith(b"\x08\x01\x12") else ""


def is_packed(start: bytes) -> bool:
    """Whether bytes begin as joblib packs a file."""
    return start.startswith((*(magic for magic, _ in _PACKED), _LZ4))


def opens_pickle(start: bytes) -> bool:
    """Whether bytes begin as a pickle of the protocols that mark themselves."""
    return len(start) > 1 and start[0] == 0x80 and start[1] <= 5


def _is_pickle(content: bytes) -> bool:
    """By the mark of later protocols; the first ones have none, so that their instructions are read to the end."""
    if opens_pickle(content):
        return True
    with contextlib.suppress(Exception):  # the reader's errors have no common class
        return content.rstrip().endswith(b".") and [code.name for code, *_ in pickletools.genops(content)][-1] == "STOP"
    return False


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
