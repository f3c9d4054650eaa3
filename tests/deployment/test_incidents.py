"""Incidents and environments on the page and in the API: who reads, explains, closes, freezes and names."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access.models import Account
from mrm.core.refusal import Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Environment, Incident, Target
from mrm.deployment.workflow import INCIDENTS, IncidentState
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released

CLOSERS = {"officer", "second_officer"}


@pytest.fixture
def incident(cast: Cast, place: Target, tmp_path: Path) -> Incident:
    """A deployment that was not brought about."""
    deployment: Deployment = services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)
    version = an_approved(cast, deployment.model, tmp_path)
    revision = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    services.give_up(str(revision.pk), "The engine did not answer.")
    return Incident.objects.get()


def page(account: Account, name: str, record: Any, **sent: Any) -> Any:
    client = Client()
    client.force_login(fresh(account), backend="mrm.project.signin.AccountBackend")
    address = reverse(f"deployment:{name}", args=[record.pk] if record else [])
    return client.post(address, sent, follow=True) if sent else client.get(address)


def api(account: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(fresh(account))
    return client


def test_the_table_of_incidents_is_complete(cast: Cast, incident: Incident) -> None:
    """Every state, the one move, every person."""
    assert [(move.name, move.sources, move.target) for move in INCIDENTS] == [
        ("close_incident", (IncidentState.OPEN,), IncidentState.CLOSED)
    ]
    may = {
        name for name, who in cast.everybody().items() if all(o.open for o in INCIDENTS.offered(incident, fresh(who)))
    }
    assert may == CLOSERS
    services.close_incident(incident, resolution="The engine was restarted.", actor=fresh(cast.officer))
    incident.refresh_from_db()
    assert (incident.status, INCIDENTS.offered(incident, fresh(cast.officer))) == ("closed", [])
    with pytest.raises(Refused, match="is open from open; this is closed"):
        services.close_incident(incident, resolution="Again.", actor=fresh(cast.officer))


def test_an_incident_is_explained_by_the_deployer_and_closed_by_the_officer(cast: Cast, incident: Incident) -> None:
    told = page(cast.deployer, "incident", incident).content.decode()
    assert "Revision 1 was not brought about. The engine did not answer." in told
    assert "This is done by a risk officer" in told
    assert page(cast.deployer, "explain_incident", incident, cause="A cable.").status_code == 200
    closed = page(cast.officer, "close_incident", incident, resolution="Mended.").content.decode()
    assert "Closed" in closed
    assert page(cast.outsider, "incident", incident).status_code == 404
    assert "credit" not in page(cast.outsider, "incidents", None).content.decode()


def test_the_api_tells_and_closes_incidents(cast: Cast, incident: Incident) -> None:
    address = f"/api/v1/incidents/{incident.pk}/"
    assert api(cast.auditor).get("/api/v1/incidents/").json()["results"][0]["kind"] == "push_failed"
    assert api(cast.outsider).get(address).status_code == 404
    assert api(cast.deployer).post(f"{address}close/", {"resolution": "Fine."}).status_code == 403
    assert api(cast.deployer).post(f"{address}explain/", {"cause": "A cable."}).json()["cause"] == "A cable."
    closed = api(cast.officer).post(f"{address}close/", {"resolution": "Mended."}).json()
    assert (closed["status"], closed["resolution"]) == ("closed", "Mended.")


def test_an_environment_is_kept_by_administrator_and_officer(cast: Cast, place: Target) -> None:
    production: Environment = place.environment
    policy = {"drift_policy": "freeze", "look_every": 60, "named_only": "on", "reason": "Stricter."}
    policy |= {"log_least": "must_log", "inputs_least": "hashed", "withdrawn_least": "stop"}
    assert page(cast.deployer, "set_policy", production, **policy).status_code == 403
    told = page(cast.administrator, "set_policy", production, **policy).content.decode()
    assert "closed to changes until it is closed" in told
    assert "No answer without its line in the log" in told
    page(cast.administrator, "name_deployer", production, person=cast.deployer.person_id)
    assert cast.deployer.name in page(cast.officer, "environment", production).content.decode()
    tomorrow = (timezone.now() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    frozen = {"starts_at": "2026-01-01T00:00", "ends_at": tomorrow, "reason": "Year end."}
    assert "Frozen until" in page(cast.officer, "declare_freeze", production, **frozen).content.decode()
    freeze = production.freezes.get()
    assert "Lifted" in page(cast.officer, "lift_freeze", freeze, reason="Over.").content.decode()
    assert page(cast.outsider, "environment", production).status_code == 404


def test_the_api_defines_an_environment_and_its_rules(cast: Cast, place: Target) -> None:
    keeper = api(cast.administrator)
    made = keeper.post("/api/v1/environments/", {"key": "eu", "name": "Europe", "stage": "production"})
    assert (made.status_code, made.json()["drift_policy"]) == (201, "report")
    again = keeper.post("/api/v1/environments/", {"key": "eu", "name": "Europe", "stage": "production"})
    assert again.json()["reasons"] == ["There is an environment eu already."]
    address = f"/api/v1/environments/{made.json()['id']}/"
    named = keeper.post(f"{address}deployers/", {"person": str(cast.deployer.person_id)}).json()
    assert named["deployers"] == [cast.deployer.name]
    assert keeper.delete(f"{address}deployers/", {"person": str(cast.deployer.person_id)}).json()["deployers"] == []
    span = {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z", "reason": "x"}
    assert "ends after it starts" in api(cast.officer).post(f"{address}freezes/", span).json()["reasons"][0]
