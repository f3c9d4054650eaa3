"""A run from the request to its results, through the job runner, with a real model."""

import datetime as dt
import hashlib

import pytest
from django.test import Client
from django.utils import timezone

from mrm.audit.queries import of_subject
from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.core.sheets import safe
from mrm.evaluation import queries, services
from mrm.evaluation.models import Run
from mrm.jobs import runner
from mrm.jobs import services as jobs
from mrm.jobs.models import Job, JobState
from mrm.jobs.queries import latest_for
from tests.factories import journey
from tests.factories.access import Cast, fresh


def test_a_run_goes_from_request_to_results_figures_and_pins(cast: Cast) -> None:
    draft = journey.version(cast)
    run = journey.evaluated(cast, draft)
    assert (run.status, run.error) == ("done", "")
    assert {result["measure"] for result in run.results} >= {"auc", "air", "additivity"}
    assert run.crosscheck["max_difference"] <= 1e-9
    shares = [each for each in run.results if each["measure"] == "disparity_share" and each["group"] == "F"]
    assert {each["detail"]["feature"] for each in shares} == set(draft.features)
    assert sum(each["value"] for each in shares) == pytest.approx(1)
    assert "disparity_shares" in {figure["name"] for figure in run.figures}
    assert run.pins["artifact_sha256"] == draft.artifact_id
    assert [event.verb for event in of_subject(run)] == ["evaluation.complete", "evaluation.start"]
    for figure in run.figures:
        for theme in ("light", "dark"):
            drawn = blobs.read(figure[theme])
            assert hashlib.sha256(drawn).hexdigest() == figure[theme]
            assert drawn.lstrip().startswith(b"<?xml")
            assert b"<script" not in drawn


def test_equal_pins_give_equal_numbers_and_drawings(cast: Cast) -> None:
    draft = journey.version(cast)
    first, second = (journey.evaluated(cast, draft, ["performance", "bias"]) for _ in range(2))
    assert first.results == second.results
    assert [figure["light"] for figure in first.figures] == [figure["light"] for figure in second.figures]
    assert first.digest == second.digest


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"label": "absent"}, "has no column absent"),
        ({"predictions": "absent"}, "has no column absent"),
        ({"cutoff": "high"}, "The cut-off is a number"),
        ({"favourable": "left"}, "which side of the cut-off is favourable"),
        ({"references": {"height": "tall"}}, "hold no height"),
    ],
)
def test_choices_that_do_not_fit_are_refused_before_anything_runs(
    cast: Cast, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        journey.started(cast, journey.version(cast), **changed)
    assert not Run.objects.exists()
    assert not Job.objects.filter(kind="evaluation.run").exists()


def test_a_kind_that_cannot_run_asks_for_predictions(cast: Cast) -> None:
    with pytest.raises(Invalid, match="is not run here: name the column"):
        journey.started(cast, journey.version(cast, kind="pmml"))


def test_a_data_set_that_is_not_linked_is_refused(cast: Cast) -> None:
    draft = journey.version(cast)
    protected = draft.datasets.get(role="protected").dataset
    with pytest.raises(Invalid, match="is not linked"):
        services.start(
            draft, dataset=protected, kinds=["performance"], settings=journey.settings(), actor=cast.developer
        )


def test_a_reference_group_that_nobody_is_in_fails_with_a_sentence(cast: Cast) -> None:
    run = journey.evaluated(cast, journey.version(cast), ["bias"], references={"sex": "X"})
    assert run.status == "failed"
    assert "The reference group X of sex has nobody in the data." in run.error
    assert latest_for(run).state == JobState.FAILED
    assert [event.verb for event in of_subject(run)] == ["evaluation.fail", "evaluation.start"]


def test_work_cancelled_on_the_list_of_work_ends_its_run_with_the_reason(cast: Cast) -> None:
    waiting = journey.started(cast, journey.version(cast))
    jobs.cancel(latest_for(waiting), actor=fresh(cast.developer))
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error) == ("failed", "Dev Developer cancelled the work before it began.")
    journey.drain()
    assert latest_for(waiting).state == JobState.CANCELLED


