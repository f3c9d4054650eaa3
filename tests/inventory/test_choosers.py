"""Choosing one of many: found by typing within one's reach, checked again on the server, small on the page."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mrm.access.models import Person
from mrm.audit.trail import recorded, register_verb
from mrm.inventory import services
from mrm.validation import services as validation
from mrm.validation.models import Finding
from tests.factories import inventory as factory
from tests.factories.access import SETUP, Cast, account, person
from tests.factories.validation import model as rated
from tests.factories.validation import version as drafted

register_verb("tests.hire", "hired many at {subject}")
Enter = Callable[[Any], Client]


@pytest.fixture
def signed_in() -> Enter:
    def enter(account: Any) -> Client:
        client = Client()
        client.force_login(account)
        return client

    return enter


def found(client: Client, name: str, text: str, *keys: Any) -> tuple[list[str], str]:
    """The first lines of the options, and what is said about them."""
    page = client.get(reverse(name, args=keys), {"q": text}).content.decode()
    said = re.search(r"<p data-said>(.*?)</p>", page)
    assert said
    return [html.unescape(each) for each in re.findall(r'data-first="(.*?)"', page)], html.unescape(said[1])


def hire(cast: Cast, count: int) -> None:
    for start in range(0, count, 100):
        with recorded("tests.hire", actor=SETUP, subject=cast.retail):
            Person.objects.bulk_create(
                Person(name=f"Clerk {number:04d}", email=f"clerk{number}@bank.example", unit=cast.retail)
                for number in range(start, min(start + 100, count))
            )


def test_people_are_found_by_name_or_address_to_who_holds_a_role(cast: Cast, signed_in: Enter) -> None:
    owner = signed_in(cast.owner)
    assert found(owner, "access:find_person", "vera") == (["Vera Validator"], "1 found.")
    assert found(owner, "access:find_person", "dev dev.developer@bank")[0] == ["Dev Developer"]
    assert found(signed_in(cast.outsider), "access:find_person", "vera") == (
        [],
        "Nothing that you may choose holds “vera”.",
    )


def test_one_letter_finds_nothing_and_says_so(cast: Cast, signed_in: Enter) -> None:
    assert found(signed_in(cast.owner), "access:find_person", " v ") == ([], "Type at least 2 letters.")


def test_who_begins_with_the_letters_comes_first(cast: Cast, signed_in: Enter) -> None:
    person("Adele Veranda", cast.retail)
    assert found(signed_in(cast.owner), "access:find_person", "vera")[0] == ["Vera Validator", "Adele Veranda"]


def test_models_are_found_within_reach_and_never_the_model_itself(cast: Cast, signed_in: Enter) -> None:
    own, other = factory.model(cast, "Retail PD"), factory.model(cast, "Retail LGD")
    trader = account("Mark Trader", cast.markets, ("owner", cast.markets))
    facts = {"unit": cast.markets, "owner": trader.person, "developer": cast.outsider.person, "use_summary": "Hedges."}
    hidden = services.register(name="Retail FX", **facts, actor=trader)
    hidden.refresh_from_db()
    owner = signed_in(cast.owner)
    assert found(owner, "inventory:find_upstream", "retail", own.pk)[0] == ["Retail LGD"]
    assert found(owner, "inventory:find_upstream", other.ref.lower(), own.pk)[0] == ["Retail LGD"]
    assert found(owner, "inventory:find_upstream", hidden.ref, own.pk)[0] == []
    assert signed_in(cast.owner).get(reverse("inventory:find_upstream", args=[hidden.pk])).status_code == 404
    url = reverse("inventory:dependencies", args=[own.pk])
    answer = owner.post(url, {"upstream": str(hidden.pk), "kind": "score"})
    assert (answer.status_code, "Retail FX" in answer.content.decode()) == (422, False)
    assert answer.context["form"].errors["upstream"] == [
        "This is not among what you may choose. Type two letters and take a row of the list."
    ]
    assert owner.post(url, {"upstream": "no key at all", "kind": "score"}).status_code == 422
    assert owner.post(url, {"upstream": str(other.pk), "kind": "score"}).status_code == 302


def test_data_sets_are_found_by_source_and_only_in_ones_units(cast: Cast, signed_in: Enter) -> None:
    factory.dataset(cast, "Applications 2025")
    assert found(signed_in(cast.developer), "inventory:find_dataset", "wareh")[0] == ["Applications 2025"]
    assert found(signed_in(cast.outsider), "inventory:find_dataset", "wareh")[0] == []


def test_only_people_of_the_unit_answer_a_finding(cast: Cast, signed_in: Enter) -> None:
    asked = validation.request(drafted(cast, rated(cast)), actor=cast.developer)
    validation.take(asked, actor=cast.validator)
    validator = signed_in(cast.validator)
    assert found(validator, "validation:find_owner", "dev", asked.pk)[0] == ["Dev Developer"]
    assert found(validator, "validation:find_owner", "rita", asked.pk)[0] == []
    answer = validator.post(
        reverse("validation:raise", args=[asked.pk]),
        {"finding-title": "Gap", "finding-description": "Wide", "finding-severity": "low",
         "finding-owner": str(cast.officer.person_id)},
    )  # fmt: skip
    assert answer.context["finding_form"].errors["owner"][0].startswith("This is not among what you may choose.")
    assert not Finding.objects.exists()


def test_a_form_with_two_thousand_people_is_small_and_asks_no_more(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    client = signed_in(cast.owner)
    urls = [reverse("inventory:register"), reverse("inventory:edit", args=[model.pk])]
    before = [measured(client, url) for url in urls]
    hire(cast, 2_000)
    assert Person.objects.count() > 2_000
    assert [measured(client, url) for url in urls] == before
    options, said = found(client, "access:find_person", "clerk")
    assert (options[0], len(options)) == ("Clerk 0000", 20)
    assert said == "The first 20 are shown; type more letters to narrow them."


def measured(client: Client, url: str) -> tuple[int, int]:
    """Bytes of the page's form and queries behind it."""
    with CaptureQueriesContext(connection) as asked:
        page = client.get(url)
    assert "Olivia Owner" in page.content.decode()
    form = re.search(rb"<main.*</main>", page.content, re.DOTALL)
    assert form
    plain = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", form[0])
    assert len(plain) < 60_000
    return len(plain), len(asked)


def test_what_was_chosen_is_shown_with_what_tells_it_apart(cast: Cast, signed_in: Enter) -> None:
    model = factory.model(cast)
    page = signed_in(cast.owner).get(reverse("inventory:edit", args=[model.pk])).content.decode()
    field = re.search(r'<span class="chooser".*?</span>', page, re.DOTALL)
    assert field
    assert f'name="owner" value="{model.owner_id}"' in field[0]
    assert 'value="Olivia Owner"' in field[0]
    assert "Retail Lending, olivia.owner@bank.example" in field[0]
