"""Challengers answer, shadows look on, the backup steps in."""

import threading
import time

import pytest

from mrm.gateway.shadow import Shadows
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant
from tests.gateway.trouble import SLOW, WELL, troubled


@pytest.fixture(scope="module")
def roles(gateway: GatewayProcess) -> GatewayProcess:
    for seed in (1, 2, 3):
        gateway.upload(matrix(seed))
    return gateway


def counted(gateway: GatewayProcess, labels: str) -> int:
    lines = gateway.call("GET", "/metrics").text.splitlines()
    return sum(
        int(line.split()[-1]) for line in lines if line.startswith("mrm_gateway_requests_total") and labels in line
    )


def settled(gateway: GatewayProcess, labels: str, number: int, seconds: float = 2) -> int:
    """The count once it is reached, or what it is after some seconds."""
    end = time.monotonic() + seconds
    while (found := counted(gateway, labels)) < number and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_shadow_sees_the_same_units_and_answers_nobody(roles: GatewayProcess) -> None:
    shadow = variant(matrix(2), "2", 0, role="shadow", mirror_bp=5_000)
    assert roles.apply("shadowed", variant(matrix(1), "1"), shadow).is_success
    units = [request(parameters={"unit": f"customer-{i}"}) for i in range(60)]
    assert {roles.infer("shadowed", body).json()["model_version"] for body in units} == {"1"}
    labels = 'endpoint="shadowed",version="2",role="shadow",status="200"'
    seen = settled(roles, labels, 15)
    assert 15 < seen < 45
    for body in units:
        roles.infer("shadowed", body)
    assert settled(roles, labels, 2 * seen) == 2 * seen
    asked = roles.infer("shadowed/versions/2", request())
    assert asked.status_code == 200, "the control plane scores its golden rows"
    asked = roles.call("POST", "/v2/models/shadowed/versions/2/infer", token="nobody", json=request())
    assert (asked.status_code, asked.json()) == (
        403,
        {"error": "Version 2 only sees mirrored requests; it is not asked by name."},
    )


def test_shadow_that_fails_is_counted_and_harms_nobody(roles: GatewayProcess) -> None:
    other = variant(matrix(2), "2", 0, role="shadow", mirror_bp=10_000, features=["a", "b", "c", "d"])
    roles.apply("failing-shadow", variant(matrix(1), "1", features=["w", "x", "y", "z"]), other)
    inputs = [{"name": n, "datatype": "FP32", "shape": [1], "data": [1.0]} for n in "wxyz"]
    assert roles.infer("failing-shadow", {"inputs": inputs}).status_code == 200
    labels = 'endpoint="failing-shadow",version="2",role="shadow",status="400"'
    assert settled(roles, labels, 1, seconds=10) == 1


def test_slow_shadow_takes_no_time_of_the_answer(roles: GatewayProcess) -> None:
    roles.upload(troubled())
    shadow = variant(troubled(), "2", 0, role="shadow", mirror_bp=10_000)
    rules = {"failover": {"timeout_ms": 500}}
    assert roles.apply("slow-shadow", variant(matrix(1), "1"), shadow, serving=rules).is_success
    roles.infer("slow-shadow", request([WELL]))
    for _ in range(3):
        roles.infer("slow-shadow", request([SLOW]))
    labels = 'endpoint="slow-shadow"'
    assert counted(roles, labels) < 8, "answered before the shadow was through"
    assert settled(roles, labels, 8, seconds=20) == 8


def test_shadows_beyond_the_queue_are_dropped_and_counted() -> None:
    shadows, held, done = Shadows(limit=1), threading.Event(), threading.Event()
    shadows.offer(held.wait)
    while shadows.waiting:
        time.sleep(0.01)
    shadows.offer(done.set)
    shadows.offer(done.set)
    assert (shadows.waiting, shadows.dropped) == (1, 1)
    held.set()
    assert done.wait(5)


def test_backup_answers_for_a_version_that_is_not_ready(own_gateway: GatewayProcess) -> None:
    for seed in (1, 3):
        own_gateway.upload(matrix(seed))
    own_gateway.apply("credit", variant(matrix(1), "1"), variant(matrix(3), "3", 0, role="fallback"))
    assert own_gateway.infer("credit", request()).json()["model_version"] == "1"
    own_gateway.tamper(matrix(1).digest)
    own_gateway.restart()
    found = own_gateway.infer("credit", request()).json()
    reason = f"The stored file of {matrix(1).digest} was changed and is refused."
    assert (found["model_version"], found["parameters"]["role"]) == ("3", "fallback")
    assert (found["parameters"]["flags"], found["parameters"]["reason"]) == (
        ["not_ready"],
        f"Version 1 is not ready: {reason}",
    )
    named = own_gateway.infer("credit/versions/1", request())
    assert (named.status_code, named.json()["code"]) == (503, "refer_to_manual")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"role": "shadow", "weight_bp": 1}, "Only champion and challengers take a share of the traffic."),
        ({"role": "challenger", "weight_bp": 0, "mirror_bp": 1}, "Only a shadow is sent mirrored requests."),
    ],
)
def test_shares_belong_to_their_roles(roles: GatewayProcess, change: dict[str, object], sentence: str) -> None:
    answer = roles.apply("wrong", variant(matrix(1), "1"), variant(matrix(2), "2") | change)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


def test_request_id_is_the_callers_or_made(roles: GatewayProcess) -> None:
    roles.apply("named", variant(matrix(1), "1"))
    path = "/v2/models/named/infer"
    given = roles.call("POST", path, json=request(), headers={"X-Request-ID": "r-1"})
    assert given.headers["x-request-id"] == "r-1"
    assert len(roles.call("POST", path, json=request()).headers["x-request-id"]) == 32
    wrong = roles.call("POST", path, json=request(), headers={"X-Request-ID": "r" * 101})
    assert wrong.json() == {"error": "The header X-Request-ID takes 1 to 100 printable characters without spaces."}
