"""An approval falls while its version answers: the place is told at once, and does what its rules say; so is a way back."""

import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from onnxruntime import InferenceSession

from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.approval.services.ending import CLOCK, resume
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Refused
from mrm.deployment import queries, services
from mrm.deployment.models import Deployment, FailBack, Incident, Operation, Revision, Target
from mrm.deployment.policies import Share
from mrm.deployment.services.looking import look
from mrm.inventory.models import Version
from mrm.jobs.runner import run_next
from mrm.project.reactions import dispatch_all
from mrm.serving import serving_of
from tests.deployment.conftest import Gateway
from tests.deployment.test_pages import api, browser
from tests.deployment.test_rules import applied, asked
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, with_password
from tests.factories.approved import a_model, an_approved, onnx

Pair = tuple[Version, Version]


@pytest.fixture
def deployment(cast: Cast, place: Target) -> Deployment:
    return services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)


@pytest.fixture
def pair(cast: Cast, deployment: Deployment, tmp_path: Path) -> Pair:
    surer, other = sorted((1, 2), key=highest, reverse=True)
    first = an_approved(cast, deployment.model, tmp_path, seed=surer)
    return first, an_approved(cast, deployment.model, tmp_path, label="2.0.0", seed=other)


def highest(seed: int) -> float:
    """The largest probability that the model of this seed gives for what `answer` asks."""
    session = InferenceSession(onnx(seed))
    row = np.array([[0.2, 0.1]], dtype=np.float32)
    return float(session.run(["probabilities"], {session.get_inputs()[0].name: row})[0].max())


def served(cast: Cast, deployment: Deployment, pair: Pair, **rules: object) -> Revision:
    shares = [Share(pair[0], "champion", 10_000), Share(pair[1], "fallback")]
    wanted = services.change_traffic(deployment, shares=shares, rules=serving_of(rules), actor=cast.deployer)
    return applied(cast, wanted)


def work() -> None:
    dispatch_all()
    while run_next():
        pass


def answer(gateway: Gateway) -> tuple[int, str | None, list[str]]:
    found = asked(gateway, 0.2)
    body = found.json()
    return found.status_code, body.get("model_version"), body.get("parameters", {}).get("flags", [])


class Traffic:
    """Asks the endpoint again and again from beside, and keeps what came back."""

    def __init__(self, gateway: Gateway) -> None:
        self.seen: list[tuple[int, str | None]] = []
        self._gateway, self._over = gateway, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            self.seen.append(answer(self._gateway)[:2])


def test_an_approval_falls_in_mid_traffic_and_the_backup_answers(
    cast: Cast, deployment: Deployment, pair: Pair, gateway: Gateway
) -> None:
    served(cast, deployment, pair, on_withdrawn="backup")
    granted = Approval.objects.get(version=pair[0])
    assert answer(gateway) == (200, "1.0.0", [])
    approval.suspend(granted, reason="Looked into.", actor=CLOCK)
    work()
    assert answer(gateway) == (200, "2.0.0", ["approval_suspended"])
    told = Event.objects.get(verb="deployment.tell_approval", outcome="done")
    assert (told.actor, told.details["standing"], told.details["follows"]) == (
        "system:deployment", "suspended", "The backup answers",
    )  # fmt: skip
    resume(granted, actor=CLOCK)
    work()
    assert answer(gateway) == (200, "1.0.0", []), "an approval that holds again is told as well"
    with Traffic(gateway) as traffic:
        approval.withdraw(granted, reason="Found a fault.", actor=cast.officer)
        work()
        approval.withdraw(Approval.objects.get(version=pair[1]), reason="The same fault.", actor=cast.officer)
        work()
    assert answer(gateway)[0] == 503, "the backup may not be used either"
    order = list(dict.fromkeys(traffic.seen))
    assert order in ([(200, "1.0.0"), (200, "2.0.0"), (503, None)], [(200, "1.0.0"), (200, "2.0.0")]), order
    incident = Incident.objects.get(kind="withdrawn", status="open")
    assert (incident.severity, "1.0.0" in incident.sentence) == ("critical", True)
    look(str(deployment.pk))
    assert Event.objects.filter(verb="deployment.tell_approval", outcome="done").count() == 4, "told once each"


