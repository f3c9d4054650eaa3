"""The supervisor for real: it starts everything, restarts what dies, refuses a second start, and leaves nothing behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.project.running import ROOT, Up, start, stop

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Up]]:
    """Whatever runs at the moment, the last of the list, over one folder."""
    started = [start(tmp_path_factory.mktemp("up"))]
    yield started
    stop(started[-1])


@pytest.fixture
def up(running: list[Up]) -> Up:
    """Everything runs; after a test that stopped it, it starts over the data that are there."""
    if running[-1].process.poll() is not None:
        running.append(start(Path(running[-1].environment["MRM_DATA_DIR"])))
    return running[-1]


def test_everything_runs_and_is_ready(up: Up) -> None:
    # one that a test before has killed may still be on its way back
    assert up.wait(lambda: len(up.children()) == 7), up.children()
    assert httpx.get(f"{up.address}/readyz", timeout=5).json() == {
        "status": "ready", "database": "answers", "storage": "answers", "broker": "answers",
    }  # fmt: skip


def test_a_visitor_is_led_to_the_sign_in_page_under_a_strict_policy(up: Up) -> None:
    answer = httpx.get(up.address, timeout=5, follow_redirects=True)
    assert answer.url.path == "/sign-in/"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_gateway_believes_only_what_is_signed(up: Up) -> None:
    secrets = Path(up.environment["MRM_DATA_DIR"]) / "secrets"
    assert (secrets / "route-key").stat().st_mode & 0o777 == 0o600
    answer = httpx.put(
        f"http://127.0.0.1:{up.environment['MRM_GATEWAY_PORT']}/control/approvals/a-1",
        headers={"Authorization": f"Bearer {(secrets / 'gateway').read_text().strip()}"},
        json={"approval": "a-1", "standing": "valid", "at": "2026-01-01T00:00:00+00:00", "reason": ""},
        timeout=5,
    )
    assert (answer.status_code, "takes only what its control plane has signed" in answer.text) == (422, True)


def test_a_second_start_on_the_same_folder_is_refused(up: Up) -> None:
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=up.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode != 0
    assert "already. Stop it first, or set MRM_DATA_DIR" in second.stderr
    assert up.answers()


def test_the_doctor_finds_nothing_wrong_and_says_what_is_not_promised(up: Up) -> None:
    seen = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env=up.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "mrm_app owns nothing and may only add to the trail" in seen.stdout
    assert "they separate mistakes, not malice" in seen.stdout


@pytest.mark.parametrize("name", ["granian", "sequencer", "celery worker", "valkey-server"])
def test_what_dies_is_started_again(up: Up, name: str) -> None:
    before = up.children()[name]
    before.kill()
    assert up.wait(lambda: (found := up.children().get(name)) is not None and found.pid != before.pid)
    assert up.wait(lambda: up.answers("/readyz"))


def test_a_dead_database_is_said_and_comes_back(up: Up) -> None:
    database = up.children()["postgres -D"]
    database.suspend()
    try:
        broken = httpx.get(f"{up.address}/healthz", timeout=10)
        assert broken.status_code == 200
    finally:
        database.resume()
    database.send_signal(signal.SIGINT)
    assert up.wait(lambda: not up.answers("/readyz"), 10)
    page = httpx.get(f"{up.address}/sign-in/", timeout=20, cookies={"sessionid": "anything"})
    assert (page.status_code, "The database does not answer." in page.text) == (503, True)
    assert up.wait(lambda: up.answers("/readyz"))


def test_a_signal_stops_everything(up: Up) -> None:
    children = list(up.children().values())
    assert children != []
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0
    assert [child for child in children if child.is_running()] == []
    assert not up.answers()
    stop(up)
