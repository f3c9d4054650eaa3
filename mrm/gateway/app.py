"""The gateway as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from mrm.core.fields import BadField

from . import oip
from .control import control
from .doors import Doors
from .exchange import answer, refused, wrong
from .inference import Inference
from .metrics import Metrics
from .refusal import Refused
from .serving import Serving
from .shadow import Shadows
from .spool import Spool

MAX_BODY = 8 << 20
MAX_ARTIFACT = 512 << 20


async def healthz(request: Request) -> Response:
    return answer({"status": "ok"})


async def metrics(request: Request) -> Response:
    counters: Metrics = request.app.state.metrics
    return PlainTextResponse(counters.text())


async def unknown(request: Request, error: Exception) -> Response:
    """Paths and methods that do not exist, in the same shape as every refusal."""
    assert isinstance(error, HTTPException)
    return answer({"error": f"{error.detail}."}, error.status_code)


def create_app(
    root: Path,
    token: str,
    *,
    max_body: int = MAX_BODY,
    max_artifact: int = MAX_ARTIFACT,
    route_key: bytes | None = None,
    closed: bool = False,
) -> ASGIApp:
    """Restore the state under `root` and serve it."""
    spool = Spool(root)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        spool.close()

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            *oip.ROUTES,
            Mount("/control", control(token)),
        ],
        exception_handlers={Refused: refused, BadField: wrong, HTTPException: unknown},
        lifespan=lifespan,
    )
    state = app.state
    state.serving, state.shadows, state.spool = Serving.open(root, max_artifact, route_key), Shadows(), spool
    state.doors = Doors(root, token, closed=closed)
    state.metrics, state.max_body = Metrics(state.serving, state.shadows, spool), max_body
    return Inference(app, state.serving, state.metrics, state.shadows, spool, state.doors, max_body)
