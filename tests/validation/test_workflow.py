"""Every state, every move, every person: who may do what to a validation and to a finding."""

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from mrm.approval import queries as approval
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import services as signoff
from mrm.validation import services
from mrm.validation.models import Finding, RiskAcceptance, Validation
from mrm.validation.workflow import FINDING, VALIDATION, FindingState, ValidationState
from tests.factories import validation as make
from tests.factories.access import Cast, fresh, grant
from tests.factories.proposal import later
from tests.factories.signing import WHY, sign

PEOPLE = (
    "owner",
    "developer",
    "validator",
    "second_validator",
    "officer",
    "deployer",
    "auditor",
    "administrator",
    "outsider",
)


def open_to(flow: object, subject: object, cast: Cast) -> dict[str, set[str]]:
    """Move to the cast it is open to, in the subject's present state."""
    found: dict[str, set[str]] = {}
    for name in PEOPLE:
        for offer in flow.offered(subject, fresh(getattr(cast, name))):  # type: ignore[attr-defined]
            found.setdefault(offer.move.name, set()).update({name} if offer.open else set())
    return found


def test_moves_of_a_validation_by_state_and_person(cast: Cast) -> None:
    version = make.version(cast, make.model(cast))
    asked = services.request(version, actor=cast.developer)
    asked = Validation.objects.get(pk=asked.pk)
    assert open_to(VALIDATION, asked, cast) == {"take": {"validator", "second_validator"}}
    taken = services.take(asked, actor=cast.validator)
    hand = {"validator"}
    assert open_to(VALIDATION, taken, cast) == {
        "plan": hand, "add_evidence": hand, "raise_finding": hand, "conclude": set(),
    }  # fmt: skip
    services.write_plan(taken, plan="All of it.", actor=cast.validator)
    done = make.concluded(cast, Validation.objects.get(pk=taken.pk))
    assert open_to(VALIDATION, done, cast) == {}
    assert done.status == ValidationState.CONCLUDED


OWNERS, CHECKERS = {"owner", "developer"}, {"validator", "second_validator"}
FINDINGS = {
    FindingState.OPEN: {
        "accept_finding": OWNERS, "rebut_finding": OWNERS, "withdraw_finding": CHECKERS, "accept_risk": OWNERS,
    },
    FindingState.REBUTTED: {"uphold_finding": CHECKERS, "withdraw_finding": CHECKERS},
    FindingState.ACCEPTED: {"plan_finding": OWNERS, "remediate_finding": OWNERS, "accept_risk": OWNERS},
    FindingState.PLANNED: {"begin_finding": OWNERS, "remediate_finding": OWNERS, "accept_risk": OWNERS},
    FindingState.IN_PROGRESS: {"remediate_finding": OWNERS, "accept_risk": OWNERS},
    FindingState.EVIDENCE: {"return_finding": set(), "verify_finding": set()},  # by the signatures alone
    FindingState.CLOSED: {},
    FindingState.WITHDRAWN: {},
    FindingState.RISK_ACCEPTED: {"resume_finding": OWNERS},
}  # fmt: skip


def test_the_table_of_findings_is_complete() -> None:
    assert set(FINDINGS) == set(FindingState)
    listed = {(state, move) for state, moves in FINDINGS.items() for move in moves}
    assert listed == {(source, move.name) for move in FINDING for source in move.sources}


@pytest.mark.parametrize("state", list(FindingState))
def test_moves_of_a_finding_by_state_and_person(cast: Cast, state: FindingState) -> None:
    version = make.version(cast, make.model(cast))
    found = make.answer(cast, make.finding(cast, make.under_way(cast, version)), state)
    assert found.status == state
    assert open_to(FINDING, found, cast) == FINDINGS[state]


def test_a_move_from_the_wrong_state_is_refused_with_a_sentence(cast: Cast) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    with pytest.raises(Refused, match=r"Agree a plan is open from accepted; this is open\."):
        services.plan_finding(found, plan="x", actor=cast.owner)
    assert Finding.objects.get(pk=found.pk).status == FindingState.OPEN


def remediated(cast: Cast) -> Finding:
    version = make.version(cast, make.model(cast))
    return make.answer(cast, make.finding(cast, make.under_way(cast, version)), "evidence_submitted")


def test_the_remediator_does_not_verify_his_own_work(cast: Cast) -> None:

    found = remediated(cast)
    assert found.asked is not None
    grant(cast.owner, role="validator", unit=cast.bank)
    with pytest.raises(Refused, match="You may not sign: you"):
        sign(found.asked, cast.owner)


