"""Which suites fit a model, and that a run is judged by the one that was chosen."""

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from mrm.approval.queries import evidence as approval
from mrm.core.packs import shipped
from mrm.core.refusal import Invalid
from mrm.evaluation import queries
from mrm.evaluation.models import Run
from mrm.evaluation.policies import why_not_suite
from mrm.inventory import services as inventory
from mrm.inventory.models import Pack, PackKind, Version
from tests.factories import journey
from tests.factories.access import Cast, fresh, grant

FOR_TIER_1 = {"title": "Large models", "applies": {"tiers": ["1"]}}
FOR_HIRING = {"title": "Hiring", "applies": {"regime": "us-nyc-ll144"}}


@pytest.mark.parametrize(
    ("suite", "tier", "regimes", "reason"),
    [
        ({"title": "Losses", "applies": {"model_kinds": ["regression", "loss_given_default"]}}, "1", {},
         "Losses is for models of regression, loss given default, and this version is declared as classification."),
        ({"title": "Any"}, "", {}, None),
        (FOR_TIER_1, "1", {}, None),
        (FOR_TIER_1, "2", {}, "Large models is for models of tier 1, not for tier 2."),
        (FOR_TIER_1, "", {}, "Large models is for models of tier 1, not for a model without a tier."),
        (FOR_HIRING, "1", {"us-nyc-ll144": "in"}, None),
        (FOR_HIRING, "1", {"us-nyc-ll144": "refer"},
         "Hiring is for models in the scope of us-nyc-ll144; record that this one is, on the model's page."),
    ],
)  # fmt: skip
def test_a_suite_fits_by_tier_and_regime(suite, tier, regimes, reason) -> None:
    assert why_not_suite(suite, tier=tier, regimes=regimes, model_kind="classification") == reason


def test_every_shipped_suite_of_a_regime_names_one_that_is_shipped() -> None:
    regimes = {regime.key for regime in shipped("regimes")}
    applied = [suite.content["applies"] for suite in shipped("suites")]
    named = {each["regime"] for each in applied if "regime" in each}
    assert named <= regimes
    assert {"us-ecoa-reg-b", "us-ugesp-four-fifths", "us-nyc-ll144", "eu-ai-act", "uk-ss1-23", "ca-e-23"} <= named


def hiring(cast: Cast, draft: Version | None = None) -> Version:
    """A draft of a model that was found to be in the scope of the New York rule."""
    draft = draft or journey.version(cast)
    model = draft.model
    inventory.edit(model, revision=model.revision, changes={"regimes": {"us-nyc-ll144": "in"}}, actor=cast.owner)
    draft.refresh_from_db()
    return draft


def test_a_version_is_offered_what_fits_and_the_house_suite_first(cast: Cast) -> None:
    draft = journey.version(cast)
    assert [suite.key for suite in queries.suites_for(draft)] == ["credit-decision"]
    assert [suite.key for suite in queries.suites_for(hiring(cast, draft))] == ["credit-decision", "us-nyc-bias-audit"]


def test_the_bias_audit_of_new_york_crosses_attributes_and_sets_no_pass_mark(cast: Cast) -> None:
    draft = hiring(cast)
    audit = Pack.objects.get(key="us-nyc-bias-audit", current=True)
    run = journey.evaluated(cast, draft, ["bias"], suite=audit, by=cast.validator)
    assert (run.status, run.suite) == ("done", audit)
    ratios = [result for result in run.results if result["measure"] == "air"]
    assert any(" " in result["attribute"] or "×" in result["attribute"] for result in ratios)
    assert {result["status"] for result in ratios} <= {"info", "insufficient", "not_applicable"}
    assert not [result for result in run.results if result["detail"].get("suppressed")]


def test_a_suite_without_limits_takes_no_place_of_the_evidence_that_is_approved_by(cast: Cast) -> None:
    draft = hiring(cast)
    house = journey.evaluated(cast, draft, ["bias", "stability"])
    rule = Pack.objects.get(key="us-nyc-bias-audit", current=True)
    audit = journey.evaluated(cast, draft, ["bias"], suite=rule, by=cast.validator)
    assert (house.status, audit.status) == ("done", "done")
    assert queries.completed(draft, "bias") == house
    behind = approval.evidence_of([draft])[draft.pk]
    assert behind.runs["bias"] == house
    judged = approval.judged(behind)
    assert {result["measure"] for result in judged} >= {"air", "psi"}
    # of the columns the approver reads the one that moved most, by name
    shifts = {each["group"]: each["value"] for each in house.results if each["measure"] == "psi"}
    assert set(shifts) == {*draft.features, "score"}
    assert [each["group"] for each in judged if each["measure"] == "psi"] == [max(shifts, key=shifts.__getitem__)]


def test_an_independent_audit_is_run_by_nobody_who_has_a_part(cast: Cast) -> None:
    """It shows groups that are withheld elsewhere, so marking one's own model for it opens nothing."""
    draft = hiring(cast)
    audit = Pack.objects.get(key="us-nyc-bias-audit", current=True)
    for one, sentence in ((cast.developer, "is an independent audit. "), (cast.owner, "is an independent audit. ")):
        with pytest.raises(Invalid, match=sentence):
            journey.started(cast, draft, ["bias"], suite=audit, by=one)
    grant(fresh(cast.developer), role="validator", unit=cast.bank)
    with pytest.raises(Invalid, match="and you have a part in"):
        journey.started(cast, draft, ["bias"], suite=audit)
    assert not Run.objects.exists()


def test_a_suite_that_does_not_fit_is_refused(cast: Cast) -> None:
    draft = journey.version(cast)
    audit = Pack.objects.get(key="us-nyc-bias-audit", current=True)
    with pytest.raises(Invalid, match="is for models in the scope of us-nyc-ll144"):
        journey.started(cast, draft, ["bias"], suite=audit)
    with pytest.raises(Invalid, match="is not a test suite in force"):
        journey.started(cast, draft, ["bias"], suite=Pack.objects.filter(kind=PackKind.REGIME).first())
    assert not Run.objects.exists()


def test_page_and_api_offer_and_refuse_the_same(cast: Cast, client: Client) -> None:
    draft = hiring(cast)
    client.force_login(cast.developer)
    page = client.get(reverse("evaluation:start", args=[draft.pk])).content.decode()
    assert "New York City bias audit of hiring tools 1.1" in page
    assert "European Union" not in page
    api = APIClient()
    api.force_authenticate(fresh(cast.developer))
    listed = api.get(f"/api/v1/versions/{draft.pk}/suites/").json()
    assert [suite["key"] for suite in listed] == ["credit-decision", "us-nyc-bias-audit"]
    assert listed[1]["sources"][0]["citation"] == "6 RCNY 5-301"
    dataset = draft.datasets.get(role="test").dataset
    asked = {"dataset": str(dataset.pk), "kinds": ["bias"], **journey.settings()}
    refused = api.post(f"/api/v1/versions/{draft.pk}/runs/", {**asked, "suite": "eu-high-risk"}, format="json")
    assert (refused.status_code, "eu-high-risk does not fit" in refused.content.decode()) == (400, True)
    wanted = {**asked, "suite": "us-nyc-bias-audit"}
    apart = api.post(f"/api/v1/versions/{draft.pk}/runs/", wanted, format="json")
    assert (apart.status_code, "is an independent audit" in apart.content.decode()) == (422, True)
    api.force_authenticate(fresh(cast.validator))
    started = api.post(f"/api/v1/versions/{draft.pk}/runs/", wanted, format="json")
    assert (started.status_code, started.json()["suite"]) == (202, "us-nyc-bias-audit 1.1")
