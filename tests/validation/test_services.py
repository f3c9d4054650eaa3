"""What a validation changes, and what it refuses."""

import datetime as dt

import pytest
from django.utils import timezone

from mrm.audit.models import Event
from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory import services as inventory
from mrm.inventory.models import Model, Version
from mrm.validation import queries, services
from mrm.validation.models import Finding, Validation
from tests.factories import validation as make
from tests.factories.access import Cast


def test_a_request_closes_the_version_to_changes(cast: Cast) -> None:
    version = make.version(cast, make.model(cast))
    services.request(version, actor=cast.developer)
    version.refresh_from_db()
    assert (version.status, version.model.lifecycle) == ("in_validation", "in validation")
    with pytest.raises(Refused, match="closed to changes"):
        inventory.edit_version(version, changes={"notes": "x"}, revision=version.revision, actor=cast.developer)


def test_a_version_without_artifact_or_tier_is_not_validated(cast: Cast) -> None:
    model = make.model(cast)
    bare = inventory.add_version(model, label="9.0.0", developer=cast.developer.person, actor=cast.developer)
    with pytest.raises(Refused, match="no artifact yet"):
        services.request(bare, actor=cast.developer)


def test_an_outcome_settles_version_and_model(cast: Cast) -> None:
    version = make.validated(cast, make.version(cast, make.model(cast)))
    model = Model.objects.get(pk=version.model_id)
    assert version.status == "validated"
    assert (model.last_validation_date, model.residual_risk, model.tier_is_provisional) == (
        timezone.localdate(),
        "moderate",
        False,
    )
    assert Event.objects.get(verb="validation.conclude", outcome="done").details["outcome"] == "fit for use"


def test_not_fit_reopens_the_draft(cast: Cast) -> None:
    version = make.validated(cast, make.version(cast, make.model(cast)), result="not_fit")
    assert (version.status, version.model.lifecycle) == ("draft", "in development")


def test_open_findings_bar_a_plain_fit(cast: Cast) -> None:
    on = make.under_way(cast, make.version(cast, make.model(cast)))
    make.finding(cast, on)
    with pytest.raises(Refused, match="at best fit for use with findings"):
        make.concluded(cast, on, "fit")


def test_no_outcome_without_plan_and_evidence(cast: Cast) -> None:
    asked = services.request(make.version(cast, make.model(cast)), actor=cast.developer)
    taken = services.take(Validation.objects.get(pk=asked.pk), actor=cast.validator)
    with pytest.raises(Refused) as refusal:
        services.conclude(taken, outcome="fit", conclusion="x", residual_risk="low", actor=cast.validator)
    assert refusal.value.reasons == (
        "There is no plan yet: say what will be examined first.",
        "There is no evidence yet: an outcome without evidence is an opinion.",
    )


def test_evidence_is_a_run_of_this_artifact_a_file_or_words(cast: Cast) -> None:
    model = make.model(cast)
    version, other = make.version(cast, model), make.version(cast, model, "5.0.0")
    on, foreign = make.under_way(cast, version), make.run(cast, other)
    with pytest.raises(Invalid, match="not a completed run of the artifact"):
        services.add_evidence(on, pillar="outcomes", title="Run", run=foreign, actor=cast.validator)
    with pytest.raises(Invalid, match="a run, a file, or an examination in words"):
        services.add_evidence(on, pillar="outcomes", title="Nothing", actor=cast.validator)
    with pytest.raises(Invalid, match="no pillar"):
        services.add_evidence(on, pillar="luck", title="x", text="x", actor=cast.validator)
    kept = services.add_evidence(
        on, pillar="soundness", title="Paper", chunks=[b"bytes"], filename="paper.pdf", actor=cast.validator
    )
    assert (blobs.read(kept.sha256), kept.filename) == (b"bytes", "paper.pdf")


def test_a_refused_remediation_stores_nothing(cast: Cast) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    taken: list[bytes] = []

    def chunks() -> object:
        taken.append(b"x")
        yield b"x"

    with pytest.raises(Forbidden):
        services.remediate_finding(found, remediation="x", chunks=chunks(), filename="x", actor=cast.officer)
    with pytest.raises(Refused, match="Submit remediation is open from"):
        services.remediate_finding(found, remediation="x", chunks=chunks(), filename="x", actor=cast.owner)
    assert taken == []


def test_a_finding_is_due_by_severity_and_tier(cast: Cast) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))), "high")
    assert (found.due, found.first_due) == (timezone.localdate() + dt.timedelta(days=90),) * 2
    assert queries.age(found).over == 0


def test_a_new_version_does_not_wash_off_a_finding(cast: Cast) -> None:
    model = make.model(cast)
    found = make.finding(cast, make.under_way(cast, make.version(cast, model)))
    assert [entry.pk for entry in queries.open_findings(make.version(cast, model, "5.0.0"))] == [found.pk]


def test_a_finding_is_rebutted_once(cast: Cast) -> None:
    found = make.answer(
        cast, make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast)))), "rebutted"
    )
    back = services.uphold_finding(found, reason="It does shift.", actor=cast.validator)
    with pytest.raises(Refused, match="rebutted once"):
        services.rebut_finding(back, rebuttal="Again.", actor=cast.owner)


def test_a_validation_of_other_bytes_does_not_count(cast: Cast) -> None:
    version = make.validated(cast, make.version(cast, make.model(cast)), result="not_fit")
    inventory.attach_artifact(version, chunks=[b"refit"], filename="m.onnx", kind="onnx", actor=cast.developer)
    assert queries.concluded(Version.objects.get(pk=version.pk)) is None
    assert Finding.objects.count() == 0