def test_a_waiting_run_is_cancelled_with_its_work(cast: Cast) -> None:
    run = journey.started(cast, journey.version(cast))
    services.cancel(run, actor=cast.developer)
    run.refresh_from_db()
    assert (run.status, latest_for(run).state) == ("cancelled", JobState.CANCELLED)
    journey.drain()
    run.refresh_from_db()
    assert (run.status, run.results) == ("cancelled", [])
    with pytest.raises(Refused):
        services.cancel(run, actor=cast.developer)


def test_outsider_cannot_start_a_run(cast: Cast) -> None:
    draft = journey.version(cast)
    with pytest.raises(Forbidden):
        services.start(
            draft,
            dataset=draft.datasets.get(role="test").dataset,
            kinds=["performance"],
            settings=journey.settings(),
            actor=cast.outsider,
        )


def test_what_a_killed_worker_left_is_done_once_by_the_next(cast: Cast) -> None:
    run = journey.started(cast, journey.version(cast), ["performance"])
    taken = jobs.take()
    assert taken is not None
    Job.objects.filter(pk=taken.pk).update(heartbeat=timezone.now() - dt.timedelta(minutes=5))
    runner.sweep()
    assert Job.objects.get(pk=taken.pk).state == JobState.QUEUED
    journey.drain()
    run.refresh_from_db()
    assert run.status == "done"
    assert Job.objects.get(pk=taken.pk).attempts == 2
    assert not jobs.report(taken, "late", 1, 1)  # the lost worker writes nothing any more
    assert of_subject(run).filter(verb="evaluation.complete").count() == 1


def test_work_given_up_for_good_is_a_failed_run_with_the_reason(cast: Cast) -> None:
    run = journey.started(cast, journey.version(cast), ["performance"])
    Job.objects.filter(kind="evaluation.run").update(
        state=JobState.RUNNING, attempts=3, heartbeat=timezone.now() - dt.timedelta(minutes=5)
    )
    runner.sweep()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "fell silent" in run.error


def test_small_groups_are_text_and_never_numbers(cast: Cast) -> None:
    run = journey.evaluated(cast, journey.version(cast), ["bias"])
    sheet = queries.bias_sheet(run)
    assert sheet is not None
    rows = {(attribute.name, row.group): row for attribute in sheet.attributes for row in attribute.rows}
    withheld = rows[("region", "Islands")]
    assert withheld.withheld
    assert withheld.n is None
    assert not withheld.cells
    assert rows[("sex", "F")].cells[0].value.startswith("0.")


def test_text_that_a_spreadsheet_would_run_is_escaped() -> None:
    assert safe("=1+1") == "'=1+1"
    assert safe("@x") == "'@x"
    assert safe(-0.5) == "-0.5"
    assert safe(None) == ""


@pytest.mark.parametrize(
    ("measure", "value", "limits", "text"),
    [
        ("air", 0.7975, (0.9, 0.8), "0.797"),
        ("air", 0.8, (0.9, 0.8), "0.80"),
        ("smd", -42.51, (), "−42.5"),
        ("selection_rate", 0.639, (), "63.9 %"),
        ("air", None, (), "–"),
    ],
)
def test_numbers_keep_their_decimals(measure: str, value: float | None, limits: tuple[float, ...], text: str) -> None:
    assert queries.shown(measure, value, limits) in {text, text.replace("0.797", "0.798")}


def test_stability_is_against_the_training_data(cast: Cast, client: Client) -> None:
    run = journey.evaluated(cast, journey.version(cast), ["stability"])
    assert (run.status, run.reference.name) == ("done", run.version.datasets.get(role="training").dataset.name)
    shifts = {each["group"]: each for each in run.results if each["measure"] == "psi"}
    assert set(shifts) == {*run.version.features, "score"}
    assert all(each["status"] in {"pass", "insufficient"} for each in shifts.values())
    assert run.pins["reference_sha256"] == run.reference.sha256
    assert [figure["name"] for figure in run.figures] == ["stability"]
    client.force_login(cast.developer)
    page = client.get(run.get_absolute_url()).content.decode()
    assert "Equal populations of these sizes exceed" in page
    assert run.reference.ref in page


def test_training_data_are_not_compared_with_themselves(cast: Cast) -> None:
    draft = journey.version(cast)
    training = draft.datasets.get(role="training").dataset
    with pytest.raises(Invalid, match="are the training data themselves"):
        services.start(
            draft, dataset=training, kinds=["stability"], settings=journey.settings(), actor=fresh(cast.developer)
        )
