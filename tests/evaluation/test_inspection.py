"""An attached artifact is inspected by itself; what is not clean is neither approved nor pushed, but by an exception."""

import os
import pickle
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from rest_framework.test import APIClient

from mrm.approval import queries as approval
from mrm.approval.models import Approval
from mrm.approval.services import EmergencyUse, InterimUse, submit
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.evaluation import queries, services
from mrm.evaluation.models import Inspection
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.project.reactions import dispatch_all
from mrm.signoff.models import GateState, Request
from tests.approval.test_exception import asked
from tests.factories import approval as sign_off
from tests.factories import validation as make
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.inspection import small_onnx
from tests.factories.journey import drain


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def flag(
    version: Version, outcome: str = "flagged", sentence: str = "A newer tool found a hidden operator."
) -> Inspection:
    """Another inspection of the same bytes, as a newer tool would leave it."""
    tool = {"name": "newer", "version": "2", "outcome": outcome}
    finding = {"tool": "newer", "outcome": outcome, "sentence": sentence}
    report = {"found": "onnx", "outcome": outcome, "tools": [tool], "findings": [finding], "facts": {}}
    assert version.artifact is not None
    return services.record_inspection(version, artifact=version.artifact, report=report, actor=SETUP)


def gate(version: Version) -> Any:
    (found,) = (
        each for each in approval.gates_of(approval.evidence_of([version])[version.pk]) if each.key == "inspection"
    )
    return found


def test_what_is_attached_is_inspected_by_a_worker_and_shown(cast: Cast, client: Client) -> None:
    version = make.version(cast, make.model(cast))
    inventory.attach_artifact(
        version, chunks=[pickle.dumps(Evil())], filename="model.onnx", kind="onnx", actor=cast.developer
    )
    version.refresh_from_db()
    assert "is not inspected yet" in gate(version).detail
    dispatch_all()
    dispatch_all()
    client.force_login(fresh(cast.developer))
    assert "Being inspected" in client.get(version.get_absolute_url()).content.decode()
    with pytest.raises(Refused, match="is being inspected; its result appears"):
        services.ask_inspection(version, actor=fresh(cast.developer))
    drain()
    made = queries.inspection_of(version.artifact_id)
    assert made is not None
    assert (made.outcome, made.declared, made.found) == ("flagged", "onnx", "pickle")
    assert "The file is declared as onnx, its content is a pickle." in made.sentences
    assert "posix.system" in " ".join(made.sentences)
    event = Event.objects.get(verb="evaluation.record_inspection", subject_id=str(made.pk))
    assert (event.details["outcome"], event.details["sha256"]) == ("flagged", version.artifact_id)
    page = client.get(version.get_absolute_url()).content.decode()
    assert "its content is a pickle" in page
    assert 'formaction="' not in page
    api = APIClient()
    api.force_authenticate(fresh(cast.developer))
    address = f"/api/v1/versions/{version.pk}/inspections/"
    assert api.get(address).data["results"][0]["outcome"] == "flagged"
    assert api.post(address).status_code == 202
    drain()
    assert [each["outcome"] for each in api.get(address).data["results"]] == ["flagged", "flagged"]
    api.force_authenticate(fresh(cast.outsider))
    assert api.get(address).status_code == 404
    with pytest.raises(Forbidden):
        services.ask_inspection(version, actor=fresh(cast.auditor))


def test_flagged_bytes_are_approved_only_by_an_exception_from_just_that(cast: Cast) -> None:
    version = make.validated(cast, make.version(cast, make.model(cast)))
    found = flag(version)
    assert (gate(version).state, gate(version).detail.endswith("a hidden operator.")) == (GateState.MISSING, True)
    for use in (InterimUse(), EmergencyUse()):  # neither may it be owed, nor does haste stand in for it
        (owed,) = (each for each in use.gates(version) if each.key == "inspection")
        assert (owed.state, owed.waivable) == (GateState.MISSING, False)
    request = Request.objects.get(pk=submit(version, actor=cast.developer).pk)
    with pytest.raises(Refused, match="missing: artifact inspected, with nothing found"):
        sign_off.sign(request, cast.officer)
    owed = sign_off.condition(cast, gate="inspection")
    with pytest.raises(Refused, match="missing: artifact inspected, with nothing found"):
        sign_off.sign(request, cast.officer, "approve_with_conditions", [owed])
    with pytest.raises(Invalid, match="is no clause that an exception may be from"):
        asked(cast, version.model, "inspection")
    proposal = asked(cast, version.model, gate(version).clause)
    for signer in (cast.lead, cast.officer):
        sign_off.sign(proposal.request, signer)
    assert (gate(version).state, gate(version).clause) == (GateState.WAIVED, f"flagged-{found.artifact_id[:28]}")
    flag(version, "unscannable")
    assert gate(version).state == GateState.MISSING
    flag(version)
    for officer in (cast.second_officer, cast.officer):
        sign_off.sign(request, officer)
    assert approval.why_not_usable(version, found.artifact_id) is None
    assert Approval.objects.get().status == "valid"


def test_what_is_flagged_later_is_pushed_no_more(cast: Cast) -> None:
    version = sign_off.approved(cast).version
    assert approval.why_not_usable(version, version.artifact_id) is None
    flag(version)
    told = approval.why_not_usable(version, version.artifact_id) or ""
    assert told == "The inspection of model.onnx flagged it: A newer tool found a hidden operator."


def test_the_database_keeps_inspections_as_they_were_and_approves_nothing_without(cast: Cast) -> None:
    granted = sign_off.approved(cast)
    found = flag(granted.version)
    with pytest.raises(DatabaseError, match="rows there are never taken back"), transaction.atomic():  # noqa: SIM117
        with recorded("evaluation.record_inspection", actor=SETUP, subject=granted.version):
            Inspection.objects.filter(pk=found.pk).update(outcome="clean", findings=[])
    with pytest.raises(DatabaseError, match="inspection_says_why"), transaction.atomic():  # noqa: SIM117
        with recorded("evaluation.record_inspection", actor=SETUP, subject=granted.version):
            Inspection.objects.create(
                artifact=found.artifact,
                version=found.version,
                declared="onnx",
                found="onnx",
                outcome="flagged",
                tools=[],
            )
    granted.pk = None
    with pytest.raises(DatabaseError, match="approved after a clean inspection"), transaction.atomic():  # noqa: SIM117
        with recorded("approval.grant", actor=SETUP, subject=granted.version):
            granted.save(force_insert=True)


def test_a_look_that_comes_to_no_end_could_not_tell(cast: Cast, settings: Any) -> None:
    from mrm.evaluation.services.inspecting import look

    version = make.version(cast, make.model(cast), content=small_onnx("hurried"))
    settings.INSPECTION = {**settings.INSPECTION, "seconds": 0}
    assert version.artifact is not None
    told = look(version.artifact)
    assert (told["outcome"], told["findings"][0]["tool"]) == ("unscannable", "confined process")
    assert "did not finish within 0 seconds" in told["findings"][0]["sentence"]
