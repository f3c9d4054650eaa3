"""What MLflow shows of a version: its tags, and its files as they are now."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..answers import Listed, ObservedVariant
from ..errors import NotFound
from ..values import FULL, Role, artifact_digest
from .packaging import packaging
from .tracking import Tracking, aliases_of, proxied_folder, tags_of


def observed_variant(tracking: Tracking, version: Mapping[str, Any]) -> ObservedVariant:
    """One version with the digest of its downloaded files. Ready means intact and READY."""
    tags = tags_of(version)
    digest, reason = _seen(tracking, str(version.get("source", "")), tags)
    if not reason and version.get("status", "READY") != "READY":
        reason = "MLflow says that this version is not ready."
    return ObservedVariant(
        name=tags.get("mrm.model", str(version["name"])),
        version=tags.get("mrm.version", str(version["version"])),
        digest=digest,
        ready=not reason,
        weight_bp=FULL,
        managed="mrm.key" in tags,
        role=Role.CHAMPION,
        reason=reason,
    )


def model_digest(tracking: Tracking, version: Mapping[str, Any]) -> str | None:
    """Of a version that others registered: the digest of the only ONNX file in it, None where there is not just one."""
    folder = proxied_folder(str(version.get("source", "")))
    if folder is None:
        return None
    try:
        found = [name for name in tracking.files(folder) if name.endswith(".onnx")]
        return tracking.file_digest(f"{folder}/{found[0]}") if len(found) == 1 else None
    except NotFound:
        return None


def listed(tracking: Tracking, model: Mapping[str, Any]) -> list[Listed]:
    """All versions of a registered model. Aliases stand at the model only."""
    name, aliases = str(model["name"]), aliases_of(model)
    named = {str(number): sorted(a for a, at in aliases.items() if at == number) for number in aliases.values()}
    return [
        Listed(
            name=name,
            version=str(version["version"]),
            digest=None,
            source=str(version.get("source", "")),
            managed="mrm.key" in tags_of(version),
            aliases=tuple(named.get(str(version["version"]), ())),
            serving=str(version["version"]) in named,  # an alias is what scoring servers follow
        )
        for version in _versions(tracking, model, name)
    ]


def features_of(tags: Mapping[str, str]) -> list[str]:
    """The column order from the version's tag; empty when there is none."""
    try:
        found = json.loads(tags.get("mrm.features", "[]"))
    except ValueError:
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


def hexed(*parts: str) -> str:
    """A name for tags that needs no quoting in a search filter."""
    return sha256(json.dumps(parts).encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _seen(tracking: Tracking, source: str, tags: Mapping[str, str]) -> tuple[str | None, str]:
    folder = proxied_folder(source)
    if folder is None:
        return None, "The files lie outside the tracking server and cannot be read back."
    ours = "mrm.key" in tags
    beside = packaging(tags.get("mrm.digest", ""), features_of(tags)) if ours else {}
    try:
        found = {name: tracking.file_digest(f"{folder}/{name}") for name in tracking.files(folder)}
    except NotFound:
        found = {}
    changed = [name for name, content in beside.items() if found.pop(name, "") != sha256(content)]
    if not found:
        return None, "The files of this version are gone."
    return artifact_digest(found), f"The file {changed[0]} was changed." if changed else ""


def _versions(tracking: Tracking, model: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    mark = next((mark for mark in ("'", '"') if mark not in name), None)
    if mark is None:  # the filter language cannot quote such a name
        return list(model.get("latest_versions", []))
    return list(tracking.versions(f"name={mark}{name}{mark}"))
