"""What the application stands on is killed for real: each loss is said in words, nothing is lost, nothing is doubled."""

import os
import signal
import threading
import time
from typing import Any

import httpx
import pytest

from mrm.project.demo.bank import PASSWORD
from tests.conftest import BANK_GROUP
from tests.faults.conftest import House, Visitor

pytestmark = pytest.mark.xdist_group(BANK_GROUP)
SILENT = "The database does not answer. Nothing was lost; try again in a moment."


def approved(house: House) -> str:
    """The version of the demo bank that is approved and deployed."""
    return str(
        house.value(
            "SELECT v.id FROM inventory_version v JOIN approval_approval a ON a.version_id = v.id"
            " JOIN inventory_model m ON m.id = v.model_id"
            " WHERE a.status = 'valid' AND m.name = 'Retail credit decision'"
        )
    )


def job_of(house: House, subject: str) -> tuple[str, int, str]:
    """State, attempts and last words of the work on a record."""
    ((state, attempts, error),) = house.rows(
        "SELECT state, attempts, error FROM jobs_job WHERE subject_id = %s", subject
    )
    return state, attempts, error


def events(house: House, verb: str, subject: str) -> int:
    return int(
        house.value(
            "SELECT count(*) FROM audit_event WHERE verb = %s AND subject_id = %s AND outcome = 'done'", verb, subject
        )
    )


def test_without_the_broker_work_is_taken_on_at_once_and_done_once_later(house: House) -> None:
    auditor, version = house.enter("ingrid"), approved(house)
    with house.without("valkey-server"):
        began = time.monotonic()
        report = auditor.made(f"versions/{version}/reports/")
        assert time.monotonic() - began < 3
        page = auditor.http.get(f"/reports/{report['id']}/")
        assert page.status_code == 200
        ready = auditor.http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["broker"].startswith("does not answer")
        assert job_of(house, report["id"])[0] == "queued"
    assert house.up.wait(lambda: job_of(house, report["id"])[0] == "done", 90)
    assert job_of(house, report["id"]) == ("done", 1, "")
    assert auditor.api("GET", f"reports/{report['id']}/file/").content.startswith(b"%PDF")
    assert house.value("SELECT count(*) FROM reporting_document WHERE id = %s", report["id"]) == 1


def test_without_the_database_page_and_api_say_so_and_the_next_attempt_is_the_only_one(
    house: House, priya: Visitor, model: dict[str, Any]
) -> None:
    edit = {"use_summary": "Lends more.", "revision": 1}
    with house.without("postgres -D"):
        answer = priya.api("PATCH", f"models/{model['id']}/", json=edit)
        assert (answer.status_code, answer.json()) == (503, {"reasons": [SILENT]})
        page = priya.http.get(f"/models/{model['id']}/")
        assert (page.status_code, SILENT in page.text, "Traceback" in page.text) == (503, True, False)
        sent = priya.page(f"/models/{model['id']}/retire/", {"reason": "Ends"})
        assert (sent.status_code, SILENT in sent.text) == (503, True)
        with httpx.Client(base_url=house.up.address, trust_env=False, timeout=30) as stranger:
            token = stranger.get("/api/v1/me/", headers={"Authorization": "Bearer mrm_unknown"})
            assert (token.status_code, token.json()) == (503, {"reasons": [SILENT]})
            ready = stranger.get("/readyz")
            assert (ready.status_code, ready.json()["database"]) == (503, "does not answer")
            assert stranger.get("/healthz").status_code == 200
    assert house.rows("SELECT revision, lifecycle FROM inventory_model WHERE id = %s", model["id"]) == [(1, "proposed")]
    done = priya.api("PATCH", f"models/{model['id']}/", json=edit)
    assert (done.status_code, done.json()["revision"]) == (200, 2)
    assert events(house, "inventory.edit", model["id"]) == 1
    assert priya.http.get(f"/models/{model['id']}/").status_code == 200


def signed(officer: Visitor, request: str) -> None:
    """A deployment of tier 1 goes to a worker when a risk officer has signed for it."""
    decision = {"decision": "approve", "rationale": "The approved bytes.", "conditions": []}
    token = officer.made(f"requests/{request}/statement/", json=decision)["token"]
    officer.made(f"requests/{request}/sign/", json={"token": token, "password": PASSWORD})


