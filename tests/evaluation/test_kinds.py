"""Runs of quality, soundness, robustness and of amounts, from the form to the page; and the library of tests."""

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from mrm.audit.queries import of_subject
from mrm.audit.trail import recorded
from mrm.core.packs import of_content
from mrm.core.refusal import Invalid
from mrm.evaluation import queries
from mrm.evaluation.forms.parameters import ParametersForm
from mrm.evaluation.models import Run
from mrm.inventory import services as inventory
from mrm.inventory.models import Pack, Version
from mrm.signoff import services as signoff
from tests.factories import journey
from tests.factories.access import Cast, fresh

KINDS = ["performance", "quality", "soundness", "robustness"]
NAMED = {
    "grades": {"bands": [0.05, 0.2]},
    "monotonicity": {"falling": ["bureau_score"]},
    "scenario": {"shifts": [{"column": "income", "factor": 0.8}]},
}


def house() -> Pack:
    return Pack.objects.get(key="credit-decision", current=True)


def change(cast: Cast, draft: Version, **changes: object) -> Version:
    return inventory.edit_version(draft, changes=changes, revision=draft.revision, actor=cast.developer)


def of_amounts(cast: Cast) -> Version:
    return change(cast, journey.version(cast), model_kind="regression")


def test_a_run_of_every_new_kind_is_judged_shown_and_explained(cast: Cast, client: Client) -> None:
    run = journey.evaluated(cast, journey.version(cast), KINDS, parameters=NAMED)
    assert (run.status, run.error) == ("done", "")
    assert [event.verb for event in of_subject(run)] == ["evaluation.complete", "evaluation.start"]
    assert run.reference is not None
    found = {each["measure"]: each for each in run.results}
    assert {"missing_share", "variance_inflation", "overfit_gap", "noise_flips", "grade_jeffreys"} <= set(found)
    assert found["train_test_overlap"]["pack"] == f"credit-decision {house().version}"
    assert found["stale_rows"]["status"] == "not_applicable"
    assert found["stale_rows"]["reason"].startswith("Name the column that dates the rows")
    assert run.pins["tests"]["performance"]["grades"] == {"bands": [0.05, 0.2]}
    assert "air" not in found
    client.force_login(cast.owner)
    page = client.get(run.get_absolute_url()).content.decode()
    for words in ("Quality of the data", "Soundness", "Robustness", "Decisions that noise turns", "income × 0.8"):
        assert words in page
    standings = queries.standings(run, queries.figures_by_kind(run))
    assert [each.kind for each in standings] == KINDS
    assert all(f'href="#{each.kind}"' in page and f'id="{each.kind}"' in page for each in standings)
    counted = run.counted()
    for status in ("fail", "watch", "insufficient", "pass"):
        assert sum(each.counts[status] for each in standings) == counted.get(status, 0)
    assert queries.by_severity(standings)[0].worst == run.worst()
    assert f'href="{reverse("evaluation:test", args=["weak-spots"])}"' in page
    table = client.get(reverse("evaluation:results_csv", args=[run.pk])).getvalue().decode()
    assert "monotonicity_violations,,bureau_score falling" in table


def test_a_model_of_amounts_has_no_cut_off_and_suites_of_its_own(cast: Cast, client: Client) -> None:
    draft = of_amounts(cast)
    assert [suite.key for suite in queries.suites_for(draft)] == ["amounts-and-prices"]
    client.force_login(cast.developer)
    page = client.get(reverse("evaluation:start", args=[draft.pk])).content.decode()
    assert "Favourable side" not in page
    assert "There is no test of bias for models of regression." in page
    with pytest.raises(Invalid, match=r"There is no test of bias for models of regression\."):
        journey.started(cast, draft, ["bias"])
    with pytest.raises(Invalid, match="is for models of classification, and this version is declared as regression"):
        journey.started(cast, draft, ["performance"], suite=house())
    api = APIClient()
    api.force_authenticate(fresh(cast.developer))
    wanted = {"dataset": str(draft.datasets.get(role="test").dataset_id), "kinds": ["performance", "robustness"]}
    answer = api.post(f"/api/v1/versions/{draft.pk}/runs/", {**wanted, "label": "income"}, format="json")
    assert answer.status_code == 202
    journey.drain()
    run = Run.objects.get(pk=answer.json()["id"])
    assert (run.status, run.settings["cutoff"], run.suite.key) == ("done", None, "amounts-and-prices")
    pulls = [each for each in run.results if each["measure"] == "elasticity" and each["value"] is not None]
    assert pulls
    assert all(each["n"] and each["method"].startswith("value raised by 1.00%") for each in pulls)
    assert run.result("noise_flips") is None  # an amount decides nothing
    assert run.result("r_squared")["status"] == "fail"  # chances of default say nothing of income
    shown = client.get(run.get_absolute_url()).content.decode()
    assert "none, it predicts an amount" in shown
    assert "Predicted and actual by tenth" in shown


def test_rows_outside_the_declared_domain_of_use_are_named(cast: Cast, client: Client) -> None:
    draft = journey.version(cast)
    with pytest.raises(Invalid, match=r"Condition 1, 'rich people', cannot be read; write it like: state in CA, NV"):
        change(cast, draft, domain_of_use=["rich people"])
    draft = change(cast, draft, domain_of_use=["loan_to_value to 0.8", "income from 0"])
    run = journey.evaluated(cast, draft, ["stability"])
    found = run.result("outside_conditions")
    assert (run.status, found["status"]) == ("done", "fail")
    assert "loan_to_value is 0." in found["reason"]
    assert run.settings["domain"] == run.pins["domain"] == draft.domain_of_use
    client.force_login(cast.owner)
    assert "approved is at most 0.8" in client.get(run.get_absolute_url()).content.decode()


