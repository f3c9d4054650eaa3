"""A workspace at Azure's resource manager: what lies below its path is read, written and read back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from ..errors import Invalid, NotFound
from ..http import Backend
from ..reading import things
from ..values import Op
from . import plan
from .plan import WHO

_API = "2023-04-01"


class Workspace:
    """Paths begin below the workspace, as in `/onlineEndpoints`."""

    def __init__(self, backend: Backend, path: str) -> None:
        self._backend, self.path = backend, path

    def call(
        self, method: str, path: str, op: Op | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return self._backend.json(method, self._url(path, query), op=op)

    def found(self, path: str, op: Op | None = None) -> dict[str, Any] | None:
        """What lies there, or None."""
        try:
            return self.call("GET", path, op)
        except NotFound:
            return None

    def put(self, path: str, body: dict[str, Any], op: Op | None) -> dict[str, Any]:
        """What comes back must hold what was sent: a field that is silently dropped is an error."""
        found = self._backend.json("PUT", self._url(path), body=body, op=op)
        if field := plan.dropped(body, found):
            raise Invalid(f"{WHO} took the change without its {field}.")
        return found

    def pages(self, path: str, op: Op | None = None) -> list[dict[str, Any]]:
        found = self.call("GET", path, op)
        items = things(found, "value", WHO)
        while cursor := skip(found):
            found = self.call("GET", path, op, {"$skip": cursor})
            items += things(found, "value", WHO)
        return items

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return f"{self.path}{path}?{urlencode({'api-version': _API, **(query or {})})}"


def skip(found: Mapping[str, Any], mark: str = "$skip") -> str | None:
    """Azure gives the whole address of the next page; only the mark in it is used."""
    values = parse_qs(urlsplit(str(found.get("nextLink") or "")).query).get(mark)
    return values[0] if values else None
