"""Versioned data files: what an institution may replace, read and checked before it is used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from mrm.core.canonical import digest
from mrm.core.refusal import Invalid

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"


@dataclass(frozen=True)
class PackFile:
    kind: str
    key: str
    version: str
    title: str
    content: dict[str, Any]

    @property
    def digest(self) -> str:
        return digest(self.content)


@cache
def schema(kind: str) -> dict[str, Any]:
    path = FIXTURES / "schemas" / f"{kind}.json"
    if not path.exists():
        raise Invalid(f"There is no kind of pack named {kind}.")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def parse(text: str, source: str) -> PackFile:
    """A pack from YAML, valid against the schema of its kind, or Invalid with the place and the rule."""
    try:
        content = _plain(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise Invalid(f"{source} is not YAML: {error}") from error
    return of_content(content, source)


def of_content(content: Any, source: str = "The pack") -> PackFile:
    """The same from data as it was read; what is not JSON, such as a date, is taken as text."""
    content = _plain(content)
    if not isinstance(content, dict) or "kind" not in content:
        raise Invalid(f"{source} does not say its `kind`.")
    validator = jsonschema.Draft202012Validator(schema(content["kind"]))
    problems = [
        f"{source}: {'/'.join(map(str, fault.path)) or 'top'}: {fault.message}"
        for fault in validator.iter_errors(content)
    ]
    if problems:
        raise Invalid(*problems[:5])
    return PackFile(content["kind"], content["id"], str(content["version"]), content["title"], content)


def as_yaml(content: Mapping[str, Any]) -> str:
    """The content as the text that `parse` reads it from, in the order in which its schema tells it."""
    order = list(schema(content["kind"])["properties"])
    ordered = dict(sorted(content.items(), key=lambda each: order.index(each[0]) if each[0] in order else len(order)))
    told: str = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110)
    return told


def shipped(folder: str) -> Iterator[PackFile]:
    """Every pack in a folder of the fixtures, in name order."""
    for path in sorted((FIXTURES / folder).glob("*.yaml")):
        yield parse(path.read_text(), path.name)


def _plain(value: Any) -> Any:
    """Dates as text and keys as text, so that a pack has one canonical form."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
