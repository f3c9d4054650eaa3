"""The gateway against a bare handler and against MLServer, one row of ten features; and its p99 once a version fails."""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression

from tests.bench.ground import ROOT
from tests.bench.table import Row, turns, wants
from tests.connectors.mlserver_server import RUNTIME, MlServer
from tests.connectors.servers import end, free_port, wait_for
from tests.gateway.load import Answered, again_and_again, ask_all
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant
from tests.gateway.trouble import NO_NUMBER, WELL, Bytes, troubled

WIDTH, CONNECTIONS, SECONDS, ROUNDS = 10, 16, 0.7, 12  # short turns: a busy moment meets all
FEATURES = [f"feature {number}" for number in range(WIDTH)]
BARE = "gateway with routing, A/B, segment and log, over a bare handler"
BARE_FAST = f"{BARE} with the gateway's parser"
PEER = "gateway with routing, A/B, segment and log, over MLServer"
FAILED_OVER = "gateway, p99 after a version has failed over"


def run(wanted: list[str]) -> list[Row]:
    if not wants(wanted, BARE, BARE_FAST, PEER, FAILED_OVER):
        return []
    with tempfile.TemporaryDirectory(prefix="mrm-bench-serving-") as folder:
        gateway = GatewayProcess(Path(folder)).start()
        try:
            return [*_throughput(gateway, Path(folder), wanted), *_failing(gateway, wanted)]
        finally:
            gateway.stop()


def model(seed: int) -> Bytes:
    random = np.random.default_rng(seed)
    x = random.normal(size=(200, WIDTH)).astype(np.float32)
    fitted = LogisticRegression().fit(x, (x @ random.normal(size=WIDTH) > 0).astype(int))
    types = [("X", FloatTensorType([None, WIDTH]))]
    found = to_onnx(fitted, initial_types=types, options={"zipmap": False}, target_opset=17)
    return Bytes(found.SerializeToString())


def _throughput(gateway: GatewayProcess, folder: Path, wanted: list[str]) -> Iterator[Row]:
    """The servers take turns. The bare handler stands as uvicorn is installed, and once more with the gateway's parser."""
    if not wants(wanted, BARE, BARE_FAST, PEER):
        return
    champion, challenger = model(1), model(2)
    _serve(gateway, champion, challenger)
    with (
        _bare(champion, folder, "h11") as bare,
        _bare(champion, folder, "httptools") as fast,
        _mlserver(champion, folder) as mlserver,
    ):
        places = {
            "gateway": (gateway.url, "/v2/models/credit/infer"),
            "bare": (bare, "/"),
            "bare, httptools": (fast, "/"),
            "mlserver": (mlserver, "/v2/models/credit/infer"),
        }
        rounds = [{name: _load(*places[name]) for name in turn} for turn in turns(places, ROUNDS)]
    rates = {name: statistics.median(each[name].per_second for each in rounds) for name in places}
    for name, peer, least in ((BARE, "bare", 0.70), (BARE_FAST, "bare, httptools", None), (PEER, "mlserver", 3.0)):
        ratio = statistics.median(each["gateway"].per_second / each[peer].per_second for each in rounds)
        goal, holds = (f"at least {least:g} times", ratio >= least) if least else ("", None)
        yield Row(name, rates["gateway"], "req/s", goal, holds, peer, rates[peer], ratio)


def _serve(gateway: GatewayProcess, champion: Bytes, challenger: Bytes) -> None:
    bounds = [{"name": n, "action": "flag", "within": {"feature": n, "low": -9, "high": 9}} for n in FEATURES]
    variants: list[dict[str, Any]] = []
    for version, role, each in (("1", "champion", champion), ("2", "challenger", challenger)):
        gateway.upload(each)
        variants.append(variant(each, version, 5_000, role=role, features=FEATURES))
    answer = gateway.apply("credit", *variants, serving={"segment": bounds, "inputs": "full"})
    assert answer.is_success, answer.text


def _load(url: str, path: str) -> Answered:
    """Sixteen connections from this process; each server runs in one of its own."""
    row = np.random.default_rng(3).normal(size=(1, WIDTH)).round(4).tolist()
    tensor = {"name": "X", "datatype": "FP32", "shape": [1, WIDTH], "data": row}
    bodies = [json.dumps({"inputs": [tensor], "parameters": {"unit": f"u{n}"}}).encode() for n in range(200)]

    def units() -> Iterator[bytes]:
        while True:
            yield from bodies

    ask_all(url, path, bodies, connections=CONNECTIONS)
    found = ask_all(url, path, units(), connections=CONNECTIONS, seconds=SECONDS)
    assert set(found.statuses) == {200}, set(found.statuses)
    return found


@contextmanager
def _bare(served: Bytes, folder: Path, http: str) -> Iterator[str]:
    port, place = free_port(), folder / "bare.onnx"
    place.write_bytes(served.content)
    command = [sys.executable, "-m", "tests.bench.bare", str(place), str(port), http]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        _until_listening(url, process)
        yield url
    finally:
        end(process)


def _until_listening(url: str, process: subprocess.Popen[bytes]) -> None:
    limit, port = time.monotonic() + 60, int(url.rsplit(":", 1)[1])
    while time.monotonic() < limit and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not listen")


@contextmanager
def _mlserver(served: Bytes, folder: Path) -> Iterator[str]:
    root = folder / "mlserver"
    root.mkdir()
    server = MlServer(root)
    place = server.repository / "credit"
    place.mkdir()
    (place / "model.onnx").write_bytes(served.content)
    settings = {"name": "credit", "implementation": RUNTIME, "parameters": {"uri": "./model.onnx", "version": "1"}}
    (place / "model-settings.json").write_text(json.dumps(settings))
    server.start()
    try:
        wait_for(f"{server.url}/v2/models/credit/ready")
        yield server.url
    finally:
        server.stop()


def _failing(gateway: GatewayProcess, wanted: list[str]) -> Iterator[Row]:
    """Trip the breaker with answers that are no numbers; then see how fast the backup answers."""
    if not wants(wanted, FAILED_OVER):
        return
    for each in (troubled(), matrix(3)):
        gateway.upload(each)
    backup = variant(matrix(3), "3", 0, role="fallback")
    answer = gateway.apply("failing", variant(troubled(), "1"), backup)
    assert answer.is_success, answer.text
    path = "/v2/models/failing/infer"
    ask_all(gateway.url, path, [json.dumps(request([NO_NUMBER])).encode()] * 40)
    body = json.dumps(request([WELL])).encode()
    flags = gateway.infer("failing", request([WELL])).json()["parameters"]["flags"]
    assert flags == ["failed_over"]
    found = ask_all(gateway.url, path, again_and_again(body), connections=CONNECTIONS, seconds=SECONDS)
    assert set(found.statuses) == {200}
    taken = found.percentile(0.99) * 1_000
    yield Row(FAILED_OVER, taken, "ms", "under 50 ms", taken < 50)
