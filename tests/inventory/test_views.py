"""One test for each answer of the inventory's pages."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mrm.audit.models import Event
from mrm.inventory import services
from mrm.inventory.models import Dataset, Model, Version
from tests.factories import inventory as factory
from tests.factories.access import Cast
from tests.factories.proposal import decommissioned


@pytest.fixture
def signed_in() -> Callable[[Any], Client]:
    def enter(account: Any) -> Client:
        client = Client()
        client.force_login(account)
        return client

    return enter


Enter = Callable[[Any], Client]
FACTS = {
    "name": "Card fraud",
    "use_summary": "Ranks transactions.",
    "kind": "model",
    "origin": "internal",
    "explainability_need": "business user",
    "autonomy": "advisory",
}


def register_data(cast: Cast, **facts: str) -> dict[str, str]:
    people = {"owner": str(cast.owner.person_id), "developer": str(cast.developer.person_id)}
    return {**FACTS, **people, "unit": str(cast.retail.pk), **facts}


def as_shown(client: Client, url: str) -> dict[str, str]:
    """What a browser would send back from an edit page without any typing."""
    form = client.get(url).context["form"]
    data: dict[str, str] = {}
    for field in form:
        value = field.field.prepare_value(field.initial)
        text = "" if value is None else str(value)
        data[f"initial-{field.name}"] = text
        if text != "False":
            data[field.name] = text
    return data


@pytest.mark.parametrize("name", ["model", "versions", "data", "timeline", "edit", "rate", "retire", "add_version"])
def test_outsider_gets_404_for_every_page_of_a_model(cast: Cast, signed_in: Enter, name: str) -> None:
    model = factory.model(cast)
    assert signed_in(cast.outsider).get(reverse(f"inventory:{name}", args=[model.pk])).status_code == 404


@pytest.mark.parametrize("name", ["version", "edit_version", "attach", "link_dataset", "retire_version"])
def test_outsider_gets_404_for_every_page_of_a_version(cast: Cast, signed_in: Enter, name: str) -> None:
    version = factory.version(cast, factory.model(cast))
    assert signed_in(cast.outsider).get(reverse(f"inventory:{name}", args=[version.pk])).status_code == 404


def test_outsider_gets_404_for_a_data_set(cast: Cast, signed_in: Enter) -> None:
    dataset = factory.dataset(cast)
    assert signed_in(cast.outsider).get(dataset.get_absolute_url()).status_code == 404


def test_outsider_sees_an_empty_list(cast: Cast, signed_in: Enter) -> None:
    factory.model(cast)
    answer = signed_in(cast.outsider).get(reverse("inventory:models"))
    assert (answer.status_code, list(answer.context["page"])) == (200, [])
    assert "Retail PD" not in signed_in(cast.outsider).get(reverse("inventory:export")).getvalue().decode()


@pytest.mark.parametrize("name", ["register", "import", "register_dataset", "packs"])
def test_outsider_is_refused_what_needs_a_role(cast: Cast, signed_in: Enter, name: str) -> None:
    assert signed_in(cast.outsider).get(reverse(f"inventory:{name}")).status_code == 403


@pytest.mark.parametrize("name", ["edit", "rate", "retire", "add_version", "dependencies"])
def test_auditor_reads_but_changes_nothing(cast: Cast, signed_in: Enter, name: str) -> None:
    model = factory.model(cast)
    client = signed_in(cast.auditor)
    assert client.get(reverse("inventory:model", args=[model.pk])).status_code == 200
    assert client.post(reverse(f"inventory:{name}", args=[model.pk])).status_code == 403


def test_owner_registers_a_model(cast: Cast, signed_in: Enter) -> None:
    data = register_data(cast, limitations="Not abroad\n\n Not above 1 m ", **{"regime_us-sr-26-2": "in"})
    answer = signed_in(cast.owner).post(reverse("inventory:register"), data)
    made = Model.objects.get(name="Card fraud")
    assert answer["Location"] == reverse("inventory:model", args=[made.pk])
    assert (made.limitations, made.regimes, made.owner) == (
        ["Not abroad", "Not above 1 m"],
        {"us-sr-26-2": "in"},
        cast.owner.person,
    )
    assert Event.objects.get(subject_id=str(made.pk)).verb == "inventory.register"


def test_a_taken_name_stands_beside_the_field(cast: Cast, signed_in: Enter) -> None:
    factory.model(cast, "Card fraud")
    answer = signed_in(cast.owner).post(reverse("inventory:register"), register_data(cast))
    assert (answer.status_code, answer.context["form"].errors["name"]) == (422, ["Registered already."])
    assert Model.objects.count() == 1


def test_a_unit_out_of_reach_is_no_choice(cast: Cast, signed_in: Enter) -> None:
    answer = signed_in(cast.owner).post(reverse("inventory:register"), register_data(cast, unit=str(cast.markets.pk)))
    assert (answer.status_code, "unit" in answer.context["form"].errors, Model.objects.count()) == (422, True, 0)


def test_edit_sends_only_what_was_touched(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast, limitations=["One"])
    url = reverse("inventory:edit", args=[model.pk])
    client = signed_in(cast.owner)
    answer = client.post(url, {**as_shown(client, url), "limitations": "One\nTwo", "reason": "policy 14"})
    event = Event.objects.get(verb="inventory.edit")
    assert (answer.status_code, event.reason, event.details["fields"]) == (302, "policy 14", "limitations")
    assert Model.objects.get().limitations == ["One", "Two"]


def test_concurrent_edit_is_409_with_theirs_and_yours_and_can_be_redone(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    url = reverse("inventory:edit", args=[model.pk])
    client = signed_in(cast.owner)
    mine = {**as_shown(client, url), "use_summary": "Mine."}
    changes = {"use_summary": "Theirs.", "rationale": "Because."}
    services.edit(model, changes=changes, revision=model.revision, actor=cast.developer)
    answer = client.post(url, mine)
    assert answer.status_code == 409
    assert answer.context["differences"] == [("Use", "Theirs.", "Mine.")]
    assert Model.objects.get().use_summary == "Theirs."
    again = client.post(url, answer.context["form"].data.dict())
    changed = Model.objects.get()
    assert (again.status_code, changed.use_summary, changed.rationale, changed.revision) == (
        302,
        "Mine.",
        "Because.",
        3,
    )


def test_list_takes_constant_queries(cast: Cast, signed_in: Enter) -> None:
    factory.model(cast, "First")
    client = signed_in(cast.owner)
    client.get(reverse("inventory:models"))
    counts = []
    for more in ([], ["Second", "Third"]):
        for name in more:
            factory.model(cast, name)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("inventory:models"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize("name", ["model", "versions", "data", "timeline"])
def test_pages_of_a_model_take_constant_queries(cast: Cast, signed_in: Enter, name: str) -> None:
    model = factory.model(cast)
    client = signed_in(cast.owner)
    url = reverse(f"inventory:{name}", args=[model.pk])

    def add(label: str) -> None:
        version = factory.version(cast, model, label)
        upstream = factory.model(cast, f"Upstream of {label}")
        services.link_models(model, upstream=upstream, kind="score", actor=cast.owner)
        services.link_dataset(
            version, dataset=factory.dataset(cast, f"Data {label}"), role="training", actor=cast.developer
        )

    add("1.0.0")
    client.get(url)
    counts = []
    for more in ([], ["2.0.0", "3.0.0"]):
        for label in more:
            add(label)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("?own=on", ["Mine"]),
        ("?q=mdl-", []),
        ("?q=theirs", ["Theirs"]),
        ("?tier=none", ["Mine", "Theirs"]),
        ("?tier=1", []),
        ("?lifecycle=proposed", ["Mine", "Theirs"]),
        ("?unit=retail", ["Mine", "Theirs"]),
        ("?unit=markets", []),
        ("?overdue=on", []),
        ("?tier=nonsense", ["Mine", "Theirs"]),
    ],
)
def test_the_address_filters_the_list(cast: Cast, signed_in: Enter, address: str, names: list[str]) -> None:
    factory.model(cast, "Mine", developer=cast.owner.person)
    factory.model(cast, "Theirs", owner=cast.developer.person)
    answer = signed_in(cast.owner).get(reverse("inventory:models") + address)
    assert [model.name for model in answer.context["page"]] == names


def test_export_makes_formulas_text(cast: Cast, signed_in: Enter) -> None:
    factory.model(cast, "=HYPERLINK(1)", use_summary="@sum", rationale="-1")
    lines = signed_in(cast.auditor).get(reverse("inventory:export")).getvalue().decode()
    assert "'=HYPERLINK(1)" in lines
    assert ",'@sum," in lines
    assert ",'-1," in lines


def test_a_name_with_markup_stays_text(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast, '<script>alert("x")</script> & co')
    page = signed_in(cast.owner).get(reverse("inventory:model", args=[model.pk])).content.decode()
    assert "<script>alert" not in page
    assert "&amp;amp;" not in page


def test_scorecard_shows_the_result_without_keeping_it(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    url = reverse("inventory:rate", args=[model.pk])
    data = {f"q_{key}": points for key, points in factory.answers(0).items()}
    answer = signed_in(cast.owner).post(url, {**data, "compute": "compute"})
    assert answer.context["result"]["rated"].tier == 1
    assert [floor["key"] for floor in answer.context["result"]["binding"]] == ["capital-use"]
    assert model.ratings.count() == 0
    signed_in(cast.owner).post(url, {**data, "save": "save"})
    assert (model.ratings.get().tier, Model.objects.get().tier) == ("1", "1")


def test_an_unanswered_question_counts_as_the_highest(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    answer = signed_in(cast.owner).post(reverse("inventory:rate", args=[model.pk]), {"compute": "compute"})
    assert (answer.context["result"]["materiality"], answer.context["result"]["unanswered"]) == ("100.00", 15)


def test_override_by_two_steps_is_refused_with_the_rule(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    services.rate_model(model, answers=factory.answers(1), actor=cast.owner)
    url = reverse("inventory:override", args=[model.pk])
    answer = signed_in(cast.officer).post(url, {"tier": "3", "reason": "small"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["tier"] == ["A tier is lowered by 1 step at the most, from 1 computed."]
    assert Model.objects.get().tier == "1"


def test_artifact_with_the_announced_digest_is_attached(cast: Cast, signed_in: Enter) -> None:
    version = factory.version(cast, factory.model(cast))
    content = b"onnx bytes"
    digest = hashlib.sha256(content).hexdigest()
    data = {"file": SimpleUploadedFile("pd.onnx", content), "kind": "onnx", "sha256": digest}
    answer = signed_in(cast.developer).post(reverse("inventory:attach", args=[version.pk]), data)
    assert (answer.status_code, Version.objects.get().artifact_id) == (302, digest)


def test_a_wrong_digest_is_told_and_nothing_is_attached(cast: Cast, signed_in: Enter) -> None:
    version = factory.version(cast, factory.model(cast))
    data = {"file": SimpleUploadedFile("pd.onnx", b"cut sh"), "kind": "onnx", "sha256": "0" * 64}
    answer = signed_in(cast.developer).post(reverse("inventory:attach", args=[version.pk]), data)
    assert answer.status_code == 422
    assert "the upload was cut short or is another file" in answer.content.decode()
    assert Version.objects.get().artifact is None


def test_an_oversized_upload_is_refused(cast: Cast, signed_in: Enter, settings: Any) -> None:
    settings.LARGEST_UPLOAD = 1024 * 1024
    version = factory.version(cast, factory.model(cast))
    data = {"file": SimpleUploadedFile("pd.onnx", b"x" * (1024 * 1024 + 1)), "kind": "onnx"}
    answer = signed_in(cast.developer).post(reverse("inventory:attach", args=[version.pk]), data)
    assert answer.status_code == 422
    assert "The file is larger than 1 MiB, the largest that is taken." in answer.content.decode()


def test_the_artifact_button_is_closed_with_its_reason_after_the_draft(cast: Cast, signed_in: Enter) -> None:
    version = factory.version(cast, factory.model(cast))
    services.retire_version(version, reason="mistake", actor=cast.owner)
    answer = signed_in(cast.developer).get(version.get_absolute_url())
    assert "its artifact is fixed. Add a new version instead." in answer.context["doors"]["attach"]


def upload(cast: Cast, content: bytes, **more: str) -> dict[str, Any]:
    facts = {"name": "Applications", "source": "warehouse", "unit": str(cast.retail.pk)}
    return {**facts, "file": SimpleUploadedFile("a.csv", content), **more}


def test_a_table_is_registered_with_its_profile(cast: Cast, signed_in: Enter) -> None:
    signed_in(cast.developer).post(reverse("inventory:register_dataset"), upload(cast, factory.TABLE))
    made = Dataset.objects.get()
    assert (made.rows, made.columns, made.holds_protected) == (2, ["ltv", "income", "defaulted"], False)
    page = signed_in(cast.developer).get(made.get_absolute_url())
    assert (page.status_code, page.context["shows_values"]) == (200, True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a,b\n1,2\n3\n", "Row 2 has 1 fields and the header 2; the column b is missing"),
        (b'a,b\n1,2\n3,"cut', "the file ends inside it"),
        (b"a,a\n1,2\n", "The column name a appears twice"),
        (b"a,b\n", "The file has a header but no rows."),
        (b"PAR1 cut short", "The Parquet file is damaged or ends too early."),
    ],
    ids=["ragged", "truncated", "twice", "empty", "parquet"],
)
def test_a_broken_table_is_named_by_its_fault(cast: Cast, signed_in: Enter, content: bytes, sentence: str) -> None:
    answer = signed_in(cast.developer).post(reverse("inventory:register_dataset"), upload(cast, content))
    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["form"].errors["file"])
    assert Dataset.objects.count() == 0


def test_a_table_too_large_is_refused(cast: Cast, signed_in: Enter) -> None:
    content = bytes(64 * 1024 * 1024 + 1)
    answer = signed_in(cast.developer).post(reverse("inventory:register_dataset"), upload(cast, content))
    said = "The table is larger than 64 MiB, the largest that is taken here; send Parquet, or a sample."
    assert said in " ".join(answer.context["form"].errors["file"])
    assert Dataset.objects.count() == 0


def test_values_of_protected_attributes_are_shown_to_auditors_only(cast: Cast, signed_in: Enter) -> None:
    dataset = factory.dataset(cast, "Protected", factory.PROTECTED, protected=True)
    assert signed_in(cast.developer).get(dataset.get_absolute_url()).context["shows_values"] is False
    assert signed_in(cast.auditor).get(dataset.get_absolute_url()).context["shows_values"] is True


def test_protected_data_are_linked_as_protected_only(cast: Cast, signed_in: Enter) -> None:
    version = factory.version(cast, factory.model(cast))
    dataset = factory.dataset(cast, "Protected", factory.PROTECTED, protected=True)
    url = reverse("inventory:link_dataset", args=[version.pk])
    client = signed_in(cast.developer)
    answer = client.post(url, {"dataset": str(dataset.pk), "role": "training"})
    assert (answer.status_code, answer.context["form"].errors["role"]) == (422, ["Does not fit the data set."])
    assert client.post(url, {"dataset": str(dataset.pk), "role": "protected"}).status_code == 302


def test_a_circle_of_dependencies_is_refused(cast: Cast, signed_in: Enter) -> None:
    first, second = factory.model(cast, "First"), factory.model(cast, "Second")
    services.link_models(first, upstream=second, kind="score", actor=cast.owner)
    url = reverse("inventory:dependencies", args=[second.pk])
    answer = signed_in(cast.owner).post(url, {"upstream": str(first.pk), "kind": "score"})
    assert answer.status_code == 409
    (reason,) = answer.context["reasons"]
    assert reason.endswith("a circle of dependencies has no first model.")


def test_timeline_tells_refusals_with_their_reasons(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    decommissioned(cast, model)
    signed_in(cast.owner).post(reverse("inventory:retire", args=[model.pk]), {"reason": "again"})
    answer = signed_in(cast.owner).get(reverse("inventory:timeline", args=[model.pk]) + "?refused")
    (day,) = answer.context["days"]
    (entry,) = day.entries
    assert (entry.event.verb, entry.kind) == ("signoff.propose", "bad")
    assert "this is decommissioned." in entry.refusals[0]


def test_every_pack_has_a_page(cast: Cast, signed_in: Enter) -> None:
    client = signed_in(cast.owner)
    page = client.get(reverse("inventory:packs"))
    found = [pack for _kind, rows in page.context["groups"] for pack, _sureness in rows]
    assert len(found) > 15
    for pack in found:
        assert client.get(reverse("inventory:pack", args=[pack.pk])).status_code == 200
