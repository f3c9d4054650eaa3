"""What happens to requests when an approval falls, and who is believed about it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from mrm.core import envelope
from mrm.gateway.seal import APPROVAL, ROUTE
from tests.gateway.models import matrix, request
from tests.gateway.process import GatewayProcess, variant


def told(standing: str, approval: str = "a-1", at: str = "2026-11-01T00:00:00+00:00") -> dict[str, Any]:
    return {"approval": approval, "standing": standing, "at": at, "reason": "A finding was opened."}


@pytest.fixture(scope="module")
def served(gateway: GatewayProcess) -> GatewayProcess:
    for seed in (1, 3):
        gateway.upload(matrix(seed))
    for name, policy in {"alert": "alert", "backup": "backup", "stop": "stop", "both": "backup"}.items():
        own, spare = (variant(matrix(seed), str(seed), approval_id=f"{name}-{seed}") for seed in (1, 3))
        backup = spare | {"role": "fallback", "weight_bp": 0}
        assert gateway.apply(f"on-{name}", own, backup, serving={"on_withdrawn": policy}).is_success
    return gateway


@pytest.mark.parametrize(
    ("policy", "standing", "answer"),
    [
        ("alert", "suspended", (200, "1", ["approval_suspended"])),
        ("backup", "withdrawn", (200, "3", ["approval_withdrawn"])),
        ("stop", "expired", (503, None, None)),
    ],
)
def test_policy_of_the_endpoint(served: GatewayProcess, policy: str, standing: str, answer: tuple[Any, ...]) -> None:
    approval = f"{policy}-1"
    path = f"/control/approvals/{approval}"
    assert served.call("PUT", path, json=told(standing, approval)).is_success
    found = served.infer(f"on-{policy}", request())
    body = found.json()
    seen = (found.status_code, body.get("model_version"), body.get("parameters", {}).get("flags"))
    assert seen == answer
    sentence = f"The approval {approval} is {standing} since 2026-11-01 00:00:00 UTC. A finding was opened."
    assert sentence in (body.get("error") or body["parameters"]["reason"])
    state = served.call("GET", f"/control/endpoints/on-{policy}").json()
    assert state["variants"][0]["reason"] == sentence
    stale = served.call("PUT", path, json=told("valid", approval, "2026-10-31T00:00:00+00:00"))
    assert stale.json() == {"error": f"There is a newer word on the approval {approval}."}
    served.call("PUT", path, json=told("valid", approval, "2026-11-02T00:00:00+00:00"))
    assert served.infer(f"on-{policy}", request()).json()["model_version"] == "1"


def test_backup_whose_approval_fell_does_not_answer_either(served: GatewayProcess) -> None:
    for name in ("both-1", "both-3"):
        at = "2026-11-05T00:00:00+00:00"
        served.call("PUT", f"/control/approvals/{name}", json=told("withdrawn", name, at))
    answer = served.infer("on-both", request())
    assert (answer.status_code, answer.json()["code"]) == (503, "refer_to_manual")
    assert "The backup may not be used either." in answer.json()["error"]


def test_fallen_approval_outlives_a_restart(own_gateway: GatewayProcess) -> None:
    own_gateway.upload(matrix(1))
    own_gateway.apply("credit", variant(matrix(1), "1"), serving={"on_withdrawn": "stop"})
    own_gateway.call("PUT", "/control/approvals/a-1", json=told("withdrawn"))
    own_gateway.restart()
    assert own_gateway.infer("credit", request()).status_code == 503
    assert [each["approval"] for each in own_gateway.call("GET", "/control/approvals").json()["approvals"]] == ["a-1"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"standing": "gone"}, "The field standing must be one of valid, suspended, withdrawn, expired."),
        ({"approval": "a-2"}, "The statement is about the approval a-2, sent for a-9."),
        (
            {"at": "yesterday"},
            "The field at must be an ISO time with its zone, such as 2026-01-31T12:00:00+00:00.",
        ),
    ],
)
def test_bad_statement_is_told_why(gateway: GatewayProcess, change: dict[str, str], sentence: str) -> None:
    answer = gateway.call("PUT", "/control/approvals/a-9", json=told("valid", "a-9") | change)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


class Signed:
    """A gateway that believes one key."""

    def __init__(self, folder: Path) -> None:
        self.private, self.place = envelope.new_key(), folder / "route.pem"
        self.place.write_bytes(envelope.public_of(self.private))
        self.gateway = GatewayProcess(folder)
        self.start()

    def start(self) -> None:
        self.gateway.start("--route-key", str(self.place))

    def route(self, revision: int = 1, endpoint: str = "credit", key: bytes | None = None) -> dict[str, Any]:
        content = {"endpoint": endpoint, "deployment": "d-1", "revision": revision}
        content["variants"] = [variant(matrix(1), "1")]
        return envelope.sealed(content, ROUTE, key or self.private)


def test_only_what_the_control_plane_signed_is_served(tmp_path: Path) -> None:
    signed = Signed(tmp_path)
    gateway = signed.gateway
    try:
        gateway.upload(matrix(1))
        refused = "This gateway takes only what its control plane has signed: "

        def put(body: Any, **more: Any) -> str:
            answer = gateway.call("PUT", "/control/endpoints/credit", json=body, **more)
            return str(answer.json().get("error", answer.status_code))

        plain = {"deployment": "d-1", "revision": 1, "variants": [variant(matrix(1), "1")]}
        assert put(plain) == refused + "it carries no signature."
        forged = signed.route(key=envelope.new_key())
        assert put(forged) == refused + "its signature does not fit: it was changed, or another key signed it."
        assert put(signed.route(endpoint="other")) == "The route is for the endpoint other, sent for credit."
        statement = envelope.sealed(told("valid"), APPROVAL, signed.private)
        assert put(statement).startswith(refused + "it is a application/vnd.mrm.gateway.approval")
        assert put(signed.route(2)) == "201"
        etag = gateway.call("GET", "/control/endpoints/credit").headers["etag"]
        assert put(signed.route(1), headers={"If-Match": etag}) == "The endpoint credit is already at revision 2."

        unsigned = gateway.call("PUT", "/control/approvals/a-1", json=told("withdrawn"))
        assert unsigned.status_code == 422
        assert gateway.call("PUT", "/control/approvals/a-1", json=statement).status_code == 200

        gateway.stop()
        signed.start()
        assert gateway.infer("credit", request()).json()["model_version"] == "1", "served from disk, nobody else is up"

        gateway.stop()
        place = next((gateway.root / "routes").glob("*.json"))
        shutil.copy(place, tmp_path / "kept")
        place.write_text(place.read_text().replace('"payload": "ey', '"payload": "ew'))
        signed.start()
        assert gateway.infer("credit", request()).status_code == 404
        ready = gateway.call("GET", "/v2/health/ready")
        assert ready.status_code == 503
        assert ready.json()["reasons"][0].startswith(f"The route file {place.name} is not served. {refused}")
    finally:
        gateway.stop()


def test_signed_route_needs_a_key_to_check_it(gateway: GatewayProcess) -> None:
    body = envelope.sealed({"endpoint": "x"}, ROUTE, envelope.new_key())
    answer = gateway.call("PUT", "/control/endpoints/x", json=body)
    assert answer.json() == {"error": "This gateway has no key to check signatures with; start it with --route-key."}