def test_outcomes_that_do_not_fit_end_the_job_with_the_reason(cast: Cast) -> None:
    run = journey.evaluated(cast, of_amounts(cast), ["performance"])  # default holds 0 and 1
    assert run.status == "failed"
    assert "Column default holds two values at most, so it is an event and no amount" in run.error


@pytest.mark.parametrize(
    ("kinds", "parameters", "sentence"),
    [
        (["performance"], {"noise": {"levels": [9]}}, "noise takes no parameters with a run; these do: grades, "),
        (["quality"], {"timeliness": {"days": 9}}, "timeliness: days is not given with a run; column is."),
        (["performance"], {"grades": {"bands": ["low"]}}, "grades: bands.0: 'low' is not of type 'number'"),
        (["robustness"], {"scenario": {"shifts": [{"column": "luck"}]}}, "scenario: luck is no feature of the version"),
    ],
)
def test_what_a_run_names_must_fit_the_test(cast: Cast, kinds, parameters, sentence) -> None:
    with pytest.raises(Invalid, match="^" + sentence.replace(".", r"\.")):
        journey.started(cast, journey.version(cast), kinds, parameters=parameters)
    assert not Run.objects.exists()


def test_a_kind_that_the_suite_names_no_test_of_is_refused(cast: Cast) -> None:
    draft = journey.version(cast)
    model = draft.model
    inventory.edit(model, revision=model.revision, changes={"regimes": {"us-nyc-ll144": "in"}}, actor=cast.owner)
    draft.refresh_from_db()
    audit = Pack.objects.get(key="us-nyc-bias-audit", current=True)
    with pytest.raises(Invalid, match="names no test of robustness; choose another suite, or leave robustness out"):
        journey.started(cast, draft, ["robustness"], suite=audit, by=cast.validator)


def test_the_form_says_which_line_of_a_scenario_is_no_change(cast: Cast, client: Client) -> None:
    draft = journey.version(cast)
    client.force_login(cast.developer)
    given = {
        "dataset": draft.datasets.get(role="test").dataset_id, "kinds": ["robustness"], "label": "default",
        "positive": "1", "event_name": "Default", "cutoff": "0.2", "favourable": "below", "suite": house().pk,
        "bands": "0.05; 0.2", "rising": ["loan_to_value"],
    }  # fmt: skip
    address = reverse("evaluation:start", args=[draft.pk])
    wrong = client.post(address, given | {"scenario": "income * 0.8\nless work"})
    assert wrong.status_code == 422
    assert "Line 2, less work, is no change" in wrong.content.decode()
    assert client.post(address, given | {"scenario": "income * 0.8\nutilisation - 0.2"}).status_code == 302
    assert Run.objects.get().settings["parameters"] == {
        "grades": {"bands": [0.05, 0.2]},
        "monotonicity": {"rising": ["loan_to_value"]},
        "scenario": {"shifts": [{"column": "income", "factor": 0.8}, {"column": "utilisation", "add": -0.2}]},
    }


def test_a_suite_that_cannot_be_carried_out_is_not_put_in_force(cast: Cast) -> None:
    old = house()
    bad = [*old.content["tests"], {"id": "rank-order-of-luck"}]
    content = old.content | {"version": "9", "tests": bad}
    with pytest.raises(Invalid, match="credit-decision: There is no test rank-order-of-luck; the library of tests"):
        signoff.propose(old, "pack_change", content=content, reason="Luck.", actor=cast.policy_admin)
    with pytest.raises(Invalid, match=r"capture: share: 2 is greater than the maximum"):
        inventory.load_pack(
            of_content(content | {"tests": [{"id": "capture", "parameters": {"share": 2}}], "thresholds": {}}),
            actor=cast.policy_admin,
        )


def test_the_database_knows_the_kinds_of_model(cast: Cast) -> None:
    draft = journey.version(cast)
    with pytest.raises(DatabaseError, match="version_model_kind_known"), transaction.atomic():  # noqa: SIM117
        with recorded("inventory.edit_version", actor=cast.developer, subject=draft):
            Version.objects.filter(pk=draft.pk).update(model_kind="magic")


def test_the_library_is_read_on_pages_and_over_the_api(cast: Cast, client: Client) -> None:
    client.force_login(cast.auditor)
    page = client.get(reverse("evaluation:tests"), {"kind": "robustness"}).content.decode()
    assert "Direction of features" in page
    assert "Brier score" not in page
    entry = client.get(reverse("evaluation:test", args=["brier"])).content.decode()
    for words in (
        "Monthly Weather Review 78:1",
        "Tests of a model that decides on credit",
        "brier_skill",
        "Limitations",
    ):
        assert words in entry
    assert client.get(reverse("evaluation:test", args=["beauty"])).status_code == 404
    api = APIClient()
    api.force_authenticate(fresh(cast.auditor))
    listed = {each["id"]: each for each in api.get("/api/v1/tests/").json()}
    assert listed["grades"]["parameters"]["properties"]["bands"]["ofRun"] is True
    assert api.get("/api/v1/tests/grades/").json() == listed["grades"]
    assert api.get("/api/v1/tests/beauty/").status_code == 404


def test_what_is_named_with_a_run_goes_to_the_test_that_needs_it() -> None:
    named = {"probabilities": "White = p_white\nBlack = p_black", "bands": "", "scenario": ""}
    form = ParametersForm(named)
    assert form.is_valid(), form.errors
    columns = [{"group": "White", "column": "p_white"}, {"group": "Black", "column": "p_black"}]
    assert form.parameters() == {"memberships": {"columns": columns}}
    wrong = ParametersForm(named | {"probabilities": "White = p_white\nBlack"})
    assert wrong.errors["probabilities"] == ["Line 2, Black: write a group, then =, then a column."]
