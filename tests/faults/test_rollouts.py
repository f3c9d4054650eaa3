"""A rollout in a running house is hit in the middle: what serves is approved, it is done once, and one incident says why."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from mrm.project.places import socket_folder
from tests.conftest import BANK_GROUP
from tests.connectors.faults import Answer, Exchange, Fault, FaultyProxy, drops_after_send, says
from tests.faults.conftest import House, Visitor
from tests.faults.test_dying import approved, events, job_of, signed

pytestmark = pytest.mark.xdist_group(BANK_GROUP)
PROCESSES = {
    "worker": "celery worker",
    "gateway": "mrm.gateway",
    "database": "postgres -D",
    "broker": "valkey-server",
}


@pytest.fixture(scope="module")
def way(house: House) -> Iterator[FaultyProxy]:
    """A way to the gateway on which things happen, as a serving place of its own."""
    gateway = f"http://127.0.0.1:{house.up.environment['MRM_GATEWAY_PORT']}"
    config = {"token_secret": "gateway", "signing_secret": "route-key"}
    place = {"key": "on-the-way", "name": "On the way", "connector": "embedded", "unit": "bank"}
    with FaultyProxy(gateway, reads="/infer$") as proxy:
        house.enter("admin").made("targets/", json={**place, "config": {**config, "base_url": proxy.url}})
        yield proxy


@pytest.fixture(scope="module")
def people(house: House) -> tuple[Visitor, Visitor]:
    """The deployer, and the risk officer who signs for what is deployed."""
    return house.enter("lucia"), house.enter("maria")


@pytest.fixture
def rollout(
    house: House, way: FaultyProxy, people: tuple[Visitor, Visitor], request: pytest.FixtureRequest
) -> "Rollout":
    """The approved version, wanted at an endpoint of this test's own."""
    return Rollout(house, people, re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:60].strip("-"))


class Rollout:
    def __init__(self, house: House, people: tuple[Visitor, Visitor], endpoint: str) -> None:
        self.house, self.endpoint, version = house, endpoint, approved(house)
        self.deployer, self.officer = people
        model = str(house.value("SELECT model_id FROM inventory_version WHERE id = %s", version))
        place = {"model": model, "target": "on-the-way", "endpoint": endpoint}
        self.deployment = self.deployer.made("deployments/", json=place)["id"]
        wanted = {"version": version, "reason": "Go live"}
        made = self.deployer.made(f"deployments/{self.deployment}/revisions/", json=wanted)
        self.revision, self.request = made["id"], made["request"]

    def begin(self) -> None:
        signed(self.officer, self.request)

    def ended(self, within: float = 120) -> str:
        """How it ended; what the clock would ask for within half a minute is asked for at once."""
        assert self.house.up.wait(self._over, within), job_of(self.house, self.revision)
        return str(self.house.value("SELECT status FROM deployment_revision WHERE id = %s", self.revision))

    def _over(self) -> bool:
        with suppress(psycopg.Error, OperationalError):
            if job_of(self.house, self.revision)[0] in {"done", "failed"}:
                return True
            self.house.rows("UPDATE jobs_job SET not_before = now() WHERE subject_id = %s", self.revision)
            self._ring()
        return False

    def _ring(self) -> None:
        if time.monotonic() < self._rung + 1.5:
            return
        self._rung = time.monotonic()
        with Celery(broker=f"redis+socket://{socket_folder(self.house.folder)}/valkey.sock") as clock:
            for task in ("mrm.sweep", "mrm.work"):
                clock.send_task(task, retry=False)

    _rung = 0.0

    def fell_silent(self) -> None:
        """A minute without a word from the worker passes at once."""
        silent = "UPDATE jobs_job SET heartbeat = heartbeat - interval '2 minutes' WHERE subject_id = %s"
        self.house.rows(silent, self.revision)

    @property
    def incidents(self) -> list[tuple[str, str]]:
        found = "SELECT kind, sentence FROM deployment_incident WHERE deployment_id = %s"
        return [(kind, sentence) for kind, sentence in self.house.rows(found, self.deployment)]

    @property
    def unanswered(self) -> int:
        sent = "SELECT count(*) FROM deployment_operation WHERE revision_id = %s AND status = 'sent'"
        return int(self.house.value(sent, self.revision))

    @property
    def state(self) -> dict[str, Any]:
        """What the gateway itself says that it serves."""
        token = (self.house.folder / "secrets" / "gateway").read_text().strip()
        address = f"http://127.0.0.1:{self.house.up.environment['MRM_GATEWAY_PORT']}/control/endpoints/{self.endpoint}"
        answer = httpx.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False)
        found: dict[str, Any] = answer.json() if answer.is_success else {"variants": []}
        return found

    @property
    def digests(self) -> list[str]:
        return [each["digest"] for each in self.state["variants"]]

    @property
    def approved_digest(self) -> str:
        wanted = "SELECT artifact_sha256 FROM deployment_revision WHERE id = %s"
        return str(self.house.value(wanted, self.revision))


