"""Ten thousand requests that are none: each is told why, each is counted, and the next good one is answered."""

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.gateway.load import ask_all
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant

COUNT = 10_000
WELL = json.dumps(request()).encode()
NONE = [
    b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe\x00", b"{}", b'{"inputs": null}', b'{"inputs": [null]}',
    b'{"inputs": [{}]}', b"[" * 5_000, b'{"a":' * 5_000, b'{"inputs": [' + b"9" * 5_000 + b"]}",
]  # fmt: skip
CHANGES: list[dict[str, object]] = [
    {"name": "Y"}, {"name": 7}, {"datatype": "FP99"}, {"datatype": "BYTES"}, {"shape": [-1, 4]}, {"shape": [2**62, 4]},
    {"shape": "2x4"}, {"shape": [2]}, {"data": []}, {"data": [["a", "b", "c", "d"]] * 2}, {"data": {"a": 1}},
    {"data": [[1e999, 0, 0, 0]] * 2, "shape": [3, 4]}, {"data": None},
]  # fmt: skip


def malformed() -> Iterator[bytes]:
    """The same bodies in every run: none at all, wrong in one field, or cut off."""
    chance = random.Random(11)
    wrong = [json.dumps({"inputs": [{**request()["inputs"][0], **change}]}).encode() for change in CHANGES]
    for _ in itertools.count():
        yield chance.choice([*NONE, *wrong, WELL[: chance.randrange(1, len(WELL) - 1)]])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    started = GatewayProcess(tmp_path).start()
    yield started
    started.stop()


def test_10_000_requests_with_malformed_bodies(gateway: GatewayProcess) -> None:
    for seed in (1, 3):
        gateway.upload(matrix(seed))
    backup = variant(matrix(3), "3", 0, role="fallback")
    rules = {"failover": {"minimum": 4, "error_bp": 1_000}}
    assert gateway.apply("credit", variant(matrix(1), "1"), backup, serving=rules).is_success
    assert gateway.infer("credit", request()).json()["model_version"] == "1"
    assert gateway.process is not None
    watched = psutil.Process(gateway.process.pid)
    before = watched.memory_info().rss
    found = ask_all(gateway.url, "/v2/models/credit/infer", itertools.islice(malformed(), COUNT), keep=True)
    assert len(found.statuses) == COUNT
    assert set(found.statuses) <= {400, 413, 422}, sorted(set(found.statuses))
    said = {json.loads(body)["error"] for body in found.bodies}
    assert all(sentence and "Traceback" not in sentence for sentence in said)
    assert watched.memory_info().rss - before < 64 * 1024 * 1024
    last = gateway.infer("credit", request()).json()
    assert (last["model_version"], last["parameters"].get("flags", [])) == ("1", []), "a bad request says nothing of it"
    assert counted(gateway) == COUNT


def counted(gateway: GatewayProcess) -> int:
    """Refused requests in the gateway's own counters."""
    lines = gateway.call("GET", "/metrics").text.splitlines()
    refused = [line for line in lines if line.startswith("mrm_gateway_requests_total") and 'status="4' in line]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in refused)
