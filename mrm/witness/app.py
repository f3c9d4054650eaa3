"""The witness as one ASGI application."""

import logging
import sqlite3

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .cosigner import Cosigner
from .refusal import Refused

MAX_BODY = 64 << 10
SIZE = "text/x.tlog.size"
log = logging.getLogger("mrm.witness")


async def add_checkpoint(request: Request) -> Response:
    cosigner: Cosigner = request.app.state.cosigner
    body = await _body(request)
    return PlainTextResponse(await run_in_threadpool(cosigner.add, body))


async def checkpoint(request: Request) -> Response:
    cosigner: Cosigner = request.app.state.cosigner
    return PlainTextResponse(await run_in_threadpool(cosigner.latest, request.path_params["origin"]))


async def key(request: Request) -> Response:
    """Whom the cosignatures are by. Take it from the witness's operator on another way as well."""
    return PlainTextResponse(request.app.state.cosigner.key.vkey + "\n")


async def healthz(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if error.size is not None:
        return Response(f"{error.size}\n", error.status, headers={"content-type": SIZE})
    return PlainTextResponse(f"{error.message}\n", error.status)


async def forgetful(request: Request, error: Exception) -> Response:
    log.error("the memory of the witness fails: %s", error)
    return PlainTextResponse("The witness cannot keep what it sees, so it cosigns nothing; its log says why.\n", 503)


async def unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}.\n", error.status_code, headers=error.headers)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(413, f"The request is larger than {MAX_BODY} bytes.")
    return bytes(body)


def create_app(cosigner: Cosigner) -> Starlette:
    app = Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/checkpoint/{origin:path}", checkpoint),
            Route("/key", key),
            Route("/healthz", healthz),
        ],
        exception_handlers={Refused: refused, sqlite3.Error: forgetful, HTTPException: unknown},
    )
    app.state.cosigner = cosigner
    return app
