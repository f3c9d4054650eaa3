"""A vendor's published description of its objects, in one form, and what in a value does not fit it."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.connectors.servers import programs

_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}


@dataclass(frozen=True)
class Field:
    """`kind` is a plain type, the name of an object, [kind] or {kind}; a kind nobody describes is not looked into."""

    kind: str
    required: bool = False
    readonly: bool = False
    choices: frozenset[str] = frozenset()
    pattern: str = ""


@dataclass
class Published:
    types: dict[str, dict[str, Field]] = field(default_factory=dict)

    def problems(self, value: Any, kind: str, path: str, *, answer: bool = False) -> Iterator[str]:
        """Unknown, missing and mistyped fields; in requests also those that only the service writes."""
        if kind.startswith("["):
            if not isinstance(value, list):
                yield f"{path} is not a list"
                return
            for item in value:
                yield from self.problems(item, kind[1:-1], f"{path}[]", answer=answer)
        elif kind.startswith("{"):
            if not isinstance(value, dict):
                yield f"{path} is not a map"
                return
            for key, item in value.items():
                yield from self.problems(item, kind[1:-1], f"{path}.{key}", answer=answer)
        elif kind in _PLAIN:
            if not isinstance(value, _PLAIN[kind]) or (kind != "bool" and isinstance(value, bool)):
                yield f"{path} is not a {kind}"
        elif kind in self.types:
            yield from self._object(value, self.types[kind], path, answer)

    def _object(self, value: Any, fields: Mapping[str, Field], path: str, answer: bool) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} is not an object"
            return
        yield from (f"{path}.{name} is required" for name, f in fields.items() if f.required and name not in value)
        for name, inner in value.items():
            here, known = f"{path}.{name}", fields.get(name)
            if known is None:
                yield f"{here} is not known"
                continue
            if known.readonly and not answer:
                yield f"{here} is written by the service only"
            if inner is None:
                continue
            yield from self.problems(inner, known.kind, here, answer=answer)
            if known.choices and inner not in known.choices:
                yield f"{here} is none of {sorted(known.choices)}"
            if known.pattern and isinstance(inner, str) and not re.search(known.pattern, inner):
                yield f"{here} does not match {known.pattern}"


def packaged(name: str, version: str, where: str) -> Path:
    """A place inside a vendor's package, which is kept in an environment of its own and never run."""
    root = programs(f"{name}-{version}", ("--no-deps", f"{name}=={version}")).parent
    return next(root.glob(f"lib/python*/site-packages/{where}"))


def classes(place: Path) -> dict[str, ast.ClassDef]:
    with warnings.catch_warnings(action="ignore"):  # of the vendor's own text
        parsed = ast.parse(place.read_text())
    return {node.name: node for node in parsed.body if isinstance(node, ast.ClassDef)}


def choices(node: ast.ClassDef) -> frozenset[str]:
    """The values of an enumeration."""
    found = [item.value for item in node.body if isinstance(item, ast.Assign)]
    return frozenset(v.value for v in found if isinstance(v, ast.Constant) and isinstance(v.value, str))
