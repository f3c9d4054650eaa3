"""What is written beside a version at a backend that keeps it unaltered, and read back from there."""

from collections.abc import Mapping
from typing import Any

from .values import Variant

# as the environment of a container
VARIABLES = {"model": "MRM_MODEL", "version": "MRM_VERSION", "digest": "MRM_DIGEST", "approval": "MRM_APPROVAL"}


def told_of(variant: Variant) -> dict[str, str]:
    """Which version it is, of which bytes, approved by which decision."""
    version = variant.version
    return {
        "model": version.model,
        "version": version.version,
        "digest": version.artifact.digest,
        "approval": version.approval_id,
    }


def read_back(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """The same from the backend's `values`; empty unless all of it is there."""
    found = {what: str(values[name]) for what, name in names.items() if name in values}
    return found if len(found) == len(names) else {}