def test_a_false_word_at_the_place_is_refused(cast: Cast, deployment: Deployment, pair: Pair, gateway: Gateway) -> None:
    """Somebody tells the gateway that a withdrawn approval holds: what he dates in the future is not believed."""
    served(cast, deployment, pair, on_withdrawn="stop")
    approval.withdraw(Approval.objects.get(version=pair[0]), reason="Found a fault.", actor=cast.officer)
    work()
    assert answer(gateway)[0] == 503
    headers = {"Authorization": f"Bearer {gateway.token}"}
    key = str(Approval.objects.get(version=pair[0]).pk)
    lie = {"approval": key, "standing": "valid", "at": "2099-01-01T00:00:00+00:00", "reason": ""}
    told = httpx.put(f"{gateway.address}/control/approvals/{key}", json=lie, headers=headers, timeout=5)
    assert (told.status_code, "dated ahead of this gateway's clock" in told.json()["error"]) == (409, True)
    look(str(deployment.pk))
    assert answer(gateway)[0] == 503
    deployment.refresh_from_db()
    assert (deployment.sync, [line["kind"] for line in deployment.drift]) == ("drifted", ["withdrawn"])


def test_a_version_that_was_passed_over_comes_back_by_a_person_under_a_signature(
    cast: Cast, deployment: Deployment, pair: Pair, gateway: Gateway
) -> None:
    between = (highest(1) + highest(2)) / 2  # what the champion says lies above, what the backup says below
    failing = {"minimum": 2, "output": "probabilities", "output_high": between, "cool_down_seconds": 0}
    served(cast, deployment, pair, failover=failing)
    page, address = deployment.get_absolute_url(), reverse("deployment:fail_back", args=[deployment.pk])
    client = browser(with_password(fresh(cast.deployer)))
    early = client.get(address, {"reason": "Repaired."}, follow=True)
    assert "No version is passed over here" in early.content.decode()
    for _ in range(3):
        asked(gateway, 0.2)
    assert answer(gateway) == (200, "2.0.0", ["failed_over"])
    look(str(deployment.pk))
    deployment.refresh_from_db()
    assert [(line["kind"], line["version"]) for line in deployment.drift] == [("passed_over", "1.0.0")]
    assert "requests failed within 30 seconds. Only a person sends it back." in deployment.drift[0]["sentence"]
    assert Incident.objects.get(kind="passed_over").severity == "high"
    assert "Send it back" in client.get(page).content.decode()
    assert "This is done by a deployer" in browser(cast.auditor).get(page).content.decode()
    assert queries.why_no_fail_back(deployment, cast.developer) == "You made this version; somebody else deploys it."
    _sent_back(cast, deployment, address, client)
    assert answer(gateway)[1:] == ("2.0.0", ["failed"]), "it answers again, and fails as it did"
    look(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.drift == []
    _held_by_the_database(cast, deployment)


def _sent_back(cast: Cast, deployment: Deployment, address: str, client: object) -> None:
    shown = client.get(address, {"reason": "Repaired."})  # type: ignore[attr-defined]
    assert "I send these versions back to their requests" in shown.content.decode()
    signed = {"token": shown.context["token"], "reason": "Repaired.", "password": PASSWORD}
    unsigned = client.post(address, signed | {"password": "wrong"}, follow=True)  # type: ignore[attr-defined]
    assert FailBack.objects.count() == 0, unsigned
    assert client.post(address, signed).status_code == 302  # type: ignore[attr-defined]
    made = FailBack.objects.get()
    assert (made.reason, made.method, list(made.passed_over)) == ("Repaired.", "password", ["1.0.0"])
    event = Event.objects.get(verb="deployment.fail_back", outcome="done")
    assert (event.reason, event.details["statement_digest"]) == ("Repaired.", made.statement_digest)
    sent = Operation.objects.get(purpose="fail_back")
    assert (sent.status, sent.message) == ("done", "The version answers again.")
    denied = api(cast.developer).post(f"/api/v1/deployments/{deployment.pk}/fail-back/statement/", {"reason": "x"})
    assert denied.status_code == 403


def _held_by_the_database(cast: Cast, deployment: Deployment) -> None:
    revision = deployment.revisions.get(status="applied")
    opened = recorded("deployment.fail_back", actor=SETUP, subject=deployment)
    with pytest.raises(IntegrityError, match="nobody sends back what he made"), transaction.atomic(), opened:
        FailBack.objects.create(
            deployment=deployment, revision=revision, passed_over={"1.0.0": "x"}, reason="x", statement="x",
            statement_digest="0" * 64, method="password", signed_by=cast.developer,
        )  # fmt: skip
    with pytest.raises(Refused, match="No version is passed over here"):
        services.compose_fail_back(deployment, reason="Again.", actor=fresh(cast.deployer))