def test_without_the_backend_the_push_waits_with_its_reason_and_is_done_once(house: House) -> None:
    lucia, version = house.enter("lucia"), approved(house)
    place = str(house.value("SELECT id FROM deployment_deployment ORDER BY created_at LIMIT 1"))
    with house.without("mrm.gateway"):
        wanted = lucia.made(f"deployments/{place}/revisions/", json={"version": version, "reason": "Again"})
        signed(house.enter("maria"), wanted["request"])
        assert house.up.wait(lambda: job_of(house, wanted["id"])[1] >= 1 and job_of(house, wanted["id"])[2] != "")
        state, _attempts, error = job_of(house, wanted["id"])
        assert state == "queued"
        assert error.startswith("Decision engine did not do it yet: ")
        assert house.value("SELECT status FROM deployment_revision WHERE id = %s", wanted["id"]) == "pending"
        page = lucia.http.get(f"/deployments/{place}/")
        assert (page.status_code, "Decision engine did not do it yet" in page.text) == (200, True)
        seen = lucia.http.get("/deployments/")
        assert seen.status_code == 200
    assert house.up.wait(lambda: job_of(house, wanted["id"])[0] == "done", 90), job_of(house, wanted["id"])
    assert house.value("SELECT status FROM deployment_revision WHERE id = %s", wanted["id"]) == "applied"
    assert events(house, "deployment.verify", wanted["id"]) == 1
    in_force = "SELECT count(*) FROM deployment_revision WHERE deployment_id = %s AND status = 'applied'"
    assert house.value(in_force, place) == 1


def test_a_worker_killed_in_mid_job_loses_nothing_and_the_next_does_it_once(house: House) -> None:
    auditor, version = house.enter("ingrid"), approved(house)
    report = auditor.made(f"versions/{version}/reports/")
    assert house.up.wait(lambda: job_of(house, report["id"])[0] == "running")
    worker = house.up.children()["celery worker"]
    os.killpg(worker.pid, signal.SIGKILL)
    state, attempts, _error = job_of(house, report["id"])
    assert (state, attempts) == ("running", 1)  # nobody knows yet that its worker is gone
    assert house.value("SELECT sha256 FROM reporting_document WHERE id = %s", report["id"]) == ""
    # a minute of silence passes at once
    house.rows("UPDATE jobs_job SET heartbeat = heartbeat - interval '2 minutes' WHERE subject_id = %s", report["id"])
    assert house.up.wait(lambda: job_of(house, report["id"])[0] == "done", 120), job_of(house, report["id"])
    assert job_of(house, report["id"])[1] == 2
    assert events(house, "reporting.issue", report["id"]) == 1
    assert auditor.api("GET", f"reports/{report['id']}/file/").content.startswith(b"%PDF")


def test_two_edits_at_the_same_moment_are_one_edit_and_one_refusal(
    house: House, priya: Visitor, model: dict[str, Any]
) -> None:
    daniel, answers = house.enter("daniel"), dict[str, httpx.Response]()
    together = threading.Barrier(2)

    def edit(who: str, visitor: Visitor) -> None:
        together.wait()
        body = {"use_summary": f"As {who} says.", "revision": 1}
        answers[who] = visitor.api("PATCH", f"models/{model['id']}/", json=body)

    pair = [threading.Thread(target=edit, args=entry) for entry in (("priya", priya), ("daniel", daniel))]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()
    assert sorted(answer.status_code for answer in answers.values()) == [200, 409]
    (winner,) = [who for who, answer in answers.items() if answer.status_code == 200]
    (loser,) = set(answers) - {winner}
    refused = answers[loser].json()
    assert refused["changes"] == {"use_summary": {"yours": f"As {loser} says.", "theirs": f"As {winner} says."}}
    assert refused["reasons"] != []
    kept = house.rows("SELECT use_summary, revision FROM inventory_model WHERE id = %s", model["id"])
    assert kept == [(f"As {winner} says.", 2)]
    assert events(house, "inventory.edit", model["id"]) == 1
