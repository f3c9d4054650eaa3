"""An exception from a clause: proposed by those behind the model, signed by business and risk, over by itself."""

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from mrm.approval import queries
from mrm.audit.trail import recorded
from mrm.core.refusal import Invalid, Refused
from mrm.inventory.models import Model, Version
from mrm.signoff import services as signoff
from mrm.signoff.models import GateState, Proposal
from mrm.validation.models import RiskAcceptance
from tests.factories import validation as make
from tests.factories.access import SETUP, Cast
from tests.factories.approval import submitted
from tests.factories.proposal import later
from tests.factories.signing import sign

REASON = "The vendor gives no attributions before May."


def asked(cast: Cast, model: Model, clause: str = "bias", days: int = 90) -> Proposal:
    until = (timezone.localdate() + dt.timedelta(days=days)).isoformat()
    content = {"clause": clause, "compensation": "Every refusal is read by a person.", "until": until}
    return signoff.propose(model, "policy_exception", content=content, reason=REASON, actor=cast.owner)


def gate(version: Version, key: str) -> GateState:
    (found,) = (each for each in queries.gates_of(queries.evidence_of([version])[version.pk]) if each.key == key)
    return found.state


@pytest.fixture
def version(cast: Cast) -> Version:
    return make.validated(cast, make.version(cast, make.model(cast)), runs=False)


def test_an_exception_stands_in_for_the_gate_while_it_runs(cast: Cast, version: Version) -> None:
    proposal = asked(cast, version.model)
    assert gate(version, "bias") == GateState.MISSING
    sign(proposal.request, cast.lead)
    with pytest.raises(Refused):
        sign(proposal.request, cast.validator)
    sign(proposal.request, cast.officer)
    standing = RiskAcceptance.objects.get()
    assert (standing.clause, standing.reason, standing.request) == ("bias", REASON, proposal.request)
    assert (gate(version, "bias"), gate(version, "performance")) == (GateState.WAIVED, GateState.MISSING)
    with later(days=91):
        assert gate(version, "bias") == GateState.MISSING


def test_the_signers_of_the_version_see_the_exception_that_they_rely_on(cast: Cast, version: Version) -> None:
    for clause in ("bias", "performance", "explainability"):
        proposal = asked(cast, version.model, clause)
        sign(proposal.request, cast.lead)
        sign(proposal.request, cast.officer)
    request = submitted(cast, version)
    assert len(request.subject_content["exceptions"]) == 3
    assert "EXC-" in next(
        each.detail for each in queries.gates_of(queries.evidence_of([version])[version.pk]) if each.key == "bias"
    )


@pytest.mark.parametrize("clause", ["artifact", "validation", "findings", "", "nonsense"])
def test_what_must_hold_in_any_case_has_no_exception(cast: Cast, version: Version, clause: str) -> None:
    with pytest.raises(Invalid, match="is no clause that an exception may be from; use one of performance, bias"):
        asked(cast, version.model, clause)


def test_an_exception_ends_within_a_year_and_is_not_asked_for_twice(cast: Cast, version: Version) -> None:
    with pytest.raises(Invalid, match="until"):
        asked(cast, version.model, days=400)
    proposal = asked(cast, version.model)
    with pytest.raises(Refused, match="proposed already"):
        asked(cast, version.model)
    sign(proposal.request, cast.lead)
    sign(proposal.request, cast.officer)
    with pytest.raises(Refused, match=r"EXC-\d+ holds until"):
        asked(cast, version.model)


def test_the_database_refuses_an_exception_that_nobody_signed(cast: Cast, version: Version) -> None:
    request = asked(cast, version.model).request
    with pytest.raises(DatabaseError, match="takes effect when it is signed for"), transaction.atomic():  # noqa: SIM117
        with recorded("approval.grant_exception", actor=SETUP, subject=version.model):
            RiskAcceptance.objects.create(
                model=version.model, clause="bias", reason="Mine.", compensation="None.", request=request,
                until=timezone.localdate() + dt.timedelta(days=9),
            )  # fmt: skip
