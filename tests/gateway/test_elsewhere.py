"""The backup lives at another gateway: two real ones, and what happens when either of them fails or says something else."""

import base64
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrm.core import envelope
from mrm.gateway.seal import ROUTE
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant
from tests.gateway.test_approvals import Signed, told
from tests.gateway.test_log import awaited
from tests.gateway.trouble import NO_NUMBER, WELL, troubled

FAILOVER = {"minimum": 4, "error_bp": 5_000, "timeout_ms": 2_000, "cool_down_seconds": 0}
PERSON = {"person": "Rita Risk", "reason": "It is back."}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[GatewayProcess]:
    """The other place, where version 3 serves as a champion of its own deployment."""
    (tmp_path / "there").mkdir()
    process = GatewayProcess(tmp_path / "there").start()
    process.upload(matrix(3))
    assert process.apply("spare", variant(matrix(3), "3")).is_success
    yield process
    process.stop()


@pytest.fixture
def here(tmp_path: Path, there: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayProcess]:
    """Version 1 in its process, with its backup over there."""
    monkeypatch.setenv("MRM_GATEWAY_TOKEN_OTHER", "of a tenant")
    (tmp_path / "here").mkdir()
    process = GatewayProcess(tmp_path / "here").start()
    process.upload(troubled())
    assert served(process, there).is_success
    yield process
    process.stop()


def served(here: GatewayProcess, there: GatewayProcess, revision: int = 1, **failover: Any) -> Any:
    backup = variant(matrix(3), "3", 0, role="fallback", approval_id="a-3")
    rules = {"failover": FAILOVER | failover, "elsewhere": place_of(there)}
    return here.apply("credit", variant(troubled(), "1"), backup, serving=rules, revision=revision)


def place_of(there: GatewayProcess) -> dict[str, str]:
    return {"deployment": "d-2", "url": there.url, "endpoint": "spare", "secret": "other"}


def ask(gateway: GatewayProcess, row: list[float]) -> tuple[int, dict[str, Any]]:
    answer = gateway.infer("credit", request([row]))
    return answer.status_code, answer.json()


def state(gateway: GatewayProcess) -> dict[str, Any]:
    return gateway.call("GET", "/control/endpoints/credit").json()["variants"][1]


def test_what_fails_here_is_answered_there_under_one_log_and_one_breaker(
    here: GatewayProcess, there: GatewayProcess
) -> None:
    assert ask(here, WELL)[1]["model_version"] == "1"
    status, body = ask(here, NO_NUMBER)
    assert (status, body["model_version"], body["parameters"]["digest"]) == (200, "3", matrix(3).digest)
    assert body["parameters"]["flags"] == ["failed"]
    direct = there.call("POST", "/v2/models/spare/infer", json=request([NO_NUMBER])).json()
    assert body["outputs"] == direct["outputs"]
    for _ in range(4):
        ask(here, NO_NUMBER)
    assert ask(here, WELL)[1]["parameters"]["flags"] == ["failed_over"], "and stays there until a person decides"
    assert here.call("POST", "/control/endpoints/credit/failback", json=PERSON).is_success
    assert ask(here, WELL)[1]["model_version"] == "1"
    lines = awaited(here, 7)
    assert [line["version"] for line in lines].count("3") == 6
    assert {line["approval"] for line in lines if line["version"] == "3"} == {"a-3"}


