"""Who chooses among less discriminatory alternatives, with which reasons, and that no choice is ever changed."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.template.loader import render_to_string
from django.test import Client
from rest_framework.test import APIClient

from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.evaluation import queries, services
from mrm.evaluation.models import AlternativeChoice, Run
from mrm.measures.evaluation import RunOutcome
from mrm.measures.results import Result
from mrm.reporting.queries.alternatives import search_of, search_on
from mrm.reporting.services.pages.alternatives import search_page
from tests.factories import journey
from tests.factories.access import Cast, fresh

# number, lowest ratio, within the tolerance
TRIED = ((0, 0.75, True), (1, 0.82, True), (2, 0.88, True), (3, 0.95, False), (4, 0.70, True))


def candidate(number: int, lowest: float, within: bool) -> Result:
    detail = {
        "candidate": number, "kind": "baseline" if not number else "feature drop", "said": f"Candidate number {number}.",
        "performance": {"auc": [0.78 - number / 100, 0.7, 0.8]}, "within": within, "proposed": number == 2,
        "group_of_lowest": "sex: F", "rules": {"tolerances": {"auc": 0.01}}, "rules_digest": "0" * 64,
    }  # fmt: skip
    return Result("alternative_lowest_air", lowest, lowest - 0.05, lowest + 0.05, 900, "log interval", detail=detail)


@pytest.fixture
def run(cast: Cast) -> Run:
    """A search that has ended, as a worker would leave it."""
    asked = journey.started(cast, journey.version(cast), ["alternatives"])
    results = tuple(candidate(*each) for each in TRIED)
    return services.complete(
        asked, outcome=RunOutcome(results, (), {}, {}, {"seed": 1}, "0" * 64), actor=cast.developer
    )


def given(number: int = 1, **more: Any) -> dict[str, Any]:
    against = (
        {2: "It drops income, which the policy requires."} if number == 1 else {1: "Less is gained.", 2: "The same."}
    )
    return {"candidate": number, "reason": "Fairer at the same loss.", "rejected": against, **more}


def test_the_developer_proposes_and_somebody_independent_decides(cast: Cast, run: Run) -> None:
    assert [each.number for each in queries.alternatives_of(run) if each.better] == [1, 2]
    with pytest.raises(Forbidden):
        services.decide_alternative(run, **given(), actor=fresh(cast.developer))
    with pytest.raises(Forbidden):
        services.propose_alternative(run, **given(), actor=fresh(cast.validator))
    proposed = services.propose_alternative(run, **given(), actor=fresh(cast.developer))
    assert queries.decided_on(run) is None
    nothing = render_to_string("reporting/printed/_choice.html", search_page(search_of(run)))
    assert "No choice is recorded." in nothing
    assert "Proposed by" in nothing

    first = services.decide_alternative(run, **given(), actor=fresh(cast.validator))
    assert (first.proposal, queries.proposed_on(run)) == (proposed, None)
    second = services.decide_alternative(run, **given(0), actor=fresh(cast.officer))
    assert (queries.decided_on(run), second.proposal) == (second, None)
    search = search_on(run.version)
    assert search is not None
    assert [each["said"] for each in search["choices"]] == [
        "keep the present model",
        "take candidate 1",
        "take candidate 1",
    ]
    printed = render_to_string("reporting/printed/_choice.html", search_page(search))
    for words in (
        f"{cast.officer.name} decided on",
        "to keep the present model",
        "Less is gained.",
        "Superseded: decided by",
    ):
        assert words in printed
    verbs = Event.objects.filter(verb__endswith="_alternative", outcome="done").order_by("position")
    assert list(verbs.values_list("verb", flat=True)) == [
        "evaluation.propose_alternative", "evaluation.decide_alternative", "evaluation.decide_alternative",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"candidate": 9}, "judged no candidate 9; it judged 0, 1, 2, 3, 4, of which 0 is the present model"),
        ({"candidate": 3}, "Candidate 3 gives up more than was set before the search"),
        ({"reason": " "}, "Say why this choice is right"),
        ({"rejected": {}}, "Say why candidate 2 is not taken: less discriminatory, and within the tolerance"),
        ({"candidate": 0, "rejected": {1: " "}}, "Say why candidates 1, 2 are not taken"),
        ({"rejected": {2: "No.", 4: "Why not?"}}, "No reason is needed for candidate 4; reasons are given for candidate 2"),
    ],
)  # fmt: skip
def test_a_choice_without_its_reasons_is_refused(cast: Cast, run: Run, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        services.decide_alternative(run, **(given() | changed), actor=fresh(cast.validator))
    assert not AlternativeChoice.objects.exists()


def test_a_run_without_a_search_offers_nothing(cast: Cast) -> None:
    waiting = journey.started(cast, journey.version(cast), ["alternatives"])
    with pytest.raises(Refused, match=r"holds no candidates to choose among"):
        services.propose_alternative(waiting, **given(), actor=fresh(cast.developer))


def test_the_database_holds_who_decides_and_that_nothing_is_changed(cast: Cast, run: Run) -> None:
    made = services.decide_alternative(run, **given(), actor=fresh(cast.validator))
    kept = {"run": run, "candidate": 0, "reason": "Mine.", "decided": True}
    for statement, words in (
        (lambda: AlternativeChoice.objects.create(**kept, made_by=cast.developer), "without a part in the model"),
        (lambda: AlternativeChoice.objects.filter(pk=made.pk).update(candidate=0), "append"),
        (lambda: AlternativeChoice.objects.filter(pk=made.pk).delete(), "append"),
    ):
        with (
            pytest.raises(DatabaseError) as told,
            transaction.atomic(),
            recorded("evaluation.decide_alternative", actor=cast.validator),
        ):
            statement()
        assert words in str(told.value) or "never" in str(told.value), str(told.value)


def test_pages_and_api_choose_as_well(cast: Cast, run: Run, client: Client) -> None:
    client.force_login(cast.developer)
    page = client.get(run.get_absolute_url()).content.decode()
    assert "Nobody has recorded a choice yet. 2 candidates within the tolerance are less discriminatory" in page
    assert client.get(f"/evaluations/{run.pk}/alternatives/decide/").status_code == 403
    address = f"/evaluations/{run.pk}/alternatives/propose/"
    form = {"candidate": "1", "reason": "Fairer.", "rejected_1": "", "rejected_2": ""}
    refused = client.post(address, form)
    assert refused.status_code == 422
    assert "Say why it is not taken." in refused.content.decode()
    assert client.post(address, form | {"rejected_2": "It drops income."}).status_code == 302
    client.force_login(cast.validator)
    assert "It drops income." in client.get(f"/evaluations/{run.pk}/alternatives/decide/").content.decode()
    api = APIClient()
    api.force_authenticate(fresh(cast.validator))
    body = {"candidate": 1, "reason": "Agreed.", "rejected": [{"candidate": 2, "reason": "It drops income."}]}
    answer = api.post(f"/api/v1/runs/{run.pk}/alternatives/decide/", body, format="json")
    assert (answer.status_code, answer.data["said"]) == (201, "take candidate 1")
    assert [each["decided"] for each in api.get(f"/api/v1/runs/{run.pk}/alternatives/").data] == [True, False]
    assert "Agreed." in client.get(run.get_absolute_url()).content.decode()
