"""The control interface: artifacts in, routes in, observed state out. Bearer token on every call."""

import asyncio
import hmac
import logging
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mrm.core.fields import an_object, text

from .artifacts import complaint
from .exchange import answer, read_json
from .refusal import Refused
from .serving import Serving

_logger = logging.getLogger(__name__)


async def put_artifact(request: Request) -> Response:
    """Store a file under its SHA-256. Sending it again changes nothing."""
    digest = request.path_params["digest"]
    size = await _serving(request).artifacts.receive(digest, request.stream())
    return answer({"digest": digest, "size": size}, 201)


async def has_artifact(request: Request) -> Response:
    """200 when the file is there and intact, 404 otherwise."""
    digest = request.path_params["digest"]
    wrong = complaint(digest, await asyncio.to_thread(_serving(request).artifacts.found, digest))
    return answer({"error": wrong}, 404) if wrong else answer({"digest": digest})


async def list_endpoints(request: Request) -> Response:
    serving = _serving(request)
    found = [await asyncio.to_thread(serving.observed, name) for name in sorted(serving.endpoints)]
    return answer({"endpoints": found, "damaged": serving.damaged})


async def get_endpoint(request: Request) -> Response:
    return await _observed(request, 200)


async def put_endpoint(request: Request) -> Response:
    """Apply a complete route; the answer is the state observed afterwards."""
    serving, name = _serving(request), request.path_params["name"]
    status = 200 if name in serving.endpoints else 201
    await serving.apply(name, await read_json(request), request.headers.get("if-match"))
    return await _observed(request, status)


async def delete_endpoint(request: Request) -> Response:
    await _serving(request).delete(request.path_params["name"], request.headers.get("if-match"))
    return Response(status_code=204)


async def fail_back(request: Request) -> Response:
    """Let versions that were passed over answer again: a person's decision, with the reason."""
    body = an_object(await read_json(request), "The request")
    text(body, "person")
    text(body, "reason")
    _serving(request).fail_back(request.path_params["name"])
    _logger.warning("%s is back, by %s: %s", request.path_params["name"], body["person"], body["reason"])
    return await _observed(request, 200)


async def put_approval(request: Request) -> Response:
    """Hear from the control plane whether an approval still stands."""
    told = _serving(request).approvals.tell(request.path_params["approval"], await read_json(request))
    return answer(asdict(told))


async def list_tenants(request: Request) -> Response:
    return answer({"tenants": request.app.state.doors.listed()})


async def put_tenant(request: Request) -> Response:
    """Set who may ask which endpoints, with which tokens (their SHA-256) and how often."""
    return answer(request.app.state.doors.put(request.path_params["tenant"], await read_json(request)))


async def delete_tenant(request: Request) -> Response:
    request.app.state.doors.remove(request.path_params["tenant"])
    return Response(status_code=204)


async def list_approvals(request: Request) -> Response:
    return answer({"approvals": [asdict(each) for each in _serving(request).approvals.all_fallen()]})


async def _observed(request: Request, status: int) -> Response:
    found = await asyncio.to_thread(_serving(request).observed, request.path_params["name"])
    return answer(found, status, {"ETag": f'"{found["etag"]}"'})


def _serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


class Guarded:
    """Lets a request through to the control interface only with the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                raise Refused(401, "The control interface needs the gateway's token.")
        await self._app(scope, receive, send)


def control(token: str) -> ASGIApp:
    return Guarded(
        Router(
            [
                Path("/artifacts/{digest}", put_artifact, methods=["PUT"]),
                Path("/artifacts/{digest}", has_artifact, methods=["GET"]),
                Path("/endpoints", list_endpoints),
                Path("/endpoints/{name}", get_endpoint),
                Path("/endpoints/{name}", put_endpoint, methods=["PUT"]),
                Path("/endpoints/{name}", delete_endpoint, methods=["DELETE"]),
                Path("/endpoints/{name}/failback", fail_back, methods=["POST"]),
                Path("/approvals", list_approvals),
                Path("/tenants", list_tenants),
                Path("/tenants/{tenant}", put_tenant, methods=["PUT"]),
                Path("/tenants/{tenant}", delete_tenant, methods=["DELETE"]),
                Path("/approvals/{approval}", put_approval, methods=["PUT"]),
            ]
        ),
        token,
    )
