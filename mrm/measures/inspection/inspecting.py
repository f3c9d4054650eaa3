"""One artifact looked through: its format, whether that is what was declared, and what each tool says of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from mrm.measures.inspection import formats, natives, pickled
from mrm.measures.inspection.report import Limits, Look, Report

RULE = "1"  # of the look at the format
_LOOKS: dict[str, Callable[[bytes, Limits], Look | list[Look]]] = {
    formats.ONNX: natives.look_at_onnx,
    formats.PICKLE: pickled.look,
    formats.PICKLES: pickled.look_into_archive,
    formats.SKOPS: natives.look_at_skops,
    formats.XGBOOST: natives.look_at_xgboost,
    formats.LIGHTGBM: natives.look_at_lightgbm,
    formats.SAFETENSORS: natives.look_at_safetensors,
    formats.PMML: natives.look_at_pmml,
    formats.MOJO: natives.look_at_mojo,
}
_ARCHIVES = {formats.PICKLES, formats.SKOPS, formats.MOJO, formats.KERAS, formats.ZIP}


def inspect(content: bytes, declared: str, limits: Limits) -> Report:
    """Look through the bytes of a model that was declared as a kind.

    Flagged if a tool found something or the format is not one of the declared kind; unscannable if a
    tool could not tell, or none reads the format.
    """
    if len(content) > limits.size:
        told = f"The file has {len(content):,} bytes; {limits.size:,} are the most that are inspected."
        return Report.of(formats.UNKNOWN, [Look("format", RULE, unable=told)])
    found = formats.format_of(content)
    first = Look("format", RULE, tuple(_doubts(content, declared, found)))
    if found not in _LOOKS:
        return Report.of(found, [first, *_unread(declared, found)])
    looks = _LOOKS[found](content, limits)
    return Report.of(found, [first, *(looks if isinstance(looks, list) else [looks])])


def _doubts(content: bytes, declared: str, found: str) -> list[str]:
    said = []
    if found not in formats.OF_KIND.get(declared, ()):
        said.append(f"The file is declared as {declared}, its content is {_words(found)}.")
    if found not in _ARCHIVES and zipfile.is_zipfile(io.BytesIO(content)):
        said.append("An archive is hidden behind the content that the file begins with.")
    return said


def _unread(declared: str, found: str) -> list[Look]:
    """Nothing here reads the format. What describes a model that runs elsewhere is text, and no more is asked of it."""
    if (declared, found) == ("vendor", formats.TEXT):
        return []
    return [Look("reader", RULE, unable=f"Nothing here reads {_words(found)}, so that nobody can say what it does.")]


def _words(found: str) -> str:
    return {
        formats.UNKNOWN: "of no format that is known here",
        formats.TEXT: "plain text",
        formats.ONNX: "ONNX",
        formats.PICKLE: "a pickle",
        formats.PICKLES: "an archive of pickles",
        formats.ZIP: "a zip archive",
        formats.COMPRESSED: "compressed data",
        formats.R: "an R object",
    }.get(found, found)
