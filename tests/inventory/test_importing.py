"""An import is judged as a whole and entered as a whole."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from mrm.audit.models import Event
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import services
from mrm.inventory.models import Model
from tests.factories import inventory as factory
from tests.factories.access import Cast

HEAD = "name,unit,owner,developer,use_summary"
OWNER, DEVELOPER = "olivia.owner@bank.example", "dev.developer@bank.example"


def table(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


def row(name: str, **other: str) -> str:
    cells = {"name": name, "unit": "retail", "owner": OWNER, "developer": DEVELOPER, "use_summary": "Lends.", **other}
    return ",".join(cells.values())


def problems(cast: Cast, text: str) -> list[tuple[int, str, str]]:
    plan = services.plan_import(text, actor=cast.owner)
    return [(problem.row, problem.column, problem.sentence) for problem in plan.problems]


def test_a_good_file_is_ready_and_changes_nothing(cast: Cast) -> None:
    plan = services.plan_import(table(row("A"), row("B")), actor=cast.owner)
    assert (plan.ready, len(plan.rows), Model.objects.count()) == (True, 2, 0)


def test_every_model_of_an_import_has_its_own_event(cast: Cast) -> None:
    plan = services.plan_import(table(row("A"), row("B")), actor=cast.owner)
    unit = services.import_models(plan, actor=cast.owner)
    assert unit == cast.retail
    assert set(Model.objects.values_list("name", flat=True)) == {"A", "B"}
    assert Event.objects.filter(verb="inventory.register").count() == 2
    whole = Event.objects.get(verb="inventory.import_models")
    assert (whole.subject_label, whole.details["count"]) == ("Retail Lending", 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, "", "The file is empty; its first row names the columns.")),
        (table(), (2, "", "The file has a header but no rows.")),
        (table(row("A"), head=f"{HEAD},owner"), (1, "owner", "The column appears twice.")),
        ("name,unit,owner,developer\nA,retail,x,y\n", (1, "use_summary", "The column is needed.")),
        (table("A,retail"), (2, "", "The row has 2 fields and the header 5.")),
        (table(row("")), (2, "name", "Needed, but empty.")),
        (table(row("A" * 121)), (2, "name", "Longer than 120 characters.")),
        (table(row("A"), row("a")), (3, "name", "The same name stands in row 2.")),
        (
            table(row("A", owner="nobody@bank.example")),
            (2, "owner", "Nobody with the address nobody@bank.example is entered."),
        ),
        (
            table(row("A", unit="markets")),
            (2, "unit", "No unit with the key markets in which you may register models."),
        ),
        (
            table(row("A") + ",maybe", head=f"{HEAD},generative_or_agentic"),
            (2, "generative_or_agentic", "maybe is neither yes nor no."),
        ),
    ],
)
def test_a_fault_is_named_by_row_and_column(cast: Cast, text: str, expected: tuple[int, str, str]) -> None:
    assert expected in problems(cast, text)


def test_an_unknown_column_and_a_foreign_choice_are_named(cast: Cast) -> None:
    assert problems(cast, table(row("A") + ",x", head=f"{HEAD},color"))[0][:2] == (1, "color")
    found = problems(cast, table(row("A") + ",rented", head=f"{HEAD},origin"))
    assert found == [(2, "origin", "rented is none of internal, vendor, hybrid, open.")]


def test_a_truncated_file_is_named(cast: Cast) -> None:
    ((place, column, sentence),) = problems(cast, table(row("A")) + 'B,"retail')
    assert (place, column) == (3, "")
    assert sentence.startswith("The file ends inside a field")


def test_a_name_registered_already_is_named(cast: Cast) -> None:
    factory.model(cast, "Known")
    assert problems(cast, table(row("known"))) == [(2, "name", "A model named known is registered already.")]


def test_a_plan_with_faults_is_not_imported(cast: Cast) -> None:
    plan = services.plan_import(table(row("A"), row("")), actor=cast.owner)
    with pytest.raises(Refused, match="Nothing was imported"):
        services.import_models(plan, actor=cast.owner)
    assert Model.objects.count() == 0


def test_nothing_is_half_imported_when_a_name_was_taken_meanwhile(cast: Cast) -> None:
    plan = services.plan_import(table(row("A"), row("B"), row("C")), actor=cast.owner)
    factory.model(cast, "C")
    with pytest.raises(Invalid, match=r"Row 4: A model named C is registered already. Nothing was imported."):
        services.import_models(plan, actor=cast.owner)
    assert list(Model.objects.values_list("name", flat=True)) == ["C"]
    assert not Event.objects.filter(verb="inventory.import_models").exists()


def test_an_export_can_be_imported_again(cast: Cast) -> None:
    escaped = table(row("'=A") + ",One | Two,yes", head=f"{HEAD},limitations,generative_or_agentic")
    services.import_models(services.plan_import(escaped, actor=cast.owner), actor=cast.owner)
    made = Model.objects.get()
    assert (made.name, made.limitations, made.generative_or_agentic) == ("=A", ["One", "Two"], True)


def send(client: Client, text: str) -> Any:
    return client.post(reverse("inventory:import"), {"file": SimpleUploadedFile("m.csv", text.encode())})


def test_dry_run_then_import_through_the_pages(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    dry = send(client, table(row("A"), row("B")))
    assert (dry.status_code, dry.context["plan"].ready, Model.objects.count()) == (200, True, 0)
    answer = client.post(reverse("inventory:import"), {"kept": dry.context["kept"]})
    assert (answer["Location"], Model.objects.count()) == (reverse("inventory:models"), 2)


def test_dry_run_with_faults_offers_no_import(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    dry = send(client, table(row("A", owner="nobody@bank.example")))
    assert (dry.status_code, dry.context["kept"]) == (422, "")
    assert "Nobody with the address nobody@bank.example is entered." in dry.content.decode()


def test_anothers_dry_run_cannot_be_applied(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    kept = send(client, table(row("A"))).context["kept"]
    client.force_login(cast.developer)
    client.post(reverse("inventory:import"), {"kept": kept})
    assert Model.objects.count() == 0
