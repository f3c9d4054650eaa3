"""Pages and API of runs: one answer each."""

import pytest
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


@pytest.fixture
def run(cast: Cast) -> Run:
    return journey.evaluated(cast, journey.version(cast), ["bias"])


def test_the_page_of_a_run_shows_groups_limits_and_pins(cast: Cast, run: Run) -> None:
    page = _client(cast.owner).get(run.get_absolute_url()).content.decode()
    for words in ("Result by group and measure", "Withheld", "screening convention", run.digest, "fairlearn"):
        assert words in page


def test_outsider_sees_nothing_of_a_run(cast: Cast, run: Run) -> None:
    client = _client(cast.outsider)
    for name in ("run", "progress", "results_csv", "results_json"):
        assert client.get(reverse(f"evaluation:{name}", args=[run.pk])).status_code == 404
    assert client.post(reverse("evaluation:cancel", args=[run.pk])).status_code == 404
    assert client.get(reverse("evaluation:figure", args=[run.pk, "impact_ratio", "light"])).status_code == 404
    assert client.get(reverse("evaluation:start", args=[run.version_id])).status_code == 404
    assert client.get(reverse("api:run", args=[run.pk])).status_code == 404
    assert run.ref not in client.get(reverse("evaluation:runs")).content.decode()


def test_a_figure_is_a_confined_drawing(cast: Cast, run: Run) -> None:
    answer = _client(cast.owner).get(reverse("evaluation:figure", args=[run.pk, "impact_ratio", "light"]))
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    again = _client(cast.owner).get(answer.request["PATH_INFO"], headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    assert _client(cast.owner).get(answer.request["PATH_INFO"].replace("light", "blue")).status_code == 404


def test_results_are_taken_along(cast: Cast, run: Run) -> None:
    client = _client(cast.owner)
    table = client.get(reverse("evaluation:results_csv", args=[run.pk])).getvalue().decode()
    assert table.splitlines()[0].startswith("measure,attribute,group")
    document = client.get(reverse("evaluation:results_json", args=[run.pk])).getvalue()
    assert run.digest.encode() in document
    one = client.get(reverse("evaluation:results_csv", args=[run.pk]), {"figure": "impact_ratio"}).getvalue()
    assert one.startswith(b"Attribute,Group")


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


def test_progress_of_an_ended_run_asks_for_the_page_anew(cast: Cast, run: Run) -> None:
    answer = _client(cast.owner).get(reverse("evaluation:progress", args=[run.pk]))
    assert answer["HX-Refresh"] == "true"


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
