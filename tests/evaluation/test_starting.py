"""A run is started and followed on pages and over the API."""

from django.test import Client
from django.urls import reverse

from mrm.evaluation import queries
from mrm.evaluation.models import Run
from tests.factories import journey
from tests.factories.access import Cast


def _client(account: object) -> Client:
    client = Client()
    client.force_login(account, backend="mrm.project.signin.AccountBackend")
    return client


def test_a_start_with_a_wrong_choice_says_so_beside_the_field(cast: Cast) -> None:
    draft = journey.version(cast)
    address = reverse("evaluation:start", args=[draft.pk])
    given = {
        "dataset": draft.datasets.get(role="test").dataset_id,
        "kinds": ["bias"],
        "label": "default",
        "positive": "1",
    }
    given |= {"event_name": "Default", "cutoff": "0.2", "suite": queries.suites_for(draft)[0].pk}
    answer = _client(cast.developer).post(address, given)
    assert answer.status_code == 422
    assert not Run.objects.exists()
    answer = _client(cast.developer).post(address, given | {"favourable": "below", "reference_sex": "M"})
    assert answer.status_code == 302
    waiting = Run.objects.get()
    assert waiting.settings["references"] == {"sex": "M"}
    assert "Waits for a worker" in _client(cast.developer).get(waiting.get_absolute_url()).content.decode()
    assert "every 2s" in _client(cast.developer).get(reverse("evaluation:progress", args=[waiting.pk])).content.decode()


def test_the_api_starts_follows_and_cancels(cast: Cast) -> None:
    draft = journey.version(cast)
    client, address = _client(cast.developer), reverse("api:runs", args=[draft.pk])
    given = {
        "dataset": str(draft.datasets.get(role="test").dataset_id),
        "kinds": ["performance"],
        "label": "default",
        "favourable": "below",
    }
    unknown = client.post(address, given | {"seeds": 1}, "application/json")
    assert unknown.status_code == 400
    assert unknown.json()["reasons"][0].startswith("seeds: Unknown field; known are ")
    assert client.get(address).json()["count"] == 0
    answer = client.post(address, given, "application/json")
    assert answer.status_code == 202
    assert answer.json()["progress"]["state"] == "queued"
    one = reverse("api:cancel_run", args=[answer.json()["id"]])
    assert client.post(one).json()["status"] == "cancelled"
    again = client.post(one)
    assert (again.status_code, len(again.json()["reasons"])) == (409, 1)
    assert "cancelled" in again.json()["reasons"][0].lower()
    assert client.get(address).json()["count"] == 1
