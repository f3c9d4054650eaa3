"""A discovery document of Google, as its Python client ships it: the objects, and the methods by verb and path."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.connectors.cloud_fake import Fault
from tests.connectors.published import Field, Published, packaged

VERSION = "2.202.0"
_SCALARS = {"string": "str", "integer": "int", "boolean": "bool", "number": "float"}


class Discovered:
    """`resource` is the way to the part whose methods are known, `base` what stands before each of their paths."""

    def __init__(self, document: str, *resource: str, base: str = "/") -> None:
        where = f"googleapiclient/discovery_cache/documents/{document}.json"
        found = json.loads(packaged("google-api-python-client", VERSION, where).read_text())
        self.published = Published({name: _fields(schema) for name, schema in found["schemas"].items()})
        self.common, self.base = set(found.get("parameters", {})), base
        for name in resource:
            found = found["resources"][name]
        self.methods = list(_methods(found))

    def method(self, verb: str, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        for method in self.methods:
            if method["httpMethod"] == verb and any(re.fullmatch(each, path) for each in self._patterns(method)):
                own = {k for k, v in method["parameters"].items() if v["location"] == "query"}
                if unknown := set(query) - own - self.common:
                    raise Fault(400, "INVALID_ARGUMENT", f"Unknown names in the query: {sorted(unknown)}.")
                return method
        raise Fault(404, "NOT_FOUND", f"There is no method {verb} {path}.")

    def _patterns(self, method: Mapping[str, Any]) -> Iterator[str]:
        yield _pattern(self.base + (method.get("flatPath") or method["path"]))
        if upload := method.get("mediaUpload"):
            yield _pattern(upload["protocols"]["simple"]["path"])


def _pattern(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", r"[^/:]+", re.escape(path))


def _methods(resource: Mapping[str, Any]) -> Any:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _fields(schema: Mapping[str, Any]) -> dict[str, Field]:
    return {
        name: Field(_kind(inner), readonly=inner.get("readOnly", False), choices=frozenset(inner.get("enum", ())))
        for name, inner in schema.get("properties", {}).items()
    }


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"])
    if schema.get("type") == "array":
        return f"[{_kind(schema['items'])}]"
    if "additionalProperties" in schema:
        return f"{{{_kind(schema['additionalProperties'])}}}"
    return _SCALARS.get(str(schema.get("type")), "any")
