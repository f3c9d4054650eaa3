"""What a request asks for: its path, its id, its unit, its body."""

import itertools
import re
import secrets
from typing import Any, NamedTuple

import orjson
from starlette.types import Receive, Scope

from .refusal import Refused

_OURS, _count = secrets.token_hex(10), itertools.count()  # of this process; no random bytes are fetched for each
_ID = re.compile(r"[\x21-\x7e]{1,100}")


class Asked(NamedTuple):
    """One inference request as it came in."""

    endpoint: str
    version: str | None
    id: str
    authorization: bytes


def is_inference(scope: Scope) -> bool:
    path: str = scope.get("path", "")
    return scope["type"] == "http" and path.startswith("/v2/models/") and path.endswith("/infer")


def asked(scope: Scope) -> Asked:
    """Where the request goes, who sends it, and the id that the log will know it by, if the caller gives one."""
    parts = scope["path"].split("/")
    if not (len(parts) == 5 or (len(parts) == 7 and parts[4] == "versions")):
        raise Refused(404, "Not Found.")
    if scope["method"] != "POST":
        raise Refused(405, "Method Not Allowed.")
    given, authorization = "", b""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
        elif name == b"authorization":
            authorization = value
        elif name == b"inference-header-content-length":
            raise Refused(400, "Binary tensor data is not supported; send JSON.")
    return Asked(parts[3], parts[5] if len(parts) == 7 else None, _checked_id(given), authorization)


async def read(receive: Receive, limit: int) -> bytes:
    """The body within its limit."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The caller went away before the request was complete.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise Refused(413, f"The request is larger than {limit} bytes.")
        if not message.get("more_body", False):
            return b"".join(parts)


def parsed(raw: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The request is not valid JSON: {error}.") from None
    if not isinstance(body, dict):
        raise Refused(400, "The request must be a JSON object.")
    return body


def unit_of(body: dict[str, Any], field: str) -> str | None:
    """The customer or account that the request is about, where it names one."""
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise Refused(400, "The field parameters must be a JSON object.")
    unit = parameters.get(field)
    if unit is None:
        return None
    if isinstance(unit, str):
        return unit
    if isinstance(unit, bool) or not isinstance(unit, int):
        raise Refused(400, f"parameters.{field} must be a text or a whole number.")
    return str(unit)


def reference_of(body: dict[str, Any]) -> dict[str, str]:
    """Where the caller keeps what he asked with, as the endpoint's log asks for."""
    reference = body["parameters"].get("reference") if isinstance(body.get("parameters"), dict) else None
    if not isinstance(reference, str) or not 1 <= len(reference) <= 500:
        raise Refused(
            400, "This endpoint logs its inputs by reference: say in parameters.reference where you keep them."
        )
    return {"reference": reference}


def id_of(request: Asked, body: dict[str, Any]) -> str:
    """The header's id, else that of the body, else a fresh one."""
    within = request.id or body.get("id")
    return within if isinstance(within, str) and _ID.fullmatch(within) else fresh_id()


def fresh_id() -> str:
    """32 hexadecimal digits that no other request has."""
    return f"{_OURS}{next(_count):012x}"


def _checked_id(given: str) -> str:
    if given and not _ID.fullmatch(given):
        raise Refused(400, "The header X-Request-ID takes 1 to 100 printable characters without spaces.")
    return given
