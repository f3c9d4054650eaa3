"""The Open Inference Protocol V2: health, metadata and the repository index. Inference stands in inference.py."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from .endpoint import Endpoint, Loaded
from .exchange import answer, read_json
from .serving import Serving

NAME, VERSION = "mrm-gateway", "1"
_PLATFORM = "onnxruntime_onnx"


async def server(request: Request) -> Response:
    return answer({"name": NAME, "version": VERSION, "extensions": ["model_repository"]})


async def live(request: Request) -> Response:
    return answer({"live": True})


async def ready(request: Request) -> Response:
    """Ready when everything that should be served is loaded."""
    serving = _serving(request)
    reasons = [*serving.damaged]
    for name, endpoint in serving.endpoints.items():
        reasons += [f"{name}: {item.reason}" for item in endpoint.loaded if item.reason]
    return answer({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


async def metadata(request: Request) -> Response:
    endpoint, item = _addressed(request)
    model = item.require()
    return answer(
        {
            "name": endpoint.stored.endpoint,
            "versions": [other.variant.version for other in endpoint.loaded],
            "platform": _PLATFORM,
            "inputs": [tensor.described() for tensor in model.inputs],
            "outputs": [tensor.described() for tensor in model.outputs],
            "parameters": endpoint.told[item.variant.version],
        }
    )


async def model_ready(request: Request) -> Response:
    """One version, or the whole endpoint when none is named."""
    endpoint, item = _addressed(request)
    named = "version" in request.path_params
    reasons = [other.reason for other in ([item] if named else endpoint.loaded) if other.reason]
    body = {"name": endpoint.stored.endpoint, "ready": not reasons}
    return answer(body | ({"reason": " ".join(reasons)} if reasons else {}), 503 if reasons else 200)


async def index(request: Request) -> Response:
    """Every version with its state; `ready` restricts the list to those that answer."""
    body = await read_json(request) if await _has_body(request) else {}
    only_ready = isinstance(body, dict) and body.get("ready") is True
    return answer(
        [
            {
                "name": name,
                "version": item.variant.version,
                "state": "UNAVAILABLE" if item.reason else "READY",
                "reason": item.reason,
            }
            for name, endpoint in sorted(_serving(request).endpoints.items())
            for item in endpoint.loaded
            if not (only_ready and item.reason)
        ]
    )


def _addressed(request: Request) -> tuple[Endpoint, Loaded]:
    endpoint = _serving(request).endpoint(request.path_params["model"])
    return endpoint, endpoint.version(request.path_params.get("version"))


def _serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


async def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


_MODEL = "/v2/models/{model}"
_ONE = _MODEL + "/versions/{version}"
ROUTES = [
    Path("/v2", server),
    Path("/v2/health/live", live),
    Path("/v2/health/ready", ready),
    *(Path(base, metadata) for base in (_MODEL, _ONE)),
    *(Path(base + "/ready", model_ready) for base in (_MODEL, _ONE)),
    Path("/v2/repository/index", index, methods=["POST"]),
]
