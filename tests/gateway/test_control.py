"""The control interface: who may, what is refused, and what survives."""

import hashlib
import random
import signal
import stat
import threading
import time

import httpx
import onnx
import pytest

from tests.gateway.models import columns, matrix, request, zipmapped
from tests.gateway.process import GatewayProcess, variant


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_token_file_is_private(gateway: GatewayProcess) -> None:
    assert stat.S_IMODE(gateway.token_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/control/endpoints"),
        ("GET", "/control/endpoints/x"),
        ("PUT", "/control/endpoints/x"),
        ("DELETE", "/control/endpoints/x"),
        ("PUT", f"/control/artifacts/{'0' * 64}"),
        ("GET", f"/control/artifacts/{'0' * 64}"),
    ],
)
def test_control_needs_the_token(gateway: GatewayProcess, method: str, path: str) -> None:
    assert error(gateway.call(method, path, token="wrong")) == (
        401,
        "The control interface needs the gateway's token.",
    )


def test_bytes_must_have_their_digest(gateway: GatewayProcess) -> None:
    answer = gateway.call("PUT", f"/control/artifacts/{'0' * 64}", content=b"other")
    assert error(answer) == (422, "The bytes received do not have the digest they were sent under.")
    assert gateway.call("GET", f"/control/artifacts/{'0' * 64}").status_code == 404


def test_digest_is_no_path(gateway: GatewayProcess) -> None:
    answer = gateway.call("PUT", "/control/artifacts/..%5c..", content=b"")
    assert error(answer) == (400, "A digest is a SHA-256 in lower-case hex.")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"role": "canary"},
            "The role 'canary' is not served here; known roles are champion, challenger, shadow, fallback.",
        ),
        ({"digest": "x"}, "A digest is a SHA-256 in lower-case hex."),
        (
            {"weight_bp": 9_000},
            "The shares of the traffic add up to 9000 basis points instead of 10000.",
        ),
        ({"weight_bp": True}, "The field weight_bp must be a whole number from 0 to 10000."),
        ({"role": "challenger"}, "A route needs exactly one champion."),
        ({"approval_id": ""}, "The field approval_id must be a text."),
        ({"features": ["a", "a"]}, "The field features names a feature twice."),
        ({"features": ["a"]}, "The route names 1 features; the model takes 4."),
        ({"digest": "0" * 64}, f"The artifact {'0' * 64} was never uploaded or is missing."),
    ],
)
def test_refused_route_leaves_the_old_one_serving(
    gateway: GatewayProcess, change: dict[str, object], sentence: str
) -> None:
    gateway.upload(matrix(1))
    gateway.apply("kept", variant(matrix(1), "1"))
    answer = gateway.apply("kept", variant(matrix(1), "2") | change, revision=2)
    assert answer.status_code in (400, 409, 422)
    assert answer.json() == {"error": sentence}
    assert gateway.infer("kept", request()).json()["model_version"] == "1"
    assert gateway.call("GET", "/control/endpoints/kept").json()["revision"] == 1


def _put(gateway: GatewayProcess, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    gateway.call("PUT", f"/control/artifacts/{digest}", content=content)
    return digest


def _external() -> bytes:
    model = onnx.load_model_from_string(matrix(1).content)
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type = "outside", onnx.TensorProto.FLOAT
    tensor.dims.append(1)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    return model.SerializeToString()


def _custom() -> bytes:
    model = onnx.load_model_from_string(matrix(1).content)
    model.opset_import.add(domain="evil.ops", version=1)
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no model", "The file is not an ONNX model"),
        (zipmapped(), "export classifiers with zipmap off"),
        (_custom(), "The model uses operators that are not allowed: evil.ops."),
        (_external(), "data outside its own file"),
    ],
    ids=["garbage", "zipmap", "custom operators", "external data"],
)
def test_unwanted_models_are_refused(gateway: GatewayProcess, content: bytes, sentence: str) -> None:
    digest = _put(gateway, content)
    status, said = error(gateway.apply("unwanted", variant(matrix(1), "1") | {"digest": digest}))
    assert status == 422
    assert sentence in said
    assert gateway.call("GET", "/control/endpoints/unwanted").status_code == 404


def test_same_route_again_changes_nothing(gateway: GatewayProcess) -> None:
    gateway.upload(matrix(1))
    first = gateway.apply("same", variant(matrix(1), "1"))
    again = gateway.apply("same", variant(matrix(1), "1"))
    assert first.status_code == 201
    assert again.status_code == 200
    assert again.json()["etag"] == first.json()["etag"]
    assert again.headers["etag"] == f'"{first.json()["etag"]}"'


def test_older_revision_and_foreign_deployment_need_the_etag(gateway: GatewayProcess) -> None:
    gateway.upload(matrix(1))
    etag = gateway.apply("owned", variant(matrix(1), "1"), revision=3).headers["etag"]
    assert error(gateway.apply("owned", variant(matrix(1), "0"), revision=2)) == (
        409,
        "The endpoint owned is already at revision 3.",
    )
    foreign = {"deployment": "d-2", "revision": 1, "variants": [variant(matrix(1), "1")]}
    path = "/control/endpoints/owned"
    assert gateway.call("PUT", path, json=foreign).status_code == 409
    stale = gateway.call("PUT", path, json=foreign, headers={"If-Match": '"stale"'})
    assert error(stale) == (412, "The endpoint was changed since it was observed.")
    assert gateway.call("PUT", path, json=foreign, headers={"If-Match": etag}).status_code == 200
    assert gateway.call("DELETE", path, headers={"If-Match": etag}).status_code == 412


