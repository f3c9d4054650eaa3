"""What a receiver must understand and answer, as an OpenAPI document that tools can read."""

from typing import Any

from ..settings import TEXT

_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_SHARE = {"type": "integer", "minimum": 0, "maximum": 10_000}
_ROLE = {"enum": ["champion", "challenger", "shadow", "fallback"]}


def _thing(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


FILE = _thing("name digest size", name=TEXT, digest=_DIGEST, size={"type": "integer", "minimum": 0})
WANTED = _thing(
    "role model version digest format uri files approval_id weight_bp mirror_bp features",
    role=_ROLE,
    model=TEXT,
    version=TEXT,
    digest=_DIGEST,
    format=TEXT,
    uri=TEXT,
    files={"type": "array", "minItems": 1, "items": FILE},
    approval_id=TEXT,
    weight_bp=_SHARE,
    mirror_bp=_SHARE,
    features={"type": "array", "items": TEXT},
)
DESIRED = _thing(
    "endpoint deployment revision fingerprint variants",
    endpoint=TEXT,
    deployment=TEXT,
    revision={"type": "integer", "minimum": 1},
    fingerprint=_DIGEST,
    variants={"type": "array", "minItems": 1, "items": WANTED},
)
SHOWN = _thing(
    "role model version digest ready weight_bp reason",
    role=_ROLE,
    model=TEXT,
    version=TEXT,
    digest={"anyOf": [_DIGEST, {"type": "null"}], "description": "Of the bytes as they are now, or null."},
    ready={"type": "boolean"},
    weight_bp=_SHARE,
    reason={"type": "string"},
    managed={"type": "boolean", "default": True},
)
STATE = _thing(
    "endpoint deployment revision etag variants",
    endpoint=TEXT,
    deployment=TEXT,
    revision={"type": "integer", "minimum": 1},
    etag=TEXT,
    variants={"type": "array", "items": SHOWN},
)
PROGRESS = _thing(
    "done message",
    done={"type": "boolean"},
    message={"type": "string"},
    handle=TEXT,
    poll_after={"type": "number", "minimum": 0, "maximum": 3600},
) | {"if": {"properties": {"done": {"const": False}}}, "then": {"required": ["handle"]}}
LISTING = _thing(
    "endpoints next",
    endpoints={"type": "array", "items": STATE},
    next={"type": ["string", "null"]},
)
ABOUT = _thing("name version", name=TEXT, version=TEXT)


def _answers(name: str, *others: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    refusals = {str(status): {"description": _MEANINGS[status]} for status in (401, *others)}
    return {"responses": {"200": {"description": "Done.", "content": content}, **refusals}}


_MEANINGS = {
    401: "The signature, its time or its number is not accepted.",
    404: "There is no such thing.",
    409: "It belongs to another deployment, or stands at a later revision.",
    412: "The state is not the one named in If-Match.",
    422: "The content is not understood.",
}
_JSON = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Desired"}}}}

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Receiver of deployments",
        "version": "1",
        "description": (
            "Every request carries Mrm-Timestamp, Mrm-Number, Mrm-Key, Mrm-Content-SHA256 and Mrm-Signature. Signed are "
            "the lines mrm-v1, method, path with query, timestamp, number, content digest and Idempotency-Key (empty "
            "when absent), joined by line breaks. Refuse with 401 a time more than 300 seconds away and a number that "
            "was seen before. The same Idempotency-Key must lead to the same state."
        ),
    },
    "paths": {
        "/": {"get": _answers("About")},
        "/artifacts/{digest}/{name}": {"head": _answers("About", 404), "put": _answers("About", 422)},
        "/endpoints": {"get": _answers("Listing")},
        "/endpoints/{endpoint}": {
            "get": _answers("State", 404),
            "put": {"requestBody": _JSON, **_answers("Progress", 409, 412, 422)},
            "delete": _answers("Progress", 404),
        },
        "/operations/{handle}": {"get": _answers("Progress", 404)},
    },
    "components": {
        "schemas": {"About": ABOUT, "Desired": DESIRED, "State": STATE, "Progress": PROGRESS, "Listing": LISTING}
    },
}
