"""A place that says that something changed is looked at early; a call that does not prove itself is refused on record."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from mrm.audit.models import Event
from mrm.connectors.webhook.signing import message
from mrm.core.refusal import Forbidden, Refused
from mrm.deployment import services as deployment
from mrm.deployment.models import Deployment, Look, Target
from mrm.discovery import services
from mrm.discovery.models import Call, Sighting
from mrm.discovery.services.calling import MOST
from mrm.jobs.models import Job
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_model

SECRET = "a secret of twenty-nine signs"


@pytest.fixture
def place(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "of no use")
    monkeypatch.setenv("MRM_SECRET_CALLS", SECRET)
    made = deployment.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    return services.set_caller(made, secret_name="calls", actor=cast.administrator)


@pytest.fixture
def endpoint(cast: Cast, place: Target) -> Deployment:
    made = deployment.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)
    Look.objects.filter(deployment=made).update(due=timezone.now() + dt.timedelta(hours=1))
    return made


def address(place: Target) -> str:
    return f"/api/v1/targets/{place.pk}/changed/"


def by_mlflow(body: bytes, secret: str = SECRET, at: float | None = None, number: str = "") -> dict[str, str]:
    """The headers that MLflow 3 sends with a webhook."""
    moment, number = str(int(at or time.time())), number or str(uuid.uuid4())
    signed = hmac.new(secret.encode(), f"{number}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "X-MLflow-Signature": "v1," + base64.b64encode(signed).decode(), "X-MLflow-Delivery-Id": number,
        "X-MLflow-Timestamp": moment,
    }  # fmt: skip


def by_us(place: Target, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers by which this system signs its own calls."""
    moment, number, content = str(int(time.time())), uuid.uuid4().hex, hashlib.sha256(body).hexdigest()
    signed = message("POST", address(place), moment, number, content, "")
    told = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"Mrm-Signature": f"hmac-sha256={told}", "Mrm-Timestamp": moment, "Mrm-Number": number}


def called(place: Target, body: bytes, headers: dict[str, str]) -> HttpResponse:
    client: Any = Client(enforce_csrf_checks=True)
    return client.post(address(place), body, content_type="application/json", headers=headers)


def jobs() -> list[str]:
    return sorted(Job.objects.values_list("kind", flat=True))


def test_a_signed_call_has_the_place_looked_at_and_listed_once_and_says_nothing_else(endpoint: Deployment) -> None:
    body = json.dumps({"entity": "model_version_alias", "data": {"name": "credit", "version": "666"}}).encode()
    for headers in (by_mlflow(body), by_us(endpoint.target, body)):
        assert called(endpoint.target, body, headers).status_code == 202
    assert jobs() == ["deployment.look", "discovery.list"], "two calls, one look"
    assert Look.objects.get(deployment=endpoint).due <= timezone.now()
    event = Event.objects.filter(verb="discovery.hear").latest("position")
    assert (event.outcome, event.actor, event.details["endpoints"]) == ("done", "system:places", 1)
    assert (Sighting.objects.count(), Deployment.objects.get().observed) == (0, {})


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"secret": "another secret of its own"}, "not signed with the secret of this place"),
        ({"at": time.time() - 400}, "more than 300 seconds from ours"),
        ({"at": time.time() + 100_000}, "more than 300 seconds from ours"),
        ({"number": "short"}, "no number of its own"),
    ],
)
def test_a_call_that_proves_nothing_is_refused_and_recorded(
    endpoint: Deployment, fault: dict[str, Any], sentence: str
) -> None:
    told = called(endpoint.target, b"{}", by_mlflow(b"{}", **fault))
    assert (told.status_code, sentence in told.json()["reasons"][0]) == (403, True), told.content
    event = Event.objects.get(verb="discovery.hear")
    assert (event.outcome, event.object_id, jobs(), Call.objects.count()) == ("refused", str(endpoint.target.pk), [], 0)


def test_another_body_a_missing_signature_and_a_call_sent_again_are_not_heard(endpoint: Deployment) -> None:
    headers = by_mlflow(b"{}")
    assert called(endpoint.target, b'{"a": 1}', headers).status_code == 403
    assert called(endpoint.target, b"{}", {}).status_code == 403
    assert called(endpoint.target, b"{}", headers | {"X-MLflow-Signature": "v1,%%%"}).status_code == 403
    assert called(endpoint.target, b"{}", headers).status_code == 202
    again = called(endpoint.target, b"{}", headers)
    assert (again.status_code, "heard before" in again.json()["reasons"][0]) == (409, True)
    assert (Call.objects.count(), jobs()) == (1, ["deployment.look", "discovery.list"])


def test_a_place_that_calls_too_often_is_not_listened_to(endpoint: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)  # the next minute has its own count
    answers = [called(endpoint.target, b"{}", {}).status_code for _ in range(MOST + 3)]
    assert (answers[:MOST], answers[-1]) == ([403] * MOST, 429)
    assert Event.objects.filter(verb="discovery.hear").count() <= 2 * MOST


def test_who_may_call_is_set_by_a_role_and_taken_away_again(
    cast: Cast, place: Target, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Forbidden):
        services.set_caller(place, secret_name="calls", actor=cast.deployer)
    with pytest.raises(Refused, match="not set"):
        services.set_caller(place, secret_name="missing", actor=cast.administrator)
    with pytest.raises(Refused, match="key of this system"):
        services.set_caller(place, secret_name="statement-key", actor=cast.administrator)
    monkeypatch.setenv("MRM_SECRET_WEAK", "short")
    with pytest.raises(Refused, match="too short to sign with"):
        services.set_caller(place, secret_name="weak", actor=cast.administrator)
    client.force_login(fresh(cast.administrator))
    page = client.get(f"/deployments/places/{place.pk}/").content.decode()
    assert (address(place) in page, SECRET in page) == (True, False)
    assert client.post(f"/found/places/{place.pk}/caller/", {"secret_name": ""}).status_code == 302
    assert called(place, b"{}", by_mlflow(b"{}")).status_code == 404
