"""Who may ask, how often, and what a body may be."""

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.load import ask_all
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant
from tests.gateway.test_roles import counted

TOKEN = "a-tenant's-token-of-some-length"


def tenant(token: str = TOKEN, **more: Any) -> dict[str, Any]:
    return {"tokens": [hashlib.sha256(token.encode()).hexdigest()], "endpoints": ["loans"], "per_second": 1_000} | more


def ask(gateway: GatewayProcess, token: str | None, endpoint: str = "loans") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=5) as client:
        return client.post(f"/v2/models/{endpoint}/infer", json=request(), headers=headers)


@pytest.fixture(scope="module")
def loans(gateway: GatewayProcess) -> GatewayProcess:
    gateway.upload(matrix(1))
    for name in ("loans", "cards", "open"):
        gateway.apply(name, variant(matrix(1), "1"))
    assert gateway.call("PUT", "/control/tenants/lender", json=tenant()).is_success
    assert gateway.call("PUT", "/control/tenants/issuer", json=tenant("issuer's", endpoints=["cards"])).is_success
    return gateway


@pytest.mark.parametrize(
    ("token", "endpoint", "status", "code"),
    [
        (TOKEN, "loans", 200, None),
        (None, "loans", 401, "no_token"),
        ("wrong", "loans", 401, "no_token"),
        ("issuer's", "loans", 403, "not_yours"),
        (None, "open", 200, None),
        ("wrong", "open", 200, None),
    ],
)
def test_endpoint_of_a_tenant_asks_for_its_token(
    loans: GatewayProcess, token: str | None, endpoint: str, status: int, code: str | None
) -> None:
    answer = ask(loans, token, endpoint)
    assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_token_is_kept_hashed_and_shown_cut_short(loans: GatewayProcess) -> None:
    kept = (loans.root / "tenants.json").read_text()
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    assert digest in kept
    assert TOKEN not in kept
    assert digest not in loans.call("GET", "/control/tenants").text


def test_tenant_that_asks_too_often_waits(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("loans", variant(matrix(1), "1"))
    own_gateway.call("PUT", "/control/tenants/lender", json=tenant(per_second=1, burst=2))
    own_gateway.restart()
    found = [ask(own_gateway, TOKEN) for _ in range(4)]
    assert [answer.status_code for answer in found[:2]] == [200, 200]
    late = next(answer for answer in found if answer.status_code == 429)
    assert late.json() == {"error": "The tenant lender may ask 1 times a second.", "code": "too_often"}
    assert late.headers["retry-after"] == "1"
    time.sleep(1.1)
    assert ask(own_gateway, TOKEN).status_code == 200
    assert own_gateway.call("DELETE", "/control/tenants/lender").status_code == 204
    assert ask(own_gateway, None).status_code == 200
    own_gateway.stop()
    own_gateway.start("--closed")
    assert ask(own_gateway, None).status_code == 401


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (tenant(tokens=["plain"]), "A digest is a SHA-256 in lower-case hex."),
        (tenant(endpoints=[]), "The field endpoints must be a list of names, one at least."),
        (tenant(per_second=0), "The field per_second must be a whole number from 1 to 1000000."),
        (tenant(rate=5), "The tenant has the unknown field rate."),
        (tenant("issuer's"), "A token belongs to the tenant issuer already."),
    ],
)
def test_bad_tenant_is_told_why(loans: GatewayProcess, body: dict[str, Any], sentence: str) -> None:
    assert loans.call("PUT", "/control/tenants/other", json=body).json() == {"error": sentence}


def malformed(number: int) -> Iterator[bytes]:
    """Bodies that are none: cut, nested, mistyped, overflowing, or noise."""
    chance = random.Random(6)
    whole = json.dumps(request()).encode()
    values: list[Any] = [None, True, -1, 2**70, 1e308, "x", [], {}, [[]], [None], {"a": 1}, "\ud800", [[1, [2]]]]
    fields = ("name", "datatype", "shape", "data")

    def cut() -> bytes:
        return whole[: chance.randrange(1, len(whole) - 1)]

    def noise() -> bytes:
        return b"\xff" + chance.randbytes(chance.randrange(200))

    def nested() -> bytes:
        depth = chance.randrange(100, 5_000)
        return b'{"inputs": ' + b"[" * depth + b"]" * depth + b"}"

    def mistyped() -> bytes:
        tensor = dict(request()["inputs"][0])
        tensor[chance.choice(fields)] = chance.choice(values)
        return json.dumps({"inputs": [tensor]}).encode()

    def missing() -> bytes:
        tensor = dict(request()["inputs"][0])
        del tensor[chance.choice(fields)]
        return json.dumps({"inputs": [tensor] * chance.randrange(3)}).encode()

    def deep_data() -> bytes:
        tensor = dict(request()["inputs"][0])
        data: Any = 1.0
        for _ in range(chance.randrange(3, 200)):
            data = [data]
        return json.dumps({"inputs": [tensor | {"data": data, "shape": [2**62, chance.randrange(9)]}]}).encode()

    def elsewhere() -> bytes:
        part = {chance.choice(["inputs", "parameters", "outputs"]): chance.choice([3, "x", [3], {"unit": []}, True])}
        return json.dumps(request() | part | {"inputs": 3}).encode()

    makers: list[Callable[[], bytes]] = [cut, noise, nested, mistyped, missing, deep_data, elsewhere]
    for place in range(number):
        yield makers[place % len(makers)]()


def test_ten_thousand_malformed_bodies_are_refused_one_by_one(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"))
    found = ask_all(own_gateway.url, "/v2/models/credit/infer", malformed(10_000), keep=True)
    assert len(found.statuses) == 10_000
    wrong = [body for status, body in zip(found.statuses, found.bodies, strict=True) if not 400 <= status < 500]
    assert wrong == []
    assert all(json.loads(body)["error"].endswith(".") for body in set(found.bodies))
    assert own_gateway.infer("credit", request()).status_code == 200
    assert counted(own_gateway, 'status="400"') == 10_000
