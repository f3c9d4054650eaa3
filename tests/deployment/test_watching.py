"""What runs on an approval that no longer holds says that it must be withdrawn, until it holds again."""

import datetime as dt
from pathlib import Path

import pytest
from django.utils import timezone

from mrm.access import services as access
from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.core.refusal import Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Target
from mrm.deployment.services.looking import look
from mrm.jobs.models import Job
from mrm.jobs.runner import run_next
from mrm.project.watching import watch_all
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released


def later(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    now = timezone.now() + dt.timedelta(**passed)
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def running(cast: Cast, place: Target, tmp_path: Path) -> Deployment:
    model = a_model(cast)
    version = an_approved(cast, model, tmp_path)
    opened = services.create(model, target=place, endpoint="credit", actor=cast.deployer)
    released(cast, services.deploy(opened, version=version, actor=cast.deployer))
    while run_next():
        pass
    opened.refresh_from_db()
    assert opened.sync == "in_sync"
    return opened


def test_an_overdue_condition_reaches_what_runs(
    cast: Cast, running: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = dict.fromkeys(
        ("settled", "looked_again", "escalated", "findings", "access", "approvals", "deployments"), 0
    )
    assert watch_all() == nothing
    later(monkeypatch, days=31)
    assert watch_all() == nothing | {"approvals": 1, "deployments": 1}
    assert services.watch() == 0
    running.refresh_from_db()
    assert running.sync == "drifted"
    assert running.drift[0]["sentence"].startswith("Must be withdrawn: The approval of")
    assert "is overdue and not met" in running.drift[0]["sentence"]
    assert Job.objects.filter(kind="deployment.observe", label__startswith="Must be withdrawn").count() == 1
    assert Event.objects.get(verb="deployment.flag").actor == "system:deployment"
    granted = Approval.objects.get()
    for condition in granted.conditions.all():
        approval.meet_condition(condition, note="Seen.", actor=cast.officer)
    assert services.watch() == 1
    running.refresh_from_db()
    assert (running.drift, running.sync) == ([], "in_sync")


def test_a_lost_role_reaches_what_runs_and_closes_the_next_deployment(cast: Cast, running: Deployment) -> None:
    access.revoke(cast.officer.role_grants.get(), reason="Left.", actor=SETUP)
    assert services.watch() == 1
    running.refresh_from_db()
    assert "no longer carry the approval" in running.drift[0]["sentence"]
    version = running.revisions.get().version
    assert version
    with pytest.raises(Refused, match="may not be deployed"):
        services.deploy(running, version=version, actor=cast.deployer)
    look(str(running.pk))
    running.refresh_from_db()
    assert running.drift[0]["sentence"].startswith("Must be withdrawn: "), "looking again forgets nothing"
