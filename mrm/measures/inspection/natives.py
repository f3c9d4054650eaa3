"""Formats that hold data and no programs, each opened by its loader, or read where there is none."""

from __future__ import annotations

import io
import math
import zipfile
from importlib import metadata
from typing import Any

import defusedxml
import onnx
from defusedxml import ElementTree

from mrm.measures import onnx_graph
from mrm.measures.artifacts import Refusal, lightgbm_booster, skops_model, xgboost_booster
from mrm.measures.inspection.formats import safetensors_header
from mrm.measures.inspection.pickled import too_large
from mrm.measures.inspection.report import Limits, Look

OWN = "1"  # of the readers here
_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip


def look_at_onnx(content: bytes, limits: Limits) -> Look:
    """The ONNX checker, and the rules on top of it."""
    model = onnx.load_model_from_string(content)
    nodes = list(onnx_graph.nodes_of(model))
    facts = onnx_graph.facts(model, nodes)
    if len(nodes) > limits.nodes:
        unable = f"The graph has {len(nodes):,} nodes; {limits.nodes:,} are the most that are looked through."
        return Look("onnx", onnx.__version__, unable=unable, facts=facts)
    return Look("onnx", onnx.__version__, tuple(onnx_graph.faults(model)), facts=facts)


def look_at_skops(content: bytes, limits: Limits) -> Look:
    """skops names the types in a file before one of them is made."""
    version = metadata.version("skops")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if unable := too_large(archive, limits):
            return Look("skops", version, unable=unable)
    return _opened("skops", version, lambda: {"estimator": type(skops_model(content)).__name__})


def look_at_xgboost(content: bytes, limits: Limits) -> Look:
    return _opened("xgboost", metadata.version("xgboost-cpu"), lambda: _of_xgboost(xgboost_booster(content)))


def look_at_lightgbm(content: bytes, limits: Limits) -> Look:
    return _opened("lightgbm", metadata.version("lightgbm"), lambda: _of_lightgbm(lightgbm_booster(content)))


def look_at_safetensors(content: bytes, limits: Limits) -> Look:
    """The header of a safetensors file accounts for every byte after it, as its specification asks."""
    header = safetensors_header(content) or {}
    length = int.from_bytes(content[:8], "little")
    tensors = {name: each for name, each in header.items() if name != "__metadata__"}
    at = 0
    try:
        for name, each in sorted(tensors.items(), key=lambda pair: pair[1]["data_offsets"]):
            begin, end = each["data_offsets"]
            if begin != at or end - begin != math.prod(each["shape"]) * _BYTES[each["dtype"]]:
                return Look("safetensors", OWN, (f"The header puts the tensor {name} where it cannot lie.",))
            at = end
    except (KeyError, TypeError, ValueError, AttributeError):
        return Look("safetensors", OWN, ("The header is not that of a safetensors file.",))
    if at != len(content) - 8 - length:
        return Look("safetensors", OWN, ("The file holds bytes that its header does not account for.",))
    return Look("safetensors", OWN, facts={"tensors": len(tensors)})


def look_at_pmml(content: bytes, limits: Limits) -> Look:
    """PMML is read without entities and document types, by which XML reaches for other files."""
    try:
        root = ElementTree.fromstring(content)
    except defusedxml.DefusedXmlException as error:
        return Look("pmml", OWN, (f"The document reaches outside itself: {type(error).__name__}.",))
    except (ElementTree.ParseError, ValueError) as error:
        return Look("pmml", OWN, unable=f"The document is not well-formed XML: {error}")
    if not root.tag.endswith("PMML"):
        return Look("pmml", OWN, ("The document's root is not PMML.",))
    models = [each.tag.rpartition("}")[2] for each in root if each.tag.endswith("Model") or "Network" in each.tag]
    return Look("pmml", OWN, facts={"pmml_version": root.get("version", ""), "models": models[:10]})


def look_at_mojo(content: bytes, limits: Limits) -> Look:
    """A MOJO is a folder of trees and their description; nothing in it is a program, and nothing may leave it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if unable := too_large(archive, limits):
            return Look("mojo", OWN, unable=unable)
        names = archive.namelist()
    leaving = [name for name in names if name.startswith(("/", "\\")) or ".." in name.split("/")]
    programs = [name for name in names if name.endswith((".class", ".jar", ".so", ".dll", ".py"))]
    said = [f"The archive writes outside its folder: {', '.join(leaving[:5])}."] if leaving else []
    said += [f"The archive holds programs: {', '.join(programs[:5])}."] if programs else []
    return Look("mojo", OWN, tuple(said), facts={"files": len(names)})


def _opened(tool: str, version: str, read: Any) -> Look:
    try:
        return Look(tool, version, facts=read())
    except Refusal as fault:
        return Look(tool, version, (str(fault),))


def _of_xgboost(booster: Any) -> dict[str, Any]:
    return {"trees": booster.num_boosted_rounds(), "features": booster.num_features()}


def _of_lightgbm(booster: Any) -> dict[str, Any]:
    return {"trees": booster.num_trees(), "features": booster.num_feature()}