def test_a_backup_that_does_not_answer_is_left_alone_and_a_person_decides(
    here: GatewayProcess, there: GatewayProcess
) -> None:
    assert (state(here)["ready"], state(here)["digest"]) == (True, matrix(3).digest)
    there.stop(signal.SIGKILL)
    assert (state(here)["ready"], "did not answer" in state(here)["reason"]) == (False, True)
    told_first = ask(here, NO_NUMBER)
    assert (told_first[0], told_first[1]["code"]) == (503, "refer_to_manual")
    assert "gave no number as score. The backup at" in told_first[1]["error"]
    for _ in range(4):
        ask(here, NO_NUMBER)
    status, body = ask(here, NO_NUMBER)
    assert (status, "The backup is passed over as well." in body["error"]) == (503, True)
    assert "requests failed within 30 seconds" in state(here)["passed_over"]
    here.restart(signal.SIGKILL)
    assert state(here)["passed_over"], "the cool-down outlives the process"
    there.start("--port", there_port(there))
    assert here.call("POST", "/control/endpoints/credit/failback", json=PERSON).is_success
    assert ask(here, NO_NUMBER)[1]["model_version"] == "3"


def there_port(gateway: GatewayProcess) -> str:
    return gateway.url.rsplit(":", 1)[1]


def test_other_bytes_another_version_and_a_fallen_approval_there_are_no_answer(
    here: GatewayProcess, there: GatewayProcess
) -> None:
    assert served(here, there, 2, minimum=1_000).is_success
    there.call("PUT", "/control/approvals/a-1", json=told("suspended"))
    assert "may not be used there: approval suspended." in ask(here, NO_NUMBER)[1]["error"]
    there.call("PUT", "/control/approvals/a-1", json=told("valid", at="2026-11-02T00:00:00+00:00"))
    here.call("PUT", "/control/approvals/a-3", json=told("withdrawn", "a-3"))
    assert "The backup may not be used either." in ask(here, NO_NUMBER)[1]["error"]
    here.call("PUT", "/control/approvals/a-3", json=told("valid", "a-3", "2026-11-02T00:00:00+00:00"))
    there.upload(matrix(2))
    assert there.apply("spare", variant(matrix(2), "3"), revision=2).is_success
    assert "other bytes than the approved ones of version 3" in ask(here, NO_NUMBER)[1]["error"]
    assert state(here)["digest"] == matrix(2).digest, "so the control plane sees it too"
    assert there.apply("spare", variant(matrix(3), "4"), revision=3).is_success
    status, body = ask(here, NO_NUMBER)
    assert (status, "does not serve version 3" in body["error"]) == (503, True)
    assert ask(here, WELL)[1]["model_version"] == "1"


def test_the_place_of_the_backup_stands_in_what_is_signed(tmp_path: Path, there: GatewayProcess) -> None:
    signed = Signed(tmp_path)
    try:
        signed.gateway.upload(troubled())
        backup = variant(matrix(3), "3", 0, role="fallback", approval_id="a-3")
        content = {
            "endpoint": "credit", "deployment": "d-1", "revision": 1, "variants": [variant(troubled(), "1"), backup],
            "serving": {"elsewhere": place_of(there)},
        }  # fmt: skip
        sealed = envelope.sealed(content, ROUTE, signed.private)
        turned = base64.b64decode(sealed["payload"]).replace(there.url.encode(), b"http://127.0.0.1:9")
        forged = signed.gateway.call(
            "PUT", "/control/endpoints/credit", json=sealed | {"payload": base64.b64encode(turned).decode()}
        )
        assert (forged.status_code, "its signature does not fit" in forged.json()["error"]) == (422, True)
        assert signed.gateway.call("PUT", "/control/endpoints/credit", json=sealed).status_code == 201
        assert ask(signed.gateway, NO_NUMBER)[1]["model_version"] == "3"
    finally:
        signed.gateway.stop()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://user@host/", "http://host/?q=1", "gopher://host", "http://", "host"]
)
def test_an_address_that_is_none_is_refused(here: GatewayProcess, url: str) -> None:
    place = {"deployment": "d-2", "url": url, "endpoint": "spare"}
    backup = variant(matrix(3), "3", 0, role="fallback")
    answer = here.apply("other", variant(troubled(), "1"), backup, serving={"elsewhere": place})
    assert (answer.status_code, "http or https" in answer.json()["error"]) == (400, True)
