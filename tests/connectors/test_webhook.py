"""The webhook connector keeps the contract against a receiver that verifies every request."""

import secrets
import time
from collections.abc import Iterator

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jsonschema import Draft202012Validator

from mrm.connectors.protocol import AuthFailed, Invalid
from mrm.connectors.webhook.connector import wanted
from mrm.connectors.webhook.contract import DESIRED, OPENAPI
from tests.connectors.bench import Bench, applied, desired, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.faults import Answer, Exchange, FaultyProxy
from tests.connectors.receiver import Receiver, Verify, shared_secret
from tests.connectors.store import MemoryStore


class WebhookBench(Bench):
    id = "webhook"

    def __init__(self, receiver: Receiver, secret: str) -> None:
        self.receiver, self.secret = receiver, secret
        can = ["split", "shadow", "fallback", "inventory"]
        self.config = {"base_url": receiver.url, "signing_secret": "hook", "can": can}
        self.secrets = {"hook": secret}

    def disturb(self, endpoint: str) -> None:
        first = wanted(desired(endpoint, 1, version(MemoryStore(), 1)))
        self.receiver.states[endpoint] = first | {"revision": self.receiver.states[endpoint]["revision"]}

    def tamper(self, endpoint: str) -> None:
        digest = self.receiver.states[endpoint]["variants"][0]["digest"]
        self.receiver.files[digest, "model.onnx"] = b"other bytes"


@pytest.fixture(scope="module", params=[False, True], ids=["at once", "in steps"])
def bench(request: pytest.FixtureRequest) -> Iterator[WebhookBench]:
    secret = secrets.token_urlsafe(32)
    with Receiver(shared_secret(secret), slow=request.param) as receiver:
        yield WebhookBench(receiver, secret)


class TestWebhook(ConnectorContract):
    pass


def public(key: Ed25519PublicKey) -> Verify:
    def verify(content: bytes, signature: str) -> bool:
        scheme, _, given = signature.partition("=")
        try:
            key.verify(bytes.fromhex(given), content)
        except (InvalidSignature, ValueError):
            return False
        return scheme == "ed25519"

    return verify


def test_ed25519_needs_no_shared_secret() -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with Receiver(public(key.public_key())) as receiver:
        store = MemoryStore()
        backend = WebhookBench(receiver, pem).connector(store, scheme="ed25519")
        plan = desired("signed", 1, version(store, 1))
        applied(backend, plan)
        require_converged(backend, plan)
        assert pem not in f"{backend!r} {vars(backend)}"
        with pytest.raises(Invalid, match="not a private key in PEM"):
            WebhookBench(receiver, "no key").connector(scheme="ed25519")


@pytest.mark.parametrize("away", [-301, 301])
def test_request_from_another_time_is_refused(away: int) -> None:
    with Receiver(shared_secret("s"), clock=lambda: time.time() + away) as receiver:
        backend = WebhookBench(receiver, "s").connector()
        with pytest.raises(AuthFailed, match=r"seconds away from this clock"):
            backend.check()


def test_request_repeated_by_somebody_is_refused() -> None:
    """What was overheard cannot be sent again, nor sent with another body or to another path."""
    heard: list[Exchange] = []

    def overhear(exchange: Exchange) -> Answer:
        heard.append(exchange)
        return exchange.forward()

    with Receiver(shared_secret("s")) as receiver:
        store = MemoryStore()
        with FaultyProxy(receiver.url) as proxy, proxy.on(overhear, times=None):
            backend = WebhookBench(receiver, "s").connector(store, base_url=proxy.url)
            applied(backend, desired("heard", 1, version(store, 1)))
        last = heard[-1]
        assert (last.method, last.path) == ("PUT", "/endpoints/heard")
        receiver.states.clear()
        for path, body in ((last.path, last.body), (last.path, last.body + b" "), ("/endpoints/other", last.body)):
            headers = {k: v for k, v in last.headers.items() if k.lower() != "content-length"}
            answer = httpx.put(receiver.url + path, content=body, headers=headers, trust_env=False)
            assert answer.status_code == 401
        assert receiver.states == {}


def test_plan_fits_the_published_contract() -> None:
    store = MemoryStore()
    body = wanted(desired("fits", 1, version(store, 1)))
    Draft202012Validator(DESIRED).validate(body)
    assert OPENAPI["components"]["schemas"]["Desired"] is DESIRED
    for schema in OPENAPI["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_file_that_is_there_is_not_sent_twice(bench: WebhookBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store, send_files=False)
    plan = desired("by-reference", 1, version(store, 7))
    applied(backend, plan)
    assert backend.observe("by-reference").variants[0].digest is None
    applied(bench.connector(store), plan)
    require_converged(bench.connector(store), plan)
