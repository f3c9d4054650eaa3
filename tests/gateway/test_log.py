"""The prediction log's spool: one line an answer, handed over in files, and what must be logged is."""

import hashlib
import hmac
import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mrm.gateway.record import Record, beginning
from mrm.gateway.refusal import Refused
from mrm.gateway.spool import Spool
from tests import apart
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant


def lines(folder: Path, ending: str = "jsonl") -> list[dict[str, Any]]:
    places = sorted(folder.glob(f"*.{ending}"))
    return [json.loads(line) for place in places for line in place.read_text().splitlines()]


def awaited(gateway: GatewayProcess, number: int) -> list[dict[str, Any]]:
    """The lines handed over, once there are so many."""
    end = time.monotonic() + 6
    while len(found := lines(gateway.root / "log")) < number and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_line_says_which_version_answered_what(own_gateway: GatewayProcess) -> None:
    for seed in (1, 2):
        own_gateway.upload(matrix(seed))
    shadow = variant(matrix(2), "2", 0, role="shadow", mirror_bp=10_000, approval_id="a-2")
    own_gateway.apply("credit", variant(matrix(1), "1"), shadow, serving={"inputs": "full", "unit_field": "customer"})
    body = request(id="r-1", parameters={"customer": "customer-7"})
    answer = own_gateway.infer("credit", body).json()
    primary, mirrored = sorted(awaited(own_gateway, 2), key=lambda line: line["role"])
    key = bytes.fromhex((own_gateway.root / "log.key").read_text())
    unit = hmac.new(key, b"customer-7", hashlib.sha256).hexdigest()
    assert 0 < primary.pop("micros") < 5_000_000
    assert primary.pop("at").endswith("+00:00")
    assert primary == {
        "id": "r-1",
        "endpoint": "credit",
        "deployment": "d-1",
        "revision": 1,
        "role": "champion",
        "model": "credit",
        "version": "1",
        "digest": matrix(1).digest,
        "approval": "a-1",
        "unit": unit,
        "rows": 2,
        "inputs": body["inputs"],
        "outputs": answer["outputs"],
        "flags": [],
        "reason": "",
        "parent": "",
        "outcome": "served",
    }
    assert (mirrored["role"], mirrored["version"], mirrored["approval"]) == ("shadow", "2", "a-2")
    assert (mirrored["parent"], mirrored["unit"]) == ("r-1", unit)
    assert mirrored["id"] != "r-1"
    assert mirrored["outputs"] != answer["outputs"]
    assert not any(b"customer-7" in place.read_bytes() for place in (own_gateway.root / "log").iterdir())


@pytest.mark.parametrize(("policy", "kept"), [("none", None), ("hashed", "sha256:")])
def test_inputs_are_kept_as_the_rules_say(own_gateway: GatewayProcess, policy: str, kept: str | None) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"), serving={"inputs": policy})
    own_gateway.infer("credit", request())
    found = awaited(own_gateway, 1)[0]["inputs"]
    assert found is None if kept is None else (found.startswith(kept) and len(found) == 71)


def test_a_reference_is_kept_in_place_of_the_inputs_and_asked_for(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"), serving={"inputs": "reference"})
    without = own_gateway.infer("credit", request())
    assert (without.status_code, without.json()["error"]) == (
        400, "This endpoint logs its inputs by reference: say in parameters.reference where you keep them.",
    )  # fmt: skip
    assert own_gateway.infer("credit", request(parameters={"reference": "application 7"})).is_success
    assert awaited(own_gateway, 1)[0]["inputs"] == {"reference": "application 7"}


def test_every_answer_of_a_killed_gateway_that_must_log_is_in_the_spool(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"), serving={"log": "must_log"})
    answered: list[str] = []

    def ask(place: int) -> None:
        with httpx.Client(base_url=own_gateway.url, trust_env=False, timeout=5) as client:
            for number in range(10_000):
                name = f"{place}-{number}"
                try:
                    answer = client.post("/v2/models/credit/infer", json=request(), headers={"X-Request-ID": name})
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200
                answered.append(name)

    callers = [threading.Thread(target=ask, args=(place,)) for place in range(4)]
    for caller in callers:
        caller.start()
    time.sleep(1)
    own_gateway.stop(signal.SIGKILL)
    for caller in callers:
        caller.join()
    left_open = next((own_gateway.root / "log").glob("*.open"))
    with left_open.open("ab") as torn:
        torn.write(b'{"id": "half a li')
    own_gateway.start()
    assert len(answered) > 50
    assert set(answered) <= {line["id"] for line in lines(own_gateway.root / "log")}
    assert not list((own_gateway.root / "log").glob("*.open"))
    assert "mrm_gateway_log_torn_lines_total 1" in own_gateway.call("GET", "/metrics").text


def record(id: str = "r") -> Record:
    return Record(id, time.time(), beginning({"endpoint": "e"}), None, 1, "none", [], [], 1, "served")


def test_what_cannot_be_logged_is_not_answered(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "log").rmdir()  # as good as a disk that is gone
    with pytest.raises(Refused) as caught:
        apart.run(spool.keep(record()))
    assert (caught.value.status, caught.value.code) == (503, "not_logged")
    assert caught.value.message == (
        "The prediction log cannot be written, and this endpoint gives no answer that is not logged: "
        "No such file or directory."
    )
    spool.offer(record())
    spool.close()
    assert (spool.written, spool.dropped) == (0, 1)


def test_best_effort_has_bounds(tmp_path: Path) -> None:
    spool = Spool(tmp_path, queue=0)
    spool.offer(record())
    assert spool.dropped == 1
    spool.close()


def test_full_spool_refuses_until_its_reader_comes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=1)
    apart.run(spool.keep(record("first")))
    end = time.monotonic() + 6
    while not list((tmp_path / "log").glob("*.jsonl")) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)
    with pytest.raises(Refused, match="1 bytes wait for their reader"):
        apart.run(spool.keep(record("second")))
    (taken,) = (tmp_path / "log").glob("*.jsonl")
    taken.with_suffix(".bad").write_bytes(b"what the reader set aside")  # is its own, and holds up nothing
    taken.unlink()
    apart.run(spool.keep(record("third")))
    spool.close()
    assert [line["id"] for line in lines(tmp_path / "log")] == ["third"]
