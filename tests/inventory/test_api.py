"""The inventory for programs: the same rules, named faults."""

import hashlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from mrm.audit.models import Event
from mrm.inventory import services
from mrm.inventory.models import Dataset, Model, Version
from tests.factories import inventory as factory
from tests.factories.access import Cast

BODY = {
    "name": "Retail PD",
    "unit": "retail",
    "owner": "olivia.owner@bank.example",
    "developer": "dev.developer@bank.example",
    "use_summary": "Lends.",
}


def client_of(account: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(account)
    return client


def test_owner_registers_with_units_by_key_and_persons_by_address(cast: Cast) -> None:
    answer = client_of(cast.owner).post("/api/v1/models/", {**BODY, "limitations": ["Not abroad"]})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["unit"], body["owner"], body["limitations"], body["revision"]) == (
        "retail",
        "olivia.owner@bank.example",
        ["Not abroad"],
        1,
    )
    assert body["moves"] == [{"name": "retire", "verb": "inventory.retire", "open": True, "reasons": []}]


def test_an_unknown_field_is_a_fault(cast: Cast) -> None:
    answer = client_of(cast.owner).post("/api/v1/models/", {**BODY, "tier": "4"})
    assert answer.status_code == 400
    assert answer.json()["reasons"][0].startswith("tier: Unknown field; known are")
    assert Model.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("owner", "nobody@bank.example", "owner: Nobody with the address nobody@bank.example is entered."),
        ("unit", "markets", "unit: No unit with the key markets is in your reach."),
    ],
)
def test_an_unknown_name_is_a_fault(cast: Cast, field: str, value: str, sentence: str) -> None:
    answer = client_of(cast.owner).post("/api/v1/models/", {**BODY, field: value})
    assert (answer.status_code, answer.json()["reasons"]) == (400, [sentence])


def test_a_taken_name_is_422_beside_its_field(cast: Cast) -> None:
    factory.model(cast)
    answer = client_of(cast.owner).post("/api/v1/models/", BODY)
    assert (answer.status_code, answer.json()["fields"]) == (422, {"name": ["Registered already."]})


def test_auditor_may_not_register(cast: Cast) -> None:
    assert client_of(cast.auditor).post("/api/v1/models/", BODY).status_code == 403


def test_nobody_is_let_in_without_a_credential(cast: Cast) -> None:
    assert APIClient().get("/api/v1/models/").status_code == 401


def test_outsider_gets_404_and_an_empty_list(cast: Cast) -> None:
    model = factory.model(cast)
    version = factory.version(cast, model)
    dataset = factory.dataset(cast)
    client = client_of(cast.outsider)
    for path in (
        f"models/{model.pk}/",
        f"models/{model.pk}/versions/",
        f"models/{model.pk}/timeline/",
        f"versions/{version.pk}/",
        f"datasets/{dataset.pk}/",
    ):
        assert client.get(f"/api/v1/{path}").status_code == 404, path
    for path in ("models/", "datasets/", "units/"):
        assert client.get(f"/api/v1/{path}").json()["results"] == []
    assert client.patch(f"/api/v1/models/{model.pk}/", {"revision": 1, "name": "x"}).status_code == 404
    assert client.post(f"/api/v1/models/{model.pk}/rating/", {"answers": {}}).status_code == 404


def test_list_is_filtered_and_a_strange_filter_is_a_fault(cast: Cast) -> None:
    factory.model(cast, "Mine")
    factory.model(cast, "Theirs", owner=cast.lead.person)
    client = client_of(cast.owner)
    assert [row["name"] for row in client.get("/api/v1/models/?own=true").json()["results"]] == ["Mine"]
    assert client.get("/api/v1/models/?tier=9").status_code == 400


def test_patch_with_an_old_revision_is_409_with_both_values(cast: Cast) -> None:
    model = factory.model(cast)
    services.edit(model, changes={"use_summary": "Theirs."}, revision=1, actor=cast.developer)
    client = client_of(cast.owner)
    answer = client.patch(f"/api/v1/models/{model.pk}/", {"use_summary": "Mine.", "revision": 1})
    assert answer.status_code == 409
    assert answer.json()["changes"] == {"use_summary": {"yours": "Mine.", "theirs": "Theirs."}}
    done = client.patch(f"/api/v1/models/{model.pk}/", {"use_summary": "Mine.", "revision": 2, "reason": "agreed"})
    assert (done.status_code, done.json()["revision"]) == (200, 3)
    assert Event.objects.filter(verb="inventory.edit").latest("position").reason == "agreed"


