"""Reading bodies within their limit and answering in JSON."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from mrm.core.fields import BadField

from .refusal import Refused


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON with arrays written directly; NaN becomes null."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers=headers, media_type="application/json")


async def wrong(request: Request, error: Exception) -> Response:
    """A field that is not what it must be, in the same shape."""
    assert isinstance(error, BadField)
    return answer({"error": error.message}, 400)


async def refused(request: Request, error: Exception) -> Response:
    """Every refusal as the protocol's error object."""
    assert isinstance(error, Refused)
    return answer(error.told(), error.status)


async def read_json(request: Request) -> Any:
    """The body as JSON, or a refusal when it is too large or not JSON."""
    limit: int = request.app.state.max_body
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refused(413, f"The request is larger than {limit} bytes.")
    try:
        return orjson.loads(bytes(body))
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The request is not valid JSON: {error}.") from None
