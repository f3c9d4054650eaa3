"""The count in the menu: the same requests as the queue lists, by a few queries on any page."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mrm.access import services as access
from mrm.project.reactions import dispatch_all
from mrm.signoff import queries
from mrm.signoff.models import Policy
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import SETUP, Cast, account, fresh
from tests.factories.proposal import policy_in_force


def counts(cast: Cast) -> dict[str, int]:
    """What each of the cast would see in the menu, checked against the list."""
    found = {}
    for name, each in cast.everybody().items():
        reader = fresh(each)
        with CaptureQueriesContext(connection) as asked:
            found[name] = queries.waiting_count(reader)
        assert len(asked) <= 11, name  # however many requests there are
        assert found[name] == len(queries.waiting(fresh(each))), name
    return {name: count for name, count in found.items() if count}


def test_the_count_follows_every_step_of_a_request(cast: Cast) -> None:
    assert counts(cast) == {}
    first = make.submitted(cast)
    assert counts(cast) == {"officer": 1, "second_officer": 1}
    second = validation.version(cast, validation.model(cast, "Card PD"))
    make.submitted(cast, validation.validated(cast, second))
    assert counts(cast) == {"officer": 2, "second_officer": 2}
    make.sign(first, cast.officer)
    assert counts(cast) == {"officer": 1, "second_officer": 2}
    make.sign(first, cast.officer, decision="withdraw_vote")
    assert counts(cast) == {"officer": 2, "second_officer": 2}
    make.sign(first, cast.second_officer, decision="return")
    assert counts(cast) == {"officer": 1, "second_officer": 1}


def test_a_stage_that_loses_its_vote_waits_for_its_role_again(cast: Cast) -> None:
    two_stages(cast)
    third = account("Olaf Officer", cast.risk, ("risk_officer", cast.bank))
    head = account("Hanna Head", cast.bank, ("bu_lead", cast.bank))
    asked = make.submitted(cast)
    assert (menu(cast.officer), menu(head)) == (1, 0)
    make.sign(asked, third)
    assert (menu(cast.officer), menu(head)) == (0, 1)
    access.revoke(third.role_grants.get(), reason="Moved on", actor=SETUP)
    assert menu(head) == 0
    assert dispatch_all() >= 1  # what the worker does at once after the commit
    assert (menu(cast.officer), menu(head)) == (1, 0)


def menu(reader: Any) -> int:
    count = queries.waiting_count(fresh(reader))
    assert count == len(queries.waiting(fresh(reader)))
    return count


def two_stages(cast: Cast) -> None:
    """Tier 1 asks one risk officer first, then one lead."""
    old = Policy.objects.get(key="production-use-tier-1", current=True)
    first = old.content["stages"][0]
    stages = [
        {**first, "id": name, "requirements": [{"role": role, "quorum": 1, "distinct_business_unit": False}]}
        for name, role in (("risk", "risk_officer"), ("business", "bu_lead"))
    ]
    policy_in_force(cast, old.key, stages=stages)


@pytest.mark.parametrize("address", ["/", "/models/", "/approvals/"])
def test_every_page_asks_for_the_count_after_itself(cast: Cast, client: Client, address: str) -> None:
    make.submitted(cast)
    client.force_login(cast.officer)
    page = client.get(address).content.decode()
    menu = re.search(r'<ul class="topnav">.*?</ul>', page, re.DOTALL)
    assert menu
    asked = re.findall(r'>([A-Z]\w+) <span hx-get="([^"]+)" hx-trigger="load"', menu[0])
    assert [label for label, _ in asked] == ["Approvals"]
    count = client.get(asked[0][1]).content.decode()
    assert re.findall(r'<span class="count">(\d+)', count) == ["1"]


def test_who_never_signs_is_not_asked_to_count(cast: Cast, client: Client) -> None:
    client.force_login(cast.auditor)
    assert "hx-trigger" not in client.get("/models/").content.decode().split("</nav>")[0]
    assert client.get("/approvals/waiting/").content.decode().strip() == ""


def test_who_never_signs_pays_no_query(cast: Cast, client: Client) -> None:
    make.submitted(cast)
    reader = fresh(cast.auditor)
    assert reader.roles == ("auditor",)
    with CaptureQueriesContext(connection) as asked:
        assert queries.waiting_count(reader) == 0
    assert len(asked) == 0


def test_with_very_many_the_list_goes_by_roles_and_each_is_judged_where_it_is_shown(
    cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrm.signoff.queries.listed.JUDGED", 1)
    same_unit = account("Rolf Officer", cast.risk, ("risk_officer", cast.bank))
    asked = make.submitted(cast)
    make.submitted(cast, validation.validated(cast, validation.version(cast, validation.model(cast, "Card PD"))))
    make.sign(asked, same_unit)
    assert (
        queries.waiting_count(fresh(cast.officer)) == 2
    )  # a colleague of his unit signed one, which the list does not ask
    client.force_login(fresh(cast.officer))
    page = client.get("/approvals/").context
    rows = [row for group in page["groups"] for row in group.rows]
    assert sorted(row.mine for row in rows) == [False, True]
    assert queries.waiting_count(fresh(cast.owner)) == 0