def test_split_is_sticky_and_near_its_share(gateway: GatewayProcess) -> None:
    for seed in (1, 2):
        gateway.upload(matrix(seed))
    gateway.apply(
        "split",
        variant(matrix(1), "1", 8_000),
        variant(matrix(2), "2", 2_000, role="challenger"),
    )
    units = [f"customer-{i}" for i in range(200)]
    versions = [_version(gateway, "split", unit) for unit in units]
    assert 20 < versions.count("2") < 60
    assert versions[:20] == [_version(gateway, "split", unit) for unit in units[:20]]
    gateway.apply(
        "split",
        variant(matrix(1), "1", 5_000),
        variant(matrix(2), "2", 5_000, role="challenger"),
        revision=2,
    )
    moved = [_version(gateway, "split", unit) for unit in units]
    assert all(after == "2" for before, after in zip(versions, moved, strict=True) if before == "2")


def _version(gateway: GatewayProcess, endpoint: str, unit: str) -> str:
    body = request(parameters={"unit": unit})
    return gateway.infer(endpoint, body).json()["model_version"]


def test_split_without_a_unit_is_refused(gateway: GatewayProcess) -> None:
    for trained in (matrix(1), columns()):
        gateway.upload(trained)
    gateway.apply(
        "anonymous",
        variant(matrix(1), "1", 5_000),
        variant(columns(), "2", 5_000, role="challenger"),
    )
    assert gateway.infer("anonymous", request()).status_code == 400
    assert gateway.infer("anonymous/versions/1", request()).json()["model_version"] == "1"


def test_state_survives_a_restart(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    before = own_gateway.apply("credit", variant(matrix(1), "1")).json()
    answer = own_gateway.infer("credit", request()).json()
    own_gateway.restart()
    assert own_gateway.call("GET", "/control/endpoints/credit").json() == before
    assert own_gateway.infer("credit", request()).json() == answer


def test_tampered_file_is_seen_while_running_and_refused_at_start(
    own_gateway: GatewayProcess,
) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"))
    own_gateway.tamper(matrix(1).digest)
    reason = f"The stored file of {matrix(1).digest} was changed and is refused."
    running = own_gateway.call("GET", "/control/endpoints/credit").json()["variants"][0]
    assert (running["ready"], running["digest"], running["reason"]) == (
        True,
        matrix(1).digest,
        reason,
    )

    own_gateway.restart()
    loaded = own_gateway.call("GET", "/control/endpoints/credit").json()["variants"][0]
    assert (loaded["ready"], loaded["digest"], loaded["reason"]) == (False, None, reason)
    assert error(own_gateway.infer("credit", request())) == (
        503,
        f"Version 1 is not ready: {reason}",
    )
    ready = own_gateway.call("GET", "/v2/models/credit/ready")
    assert (ready.status_code, ready.json()["reason"]) == (503, reason)
    assert own_gateway.call("GET", "/v2/health/ready").status_code == 503

    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"))
    assert own_gateway.infer("credit", request()).status_code == 200
    assert len(list((own_gateway.root / "refused").iterdir())) == 1


def test_damaged_route_file_is_reported(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"))
    own_gateway.stop()
    place = next((own_gateway.root / "routes").glob("*.json"))
    place.write_text("{")
    own_gateway.start()
    found = own_gateway.call("GET", "/v2/health/ready")
    assert found.status_code == 503
    assert found.json()["reasons"] == [f"The route file {place.name} is damaged and is not served."]


def test_killed_while_applying_leaves_old_or_new(own_gateway: GatewayProcess) -> None:
    for seed in (1, 2):
        own_gateway.upload(matrix(seed))
    own_gateway.apply("credit", variant(matrix(1), "1"), revision=1)
    confirmed, chance = 1, random.Random(7)
    for _ in range(4):
        confirmed = _apply_until_killed(own_gateway, confirmed, chance.uniform(0.02, 0.12))
        own_gateway.start()
        found = own_gateway.call("GET", "/control/endpoints/credit").json()
        assert found["ready"] is True
        assert found["revision"] in (confirmed, confirmed + 1)
        version = str(found["revision"])
        assert found["variants"][0]["version"] == version
        assert own_gateway.infer("credit", request()).json()["model_version"] == version
        confirmed = found["revision"]


def _apply_until_killed(gateway: GatewayProcess, revision: int, seconds: float) -> int:
    """Apply one revision after another until the process is killed; the last one confirmed."""

    def kill() -> None:
        time.sleep(seconds)
        gateway.stop(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        while True:
            following = revision + 1
            trained = matrix(1 + revision % 2)
            assert gateway.apply("credit", variant(trained, str(following)), revision=following).is_success
            revision = following
    except httpx.HTTPError:
        killer.join()
        return revision


def test_two_gateways_do_not_share_a_folder(own_gateway: GatewayProcess, capfd: pytest.CaptureFixture) -> None:
    second = GatewayProcess(own_gateway.root.parent)
    with pytest.raises(AssertionError):
        second.start()
    second.stop()
    assert "another gateway already serves" in capfd.readouterr().err
