"""Long work, as its asker, an administrator and a stranger see it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIRequestFactory, force_authenticate

from mrm.access.models import Account
from mrm.jobs import api, services
from mrm.jobs.models import Job, JobState
from tests.factories.access import Cast


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


@pytest.fixture
def job(cast: Cast) -> Job:
    return services.request("test.kind", label="Evaluate Retail PD", subject=cast.retail, actor=cast.owner)


@pytest.mark.parametrize("name", ["job", "progress"])
def test_anothers_work_is_not_there(cast: Cast, job: Job, name: str) -> None:
    url = reverse(f"jobs:{name}", args=[job.pk])
    assert client_of(cast.developer).get(url).status_code == 404
    assert client_of(cast.owner).get(url).status_code == 200
    assert client_of(cast.administrator).get(url).status_code == 200


def test_the_list_holds_ones_own_work(cast: Cast, job: Job) -> None:
    assert [row["job"] for row in client_of(cast.owner).get(reverse("jobs:jobs")).context["rows"]] == [job]
    assert client_of(cast.developer).get(reverse("jobs:jobs")).context["rows"] == []
    assert client_of(cast.owner).get(reverse("jobs:jobs") + "?state=done").context["rows"] == []


def test_open_work_is_polled_and_ended_work_is_not(cast: Cast, job: Job) -> None:
    url = reverse("jobs:progress", args=[job.pk])
    assert f'hx-get="{url}"' in client_of(cast.owner).get(url).content.decode()
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, error="VR-0377 has no signed file.")
    ended = client_of(cast.owner).get(url).content.decode()
    assert "hx-get" not in ended
    assert "VR-0377 has no signed file." in ended


def test_progress_counts_what_is_done(cast: Cast, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, stage="Bias", done=14, total=23)
    context = client_of(cast.owner).get(reverse("jobs:progress", args=[job.pk])).context
    assert (context["sub"], context["value"]) == ("Bias, 14 of 23", 61)


def test_the_asker_stops_waiting_work_once(cast: Cast, job: Job) -> None:
    url = reverse("jobs:cancel", args=[job.pk])
    assert client_of(cast.developer).post(url).status_code == 404
    assert client_of(cast.owner).get(url).status_code == 405
    client_of(cast.owner).post(url)
    assert Job.objects.get().state == JobState.CANCELLED
    again = client_of(cast.owner).post(url)
    assert (again.status_code, "This work is cancelled already." in again.content.decode()) == (409, True)
    assert Job.objects.get().state == JobState.CANCELLED


def test_programs_read_the_state(cast: Cast, job: Job) -> None:
    def get(account: Account) -> Any:
        request = APIRequestFactory().get("/")
        force_authenticate(request, account)
        return api.OneJob.as_view()(request, pk=job.pk)

    assert (get(cast.owner).data["state"], get(cast.developer).status_code) == ("queued", 404)
