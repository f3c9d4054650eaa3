"""What a person or a program may send wrongly: the sentence on the page and in the API, and the state afterwards."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from mrm.audit.models import Event
from mrm.inventory import services
from mrm.inventory.models import Dataset, Model
from tests.factories import inventory as factory
from tests.factories.access import Cast
from tests.inventory.test_importing import row, table
from tests.inventory.test_views import as_shown, register_data, upload


@pytest.fixture
def developer(cast: Cast, client: Client) -> Client:
    client.force_login(cast.developer)
    return client


def api(account: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(account)
    return client


def test_broken_rows_are_listed_by_row_and_column_and_none_is_imported(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    content = table(row("A"), row("B", owner="nobody@bank.example"), row("C"), "D,retail", row("E", unit="moon"))
    answer = client.post(reverse("inventory:import"), {"file": SimpleUploadedFile("m.csv", content.encode())})
    page = answer.content.decode()
    assert answer.status_code == 422
    found = {(problem.row, problem.column) for problem in answer.context["plan"].problems}
    assert found == {(3, "owner"), (5, ""), (6, "unit")}
    assert "Nobody with the address nobody@bank.example is entered." in page
    assert "The row has 2 fields and the header 5." in page
    assert "No unit with the key moon in which you may register models." in page
    assert "3 faults were found; nothing is imported until they are corrected." in page
    assert (Model.objects.count(), Event.objects.filter(verb="inventory.import_models").count()) == (0, 0)


def test_an_import_over_its_size_is_refused_with_the_limit(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    large = SimpleUploadedFile("m.csv", b"name\n" + b"x" * (16 * 1024 * 1024))
    answer = client.post(reverse("inventory:import"), {"file": large})
    assert (answer.status_code, "The file is larger than 16 MiB; split it." in answer.content.decode()) == (422, True)
    assert Model.objects.count() == 0


def test_an_import_in_another_encoding_is_named_by_its_row(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    latin = SimpleUploadedFile("m.csv", table(row("A"), row("Bürokredit")).encode("latin-1"))
    answer = client.post(reverse("inventory:import"), {"file": latin})
    sentence = "The text in row 3 is not UTF-8; save the file as CSV UTF-8."
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert Model.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a,b\n1,2\n3\n", "Row 2 has 1 fields and the header 2; the column b is missing."),
        (b'a,b\n1,2\n3,"cut', "Row 2 cannot be read, or the file ends inside it"),
        (b"PAR1 cut short", "The Parquet file is damaged or ends too early."),
    ],
    ids=["ragged", "truncated", "parquet"],
)
def test_a_broken_table_is_told_alike_on_the_page_and_in_the_api(
    cast: Cast, developer: Client, content: bytes, sentence: str
) -> None:
    page = developer.post(reverse("inventory:register_dataset"), upload(cast, content))
    facts = {"name": "Applications", "source": "warehouse", "unit": "retail"}
    file = SimpleUploadedFile("a.csv", content)
    answer = api(cast.developer).post("/api/v1/datasets/", {**facts, "file": file}, format="multipart")
    assert (page.status_code, answer.status_code) == (422, 422)
    assert sentence in " ".join(page.context["form"].errors["file"])
    assert sentence in answer.json()["reasons"][0]
    assert Dataset.objects.count() == 0


def test_fields_that_the_form_does_not_have_change_nothing(cast: Cast, client: Client) -> None:
    """A page sends only its own fields; what somebody adds by hand is not taken."""
    client.force_login(cast.owner)
    smuggled = {"tier": "4", "lifecycle": "in production", "number": "7", "revision": "9"}
    client.post(reverse("inventory:register"), register_data(cast, **smuggled))
    made = Model.objects.get()
    assert (made.tier, made.lifecycle, made.revision) == ("", "proposed", 1)


def test_a_draft_changed_meanwhile_is_409_with_both_values_on_page_and_in_the_api(
    cast: Cast, developer: Client
) -> None:
    version = factory.version(cast, factory.model(cast))
    url = reverse("inventory:edit_version", args=[version.pk])
    mine = {**as_shown(developer, url), "methodology": "Mine."}
    services.edit_version(version, changes={"methodology": "Theirs."}, revision=version.revision, actor=cast.owner)
    page = developer.post(url, mine)
    assert page.status_code == 409
    assert [(now, mine) for _label, now, mine in page.context["differences"]] == [("Theirs.", "Mine.")]
    assert "was changed by somebody else meanwhile. Differing now: methodology." in page.content.decode()
    body = {"methodology": "Mine.", "revision": version.revision}
    answer = api(cast.developer).patch(f"/api/v1/versions/{version.pk}/", body)
    assert (answer.status_code, answer.json()["changes"]) == (
        409,
        {"methodology": {"yours": "Mine.", "theirs": "Theirs."}},
    )
    assert answer.json()["reasons"][0].endswith("Differing now: methodology.")
    version.refresh_from_db()
    assert (version.methodology, version.revision) == ("Theirs.", 2)
    assert Event.objects.filter(verb="inventory.edit_version", outcome="done").count() == 1
