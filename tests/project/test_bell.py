"""The broker is a doorbell: without it nothing is lost, nothing is doubled, and nobody is stopped."""

import time
from pathlib import Path

import pytest

from mrm.approval.models import Approval
from mrm.audit.models import Event, Undispatched
from mrm.jobs import runner, services
from mrm.jobs.kinds import KINDS, Kind, Progress
from mrm.jobs.models import Job
from mrm.project.celery import app, ring, ring_jobs
from mrm.project.reactions import dispatch_all
from mrm.reporting.models import Document
from tests.factories.access import Cast
from tests.factories.approved import a_model, an_approved

DONE: list[str] = []


@pytest.fixture
def counting() -> str:
    """A kind of job that only counts how often it was done."""

    def work(arguments: dict[str, str], progress: Progress) -> None:
        progress("Counting", 1, 1)
        DONE.append(arguments["name"])

    DONE.clear()
    if "tests.count" not in KINDS:
        KINDS.add("tests.count", Kind(work))
    return "tests.count"


@pytest.fixture
def no_broker(tmp_path: Path) -> None:
    app.conf.broker_url = f"redis+socket://{tmp_path}/nobody.sock"


def test_a_dead_broker_delays_the_work_and_loses_none(cast: Cast, counting: str, no_broker: None) -> None:
    began = time.monotonic()
    job = services.request(counting, label="Count", subject=cast.retail, actor=cast.owner, name="one")
    ring_jobs()
    ring()
    assert time.monotonic() - began < 1
    assert Job.objects.get(pk=job.pk).state == "queued"
    assert runner.run_next() is True
    assert runner.run_next() is False
    assert DONE == ["one"]
    assert Job.objects.get(pk=job.pk).state == "done"


def test_ringing_twice_does_not_do_it_twice(cast: Cast, counting: str) -> None:
    services.request(counting, label="Count", subject=cast.retail, actor=cast.owner, name="one")
    assert [runner.run_next(), runner.run_next(), runner.run_next()] == [True, False, False]
    assert DONE == ["one"]


def test_a_reaction_follows_its_event_once_and_the_outbox_empties(cast: Cast, tmp_path: Path) -> None:
    version = an_approved(cast, a_model(cast), tmp_path)
    assert Approval.objects.get(version=version).status == "valid"
    granted = Event.objects.get(verb="approval.grant", outcome="done")
    assert Undispatched.objects.filter(event=granted).exists()
    assert dispatch_all() == 2  # the artifact that was attached, and the decision
    assert dispatch_all() == 0
    assert Document.objects.filter(version=version).count() == 1
    assert not Undispatched.objects.filter(event=granted).exists()


def test_a_crash_between_commit_and_dispatch_repeats_the_reaction_harmlessly(cast: Cast, tmp_path: Path) -> None:
    version = an_approved(cast, a_model(cast), tmp_path)
    dispatch_all()
    granted = Event.objects.get(verb="approval.grant", outcome="done")
    Undispatched.objects.create(event=granted)
    dispatch_all()
    assert Document.objects.filter(version=version).count() == 1
