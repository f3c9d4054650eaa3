"""The published schema of CycloneDX 1.6, as the project's own package ships it."""

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry, Resource

NAMES = ("bom-1.6", "spdx", "jsf-0.82")


def _validator() -> Draft7Validator:
    folder = files("cyclonedx.schema") / "_res"
    read = {name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text()) for name in NAMES}
    known = Registry().with_resources(  # type: ignore[var-annotated]
        [(content["$id"], Resource.from_contents(content)) for content in read.values()]
    )
    return Draft7Validator(read["bom-1.6"], registry=known)


VALIDATOR = _validator()


def faults(content: str | bytes) -> list[str]:
    """Every place at which a bill differs from the schema; a field that the schema does not name is one."""
    bill: dict[str, Any] = json.loads(content)
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(bill)]