def test_patch_needs_the_revision(cast: Cast) -> None:
    answer = client_of(cast.owner).patch(f"/api/v1/models/{factory.model(cast).pk}/", {"name": "Other"})
    assert (answer.status_code, answer.json()["reasons"]) == (400, ["revision: Name the revision that you read."])


def test_rating_answers_with_its_points(cast: Cast) -> None:
    model = factory.model(cast)
    answer = client_of(cast.owner).post(f"/api/v1/models/{model.pk}/rating/", {"answers": factory.answers(0)})
    assert answer.status_code == 201
    assert (answer.json()["tier"], answer.json()["materiality_score"], answer.json()["method"]) == (
        "1",
        "80.95",
        "tiering-default 1.0",
    )


def test_a_version_is_added_edited_and_given_its_artifact_and_data(cast: Cast) -> None:
    model, dataset = factory.model(cast), factory.dataset(cast)
    client = client_of(cast.developer)
    made = client.post(f"/api/v1/models/{model.pk}/versions/", {"label": "1.0.0", "features": ["ltv"]}).json()
    assert (made["developer"], made["status"]) == ("dev.developer@bank.example", "draft")
    path = f"/api/v1/versions/{made['id']}/"
    edited = client.patch(path, {"cutoff": "0.045", "revision": made["revision"]})
    assert (edited.status_code, edited.json()["cutoff"]) == (200, "0.045000")
    content = b"onnx"
    digest = hashlib.sha256(content).hexdigest()
    body = {"file": SimpleUploadedFile("pd.onnx", content), "kind": "onnx", "sha256": digest}
    attached = client.put(f"{path}artifact/", body, format="multipart")
    assert attached.json()["artifact"]["sha256"] == digest
    linked = client.post(f"{path}datasets/", {"dataset": str(dataset.pk), "role": "training"})
    assert (linked.status_code, linked.json()["sha256"]) == (201, dataset.sha256)
    assert [link["role"] for link in client.get(path).json()["datasets"]] == ["training"]


def test_a_wrong_digest_is_told(cast: Cast) -> None:
    version = factory.version(cast, factory.model(cast))
    body = {"file": SimpleUploadedFile("pd.onnx", b"cut"), "kind": "onnx", "sha256": "0" * 64}
    answer = client_of(cast.developer).post(f"/api/v1/versions/{version.pk}/artifact/", body, format="multipart")
    assert answer.status_code == 422
    assert "was announced" in answer.json()["reasons"][0]
    assert Version.objects.get().artifact is None


def test_a_table_is_uploaded_and_its_digest_checked(cast: Cast) -> None:
    client = client_of(cast.developer)
    body = {"name": "Applications", "source": "warehouse", "unit": "retail", "holds_protected": "true"}

    def send(**more: str) -> Any:
        file = SimpleUploadedFile("a.csv", factory.PROTECTED)
        return client.post("/api/v1/datasets/", {**body, "file": file, **more}, format="multipart")

    assert "cut short" in send(sha256="0" * 64).json()["reasons"][0]
    assert Dataset.objects.count() == 0
    answer = send(sha256=hashlib.sha256(factory.PROTECTED).hexdigest())
    assert (answer.status_code, answer.json()["rows"]) == (201, 2)
    assert answer.json()["profile"][1] == {"name": "age", "type": "integer", "nulls": 0, "distinct": 2}
    seen = client_of(cast.auditor).get(f"/api/v1/datasets/{answer.json()['id']}/").json()
    assert seen["profile"][1]["max"] == 51


def test_timeline_tells_sentences_and_changes(cast: Cast) -> None:
    model = factory.model(cast)
    services.edit(model, changes={"rationale": "Because."}, revision=1, actor=cast.owner, reason="asked")
    newest, oldest = client_of(cast.auditor).get(f"/api/v1/models/{model.pk}/timeline/").json()["results"]
    assert (newest["sentence"], newest["reason"]) == ("changed rationale of Retail PD", "asked")
    assert (newest["changes"][0]["after"]["rationale"], newest["previous"]) == ("Because.", oldest["digest"])


def test_a_token_without_the_scope_reads_only(cast: Cast) -> None:
    cast.owner.scopes = ()
    client = client_of(cast.owner)
    assert client.get("/api/v1/models/").status_code == 200
    answer = client.post("/api/v1/models/", BODY)
    assert answer.status_code == 403
    assert "This token does not cover inventory.register" in answer.json()["reasons"][0]
