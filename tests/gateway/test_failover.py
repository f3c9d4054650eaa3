"""A failing version is left for the backup, and only a person brings it back."""

import time
from typing import Any

import pytest

from mrm.gateway.breaker import Breaker
from mrm.gateway.refusal import Refused
from mrm.serving import Failover
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant
from tests.gateway.test_log import awaited
from tests.gateway.trouble import BROKEN, NO_NUMBER, SLOW, WELL, WILD, troubled

RULES: dict[str, Any] = {
    "failover": {
        "minimum": 4, "error_bp": 5_000, "timeout_ms": 250, "output": "score", "output_low": 0, "output_high": 100,
        "cool_down_seconds": 1,
    }
}  # fmt: skip
PERSON = {"person": "Rita Risk", "reason": "The feed is repaired."}


def serve(gateway: GatewayProcess, name: str, *, backup: bool = True, revision: int = 1, **rules: Any) -> None:
    for trained in (troubled(), matrix(3)):
        gateway.upload(trained)
    variants = [variant(troubled(), "1"), *([variant(matrix(3), "3", 0, role="fallback")] if backup else [])]
    serving = {"failover": RULES["failover"] | rules}
    answer = gateway.apply(name, *variants, revision=revision, serving=serving)
    assert answer.is_success, answer.text


def ask(gateway: GatewayProcess, name: str, row: list[float]) -> tuple[str, list[str], str]:
    found = gateway.infer(name, request([row])).json()
    parameters = found["parameters"]
    return found["model_version"], parameters.get("flags", []), parameters.get("reason", "")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (NO_NUMBER, "Version 1 gave no number as score."),
        (WILD, "Version 1 gave a number below 0 or above 100 as score."),
        (SLOW, "The model did not answer within 250 ms."),
        (BROKEN, "The model could not score this input: "),
    ],
    ids=["no number", "wild", "slow", "broken"],
)
def test_one_failure_is_answered_by_the_backup(gateway: GatewayProcess, row: list[float], reason: str) -> None:
    name = "once-" + "-".join(f"{value:g}" for value in row)
    serve(gateway, name)
    assert ask(gateway, name, WELL) == ("1", [], "")
    version, flags, said = ask(gateway, name, row)
    assert (version, flags) == ("3", ["failed"])
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("row", "status", "code"), [(NO_NUMBER, 503, "refer_to_manual"), (SLOW, 503, "refer_to_manual")]
)
def test_without_a_backup_a_person_decides(gateway: GatewayProcess, row: list[float], status: int, code: str) -> None:
    serve(gateway, "alone", backup=False)
    answer = gateway.infer("alone", request([row]))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_missing_input_says_nothing_about_the_model(gateway: GatewayProcess) -> None:
    serve(gateway, "missing")
    rows: list[Any] = [[None, 0.0, 0.0, 0.0]]
    for _ in range(6):
        answer = gateway.infer("missing", request(rows))
        assert (answer.status_code, answer.json()["code"]) == (400, "refer_to_manual")
        assert "gave no number as" in answer.json()["error"]
        assert answer.json()["error"].endswith("for rows with missing or endless numbers.")
    assert ask(gateway, "missing", WELL)[0] == "1"


def test_it_never_comes_back_by_itself(own_gateway: GatewayProcess) -> None:
    serve(own_gateway, "credit")
    for row in (WELL, WELL, NO_NUMBER, NO_NUMBER):
        ask(own_gateway, "credit", row)
    version, flags, reason = ask(own_gateway, "credit", WELL)
    assert (version, flags) == ("3", ["failed_over"])
    assert reason.endswith("2 of 4 requests failed within 30 seconds.")
    assert 'mrm_gateway_failed_over{endpoint="credit",version="1"} 1' in own_gateway.call("GET", "/metrics").text

    own_gateway.restart()
    serve(own_gateway, "credit", revision=2)
    assert ask(own_gateway, "credit", WELL)[0] == "3", (
        "neither a restart nor a revision of the same bytes brings it back"
    )
    seen = own_gateway.call("GET", "/control/endpoints/credit").json()["variants"][0]
    assert seen["ready"] is True
    assert seen["reason"].startswith("It is passed over since ")
    assert own_gateway.infer("credit/versions/1", request([WELL])).json()["model_version"] == "1", "golden rows see it"

    path = "/control/endpoints/credit/failback"
    assert own_gateway.call("POST", path, json={"person": "", "reason": "x"}).status_code == 400
    time.sleep(1)
    assert own_gateway.call("POST", path, json=PERSON).status_code == 200
    assert ask(own_gateway, "credit", WELL) == ("1", [], "")
    assert own_gateway.call("POST", path, json=PERSON).json() == {"error": "No version of credit is passed over."}
    outcomes = [(line["role"], line["outcome"], line["flags"]) for line in awaited(own_gateway, 8)]
    assert outcomes.count(("fallback", "served", ["failed"])) == 2
    assert outcomes.count(("fallback", "served", ["failed_over"])) == 2


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaker(clock: Clock, **rules: int) -> Breaker:
    usual = {"minimum": 10, "error_bp": 2_000, "window_seconds": 30, "cool_down_seconds": 60, "flips_an_hour": 2}
    return Breaker(Failover(**(usual | rules)), "digest", clock=clock)  # type: ignore[arg-type]


def tripped(breaker: Breaker, failures: int, successes: int) -> bool:
    outcomes = [breaker.record(failed=False) for _ in range(successes)]
    return any(outcomes + [breaker.record(failed=True) for _ in range(failures)])


def test_it_takes_enough_requests_and_enough_failures_within_the_window(clock: Clock) -> None:
    one = breaker(clock)
    assert not tripped(one, 9, 0), "too few requests"
    clock.now += 31
    assert not tripped(one, 1, 9), "too few failures, the old ones are forgotten"
    assert tripped(one, 2, 0)
    assert one.reason == "3 of 12 requests failed within 30 seconds."
    assert not tripped(one, 20, 0), "it opens once"


def test_way_back_is_closed_while_it_cools_and_after_too_many_flips(clock: Clock) -> None:
    one = breaker(clock)
    tripped(one, 10, 0)
    with pytest.raises(Refused, match="only just; it may go back from 1970-01-01 00:17:40 UTC"):
        one.close()
    clock.now += 60
    one.close()
    assert not tripped(one, 10, 0), "just brought back, it takes twice the evidence"
    assert tripped(one, 10, 0)
    clock.now += 60
    with pytest.raises(Refused, match="2 times within the hour; it may go back from 1970-01-01 01:16:40 UTC"):
        one.close()
    clock.now = 1_000 + 3_600
    one.close()
    assert not one.open