def killing(house: House, name: str) -> Fault:
    """The gateway does what it is asked; before the answer arrives a process is gone."""

    def fault(exchange: Exchange) -> Answer | None:
        answer = exchange.forward()
        os.killpg(house.up.children()[name].pid, signal.SIGKILL)
        return answer if name != PROCESSES["gateway"] else None

    return fault


def done_once(rollout: Rollout) -> list[tuple[str, str]]:
    """The approved bytes serve, verified once, and no attempt is without its end; the incidents about it."""
    assert rollout.digests == [rollout.approved_digest]
    assert (events(rollout.house, "deployment.verify", rollout.revision), rollout.unanswered) == (1, 0)
    return rollout.incidents


@pytest.mark.parametrize("what", ["worker", "database"])
def test_kill_9_in_mid_rollout_of(house: House, way: FaultyProxy, rollout: Rollout, what: str) -> None:
    with way.on(killing(house, PROCESSES[what]), nth_change=1):
        rollout.begin()
        assert house.up.wait(lambda: way.fired == 1)
        assert house.up.wait(lambda: house.up.answers("/readyz"))
        rollout.fell_silent()
        assert rollout.ended() == "applied", job_of(house, rollout.revision)
    ((kind, sentence),) = done_once(rollout)
    assert kind == "interrupted"
    assert sentence.endswith(
        "Its worker ended before an answer was written down; it is looked at the place before anything is sent again."
    )


def test_kill_9_of_the_gateway_in_mid_rollout(house: House, way: FaultyProxy, rollout: Rollout) -> None:
    with way.on(killing(house, PROCESSES["gateway"]), nth_change=1):
        rollout.begin()
        assert rollout.ended() == "applied", job_of(house, rollout.revision)
        assert way.fired == 1
    ((kind, sentence),) = done_once(rollout)
    assert (kind, "broke off the connection" in sentence) == ("interrupted", True), sentence


def test_kill_9_of_the_broker_in_mid_rollout_leaves_no_question_open(
    house: House, way: FaultyProxy, rollout: Rollout
) -> None:
    with way.on(killing(house, PROCESSES["broker"]), nth_change=1):
        rollout.begin()
        assert house.up.wait(lambda: way.fired == 1)
        assert rollout.ended() == "applied", job_of(house, rollout.revision)
    assert done_once(rollout) == []


def test_network_cut_after_the_request_was_sent(house: House, way: FaultyProxy, rollout: Rollout) -> None:
    with way.on(drops_after_send, nth_change=1):
        rollout.begin()
        assert rollout.ended() == "applied", job_of(house, rollout.revision)
        assert way.changes == 1, "nothing is sent again before the place was looked at"
    ((kind, sentence),) = done_once(rollout)
    assert (kind, "broke off the connection" in sentence) == ("interrupted", True), sentence


def test_backend_that_answers_200_and_does_nothing(house: House, way: FaultyProxy, rollout: Rollout) -> None:
    with way.on(says(200, b"{}"), nth_change=1, times=None):
        rollout.begin()
        assert rollout.ended() == "failed"
    ((kind, sentence),) = rollout.incidents
    assert (kind, rollout.digests) == ("push_failed", [])
    assert "the place serves nothing. It was tried 5 times." in sentence, sentence


def test_tampered_artifact_in_storage(house: House, way: FaultyProxy, rollout: Rollout) -> None:
    digest = rollout.approved_digest
    kept = next(path for path in (house.folder / "blobs").rglob(digest))
    whole = kept.read_bytes()
    try:
        kept.write_bytes(whole[:-1] + b"!")
        rollout.begin()
        assert rollout.ended() == "failed"
    finally:
        kept.write_bytes(whole)
    ((kind, sentence),) = rollout.incidents
    assert (kind, "changed in the storage" in sentence, rollout.digests) == ("push_failed", True, []), sentence


def test_file_swapped_on_the_backend(house: House, way: FaultyProxy, rollout: Rollout) -> None:
    """What is loaded answers on; the next start would refuse the file, so it is said before."""
    rollout.begin()
    assert rollout.ended() == "applied", job_of(house, rollout.revision)
    digest = rollout.approved_digest
    kept = house.folder / "gateway" / "artifacts" / digest[:2] / digest
    whole = kept.read_bytes()
    try:
        kept.chmod(0o640)
        kept.write_bytes(whole[:-1] + b"!")
        rollout.deployer.made(f"deployments/{rollout.deployment}/refresh/")
        assert house.up.wait(lambda: rollout.incidents)
        with_it = rollout.digests
    finally:
        kept.write_bytes(whole)
        kept.chmod(0o440)
    ((kind, sentence),) = rollout.incidents
    assert (kind, "was changed and is refused" in sentence) == ("artifact", True), sentence
    assert with_it == [digest]