def test_the_signature_closes_a_finding_and_its_words_are_the_verification(cast: Cast) -> None:
    found = remediated(cast)
    assert found.asked is not None
    sign(found.asked, cast.validator)
    found.refresh_from_db()
    assert (found.status, found.verified_by, found.verification) == ("closed", cast.validator.person, WHY)
    assert Event.objects.get(verb="validation.verify_finding").details["request"].startswith("REQ-")


def test_a_returned_remediation_is_worked_on_again(cast: Cast) -> None:
    found = remediated(cast)
    assert found.asked is not None
    sign(found.asked, cast.second_validator, "return")
    found.refresh_from_db()
    assert (found.status, found.asked, found.verified_by) == ("in_progress", None, None)


def test_the_owner_takes_his_remediation_back(cast: Cast) -> None:
    found = remediated(cast)
    assert found.asked is not None
    signoff.withdraw(found.asked, reason="Not done yet.", actor=fresh(cast.owner))
    found.refresh_from_db()
    assert (found.status, found.asked) == ("in_progress", None)


def test_a_validator_does_not_withdraw_a_finding_by_himself(cast: Cast) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))), "critical")
    asked = services.withdraw_finding(found, reason="It holds.", actor=cast.validator).request
    assert Finding.objects.get().status == "open"
    with pytest.raises(Refused, match="you submitted this request"):
        sign(asked, cast.validator)
    sign(asked, cast.second_validator)
    assert Finding.objects.get().status == "withdrawn"


def test_an_accepted_risk_bars_nothing_and_comes_back_by_itself(cast: Cast) -> None:
    found = make.answer(
        cast, make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))), "high"), "risk_accepted"
    )
    acceptance = RiskAcceptance.objects.get()
    assert (acceptance.finding, acceptance.request.tier, found.is_open) == (found, "1", False)
    assert services.watch() == 0
    with later(days=91):
        assert services.watch() == 1
    found.refresh_from_db()
    acceptance.refresh_from_db()
    assert (found.status, acceptance.ended_at is None) == ("accepted", False)


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_a_risk_is_accepted_for_a_time_ahead(cast: Cast, days: int) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    until = timezone.localdate() + dt.timedelta(days=days)
    with pytest.raises(Invalid, match=r"until: .* is not within a year from tomorrow on"):
        services.accept_risk(found, reason="So.", compensation="Eyes.", until=until, actor=cast.owner)


@pytest.mark.parametrize("state", ["closed", "withdrawn", "risk_accepted"])
def test_the_database_refuses_an_unsigned_end_of_a_finding(cast: Cast, state: str) -> None:
    make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    with pytest.raises(DatabaseError), transaction.atomic():  # noqa: SIM117
        with recorded("validation.plan_finding", actor=cast.owner, subject=cast.bank):
            Finding.objects.update(
                status=state, verified_by=cast.lead.person, verification="Mine.", closed_at=timezone.now()
            )


def test_an_outcome_waits_for_a_second_validator_and_all_stands_still(cast: Cast) -> None:
    on = make.under_way(cast, make.version(cast, make.model(cast)))
    services.add_evidence(on, pillar="soundness", title="Form", text="Sound", actor=cast.validator)
    given = services.conclude(on, outcome="fit", conclusion="Fit", residual_risk="low", actor=cast.validator)
    on.refresh_from_db()
    assert (on.status, on.outcome) == ("under_way", "")
    for signer in (cast.validator, cast.developer, cast.owner, cast.officer):
        with pytest.raises(Refused):
            sign(given.request, signer)
    with pytest.raises(Refused, match=f"before a second validator in {given.request.ref}"):
        services.add_evidence(on, pillar="soundness", title="More", text="Late", actor=cast.validator)
    with pytest.raises(DatabaseError, match="takes effect when it is signed for"), transaction.atomic():  # noqa: SIM117
        with recorded("validation.conclude", actor=cast.validator, subject=on):
            Validation.objects.update(
                status="concluded", outcome="fit", conclusion="x", residual_risk="low", concluded_at=timezone.now()
            )
    sign(given.request, cast.second_validator)
    on.refresh_from_db()
    assert (on.status, on.outcome, on.version.status) == ("concluded", "fit", "validated")


def test_who_signed_the_outcome_does_not_approve_the_version(cast: Cast) -> None:
    version = make.validated(cast, make.version(cast, make.model(cast)))
    assert approval.parts(version)[str(cast.second_validator.person_id)]["validator"].startswith("validated this")


def test_a_developer_who_is_validator_elsewhere_does_not_take_his_own_version(cast: Cast) -> None:

    asked = services.request(make.version(cast, make.model(cast)), actor=cast.developer)
    grant(cast.developer, role="validator", unit=cast.bank)
    with pytest.raises(Refused, match="You may not validate this version: you developed"):
        services.take(Validation.objects.get(pk=asked.pk), actor=fresh(cast.developer))
