"""Pages of a run that ended: one answer each."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mrm.evaluation.models import Run
from tests.factories import journey
from tests.factories.access import Cast

pytestmark = pytest.mark.xdist_group("run of pages")  # its fixture is a run


def _client(account: object) -> Client:
    client = Client()
    client.force_login(account, backend="mrm.project.signin.AccountBackend")
    return client


@pytest.fixture(scope="module")
def made(module_storage: Path, django_db_blocker: Any) -> tuple[Cast, Run]:
    with django_db_blocker.unblock():
        cast = Cast()
        return cast, journey.evaluated(cast, journey.version(cast), ["bias"])


@pytest.fixture
def cast(made: tuple[Cast, Run], db: None) -> Cast:
    return made[0].anew()


@pytest.fixture
def run(made: tuple[Cast, Run], module_storage: Path, storage: Path, db: None) -> Run:
    shutil.copytree(module_storage / "blobs", storage / "blobs", dirs_exist_ok=True)
    return Run.objects.get(pk=made[1].pk)


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


def test_progress_of_an_ended_run_asks_for_the_page_anew(cast: Cast, run: Run) -> None:
    answer = _client(cast.owner).get(reverse("evaluation:progress", args=[run.pk]))
    assert answer["HX-Refresh"] == "true"
