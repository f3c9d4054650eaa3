"""What the trail is searched by, and pages of a list that nobody counts."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from mrm.access import services
from mrm.access.models import BusinessUnit, RoleGrant
from mrm.audit import queries
from mrm.audit.models import Event
from mrm.audit.pages import LongList
from mrm.core.actors import System
from mrm.core.refusal import Refused
from tests.factories.access import SETUP, Cast

pytestmark = pytest.mark.django_db


def labels(**conditions: Any) -> list[str]:
    return [event.subject_label for event in queries.trail(**conditions)]


@pytest.fixture
def units(db: None) -> list[BusinessUnit]:
    names = ["Kreditausfall „Süd“", "Retail-Lending MDL-00017", "group risk", "Re: x'; DROP & | ! :* <-> \\"]
    return [
        services.add_unit(key=f"u{number}", name=name, parent=None, actor=System(f"system-{number}"))
        for number, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("süd", [0]), ("KREDIT", [0]), ("kredit süd", [0]), ("lending", [1]), ("retail-lending", [1]), ("00017", [1]),
        ("MDL-00017", [1]), ("Group Risk", [2]), ("risk group", [2]), ("drop", [3]), ("x'; DROP", [3]), ("&", []),
        ("süd risk", []), ("nowhere", []), (":*", []), ("\\", []), ("_", []),
    ],
)  # fmt: skip
def test_words_find_the_records_whose_names_hold_them(units: list[BusinessUnit], text: str, found: list[int]) -> None:
    assert labels(text=text) == [units[number].name for number in found]


def test_a_reason_is_found_by_its_words(units: list[BusinessUnit], cast: Cast) -> None:
    services.deactivate(cast.outsider, reason="left the bank in spring", actor=cast.administrator)
    (event,) = queries.trail(text="Bank spr")
    assert event.verb == "access.deactivate"


def test_who_did_it_is_found_by_account_and_by_a_part_of_the_name(units: list[BusinessUnit]) -> None:
    names = {event.actor: event.actor_name for event in Event.objects.all()}
    for actor, name in names.items():
        assert set(queries.trail(actor=actor.upper())) == set(Event.objects.filter(actor=actor))
        part = name[2:].upper()
        wanted = {other for other, told in names.items() if part.casefold() in told.casefold()}
        assert set(queries.trail(actor=part)) == set(Event.objects.filter(actor__in=wanted)) != set()
    assert labels(actor="nobody") == []


def test_an_area_holds_its_verbs_alone(cast: Cast) -> None:
    areas = {verb.partition(".")[0] for verb in Event.objects.values_list("verb", flat=True)}
    assert "access" in areas
    for area in areas:
        assert list(queries.trail(area=area)) == list(Event.objects.filter(verb__startswith=f"{area}."))
    assert list(queries.trail(area="acc")) == []


def test_refusals_and_days_go_with_every_other_condition(cast: Cast) -> None:
    with pytest.raises(Refused):
        services.revoke(RoleGrant.objects.get(account=cast.owner), reason="", actor=cast.outsider)
    today = dt.datetime.now(dt.UTC).date()
    day = dt.timedelta(days=1)
    refused = list(Event.objects.filter(outcome="refused"))
    assert refused
    assert list(queries.trail(refused=True)) == refused
    assert list(queries.trail(refused=True, since=today - day, until=today + day)) == refused
    assert list(queries.trail(since=today - day, until=today + day)) == list(Event.objects.order_by("-at", "-position"))
    assert labels(refused=True, until=today - day) == labels(since=today + day) == []


def test_a_long_list_knows_what_follows_and_at_its_end_how_many_there_are(units: list[BusinessUnit]) -> None:
    rows = BusinessUnit.objects.order_by("key")
    pages = [LongList(rows, 3).get_page(number) for number in (1, 2)]
    assert [(page.start_index(), page.end_index(), page.has_next(), page.has_previous()) for page in pages] == [
        (1, 3, True, False), (4, 4, False, True),
    ]  # fmt: skip
    assert [page.paginator.count for page in pages] == [None, 4]
    assert [unit.key for page in pages for unit in page] == ["u0", "u1", "u2", "u3"]
    assert pages[0].next_page_number() == 2
    known = LongList(rows, 3, total=4).get_page("1")
    assert (known.paginator.count, known.has_next()) == (4, True)
    whole = LongList(rows, 4).get_page(None)
    assert (whole.has_other_pages(), whole.paginator.count) == (False, 4)
    nothing = LongList(rows.none(), 3).get_page(1)
    assert (nothing.paginator.count, nothing.start_index(), nothing.end_index()) == (0, 0, 0)


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "1.5", "9" * 30, "\u0663", "77", None])
def test_a_page_that_is_none_is_the_first(units: list[BusinessUnit], number: str | None) -> None:
    page = LongList(BusinessUnit.objects.order_by("key"), 3).get_page(number)
    assert (page.number, [unit.key for unit in page]) == (1, ["u0", "u1", "u2"])


def test_the_page_says_how_far_it_goes(client: Client, cast: Cast) -> None:
    for number in range(60):
        services.add_unit(key=f"many-{number}", name=f"Many {number}", parent=None, actor=SETUP)
    client.force_login(cast.auditor, backend="mrm.project.signin.AccountBackend")
    total = Event.objects.count()
    assert f"1 to 50 of {total}" in client.get("/timeline/").content.decode()
    filtered = client.get("/timeline/?text=many").content.decode()
    assert "1 to 50 of more" in filtered
    assert "50+" in filtered
    assert "51 to 60 of 60" in client.get("/timeline/?text=many&page=2").content.decode()


def test_a_page_in_the_middle_leads_back_and_on(client: Client, cast: Cast) -> None:
    for number in range(150):
        services.add_unit(key=f"many-{number}", name=f"Many {number}", parent=None, actor=SETUP)
    client.force_login(cast.auditor, backend="mrm.project.signin.AccountBackend")
    page = client.get("/timeline/?text=many&page=2").content.decode()
    assert ("page=1" in page, "page=3" in page) == (True, True)


def test_a_record_is_found_by_its_whole_name_or_its_key(units: list[BusinessUnit], cast: Cast) -> None:
    home = units[0]
    assert labels(record=home.name.upper()) == labels(record=str(home.pk)) == [home.name]
    child = services.add_unit(key="child", name="Kreditausfall", parent=home, actor=SETUP)
    assert labels(record="Kreditausfall") == [child.name]
    assert labels(record=str(home.pk), since=dt.date(2100, 1, 1)) == []
    # a role stands on the chain of its account
    assert {event.verb for event in queries.trail(record=str(cast.owner.pk))} == {"access.add_account", "access.grant"}
    for nothing in ("nowhere", "x'; DROP", "&", "00000000-0000-0000-0000-000000000000"):
        assert labels(record=nothing) == [units[3].name] * (nothing == units[3].name)
