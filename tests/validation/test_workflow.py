"""Every state, every move, every person: who may do what to a validation and to a finding."""

import itertools

import pytest

from mrm.core.refusal import Refused
from mrm.validation import services
from mrm.validation.models import Finding, Validation
from mrm.validation.workflow import FINDING, VALIDATION, FindingState, ValidationState
from tests.factories import validation as make
from tests.factories.access import Cast, account, fresh, grant

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


@pytest.fixture
def people(cast: Cast) -> Cast:
    cast.second_validator = account("Walt Validator", cast.risk, ("validator", cast.bank))  # type: ignore[attr-defined]
    return cast


def open_to(flow: object, subject: object, cast: Cast) -> dict[str, set[str]]:
    """Move to the people it is open to, in the subject's present state."""
    found: dict[str, set[str]] = {}
    for name in PEOPLE:
        for offer in flow.offered(subject, fresh(getattr(cast, name))):  # type: ignore[attr-defined]
            found.setdefault(offer.move.name, set()).update({name} if offer.open else set())
    return found


def test_moves_of_a_validation_by_state_and_person(people: Cast) -> None:
    version = make.version(people, make.model(people))
    asked = services.request(version, actor=people.developer)
    asked = Validation.objects.get(pk=asked.pk)
    assert open_to(VALIDATION, asked, people) == {"take": {"validator", "second_validator"}}
    taken = services.take(asked, actor=people.validator)
    hand = {"validator"}
    assert open_to(VALIDATION, taken, people) == {
        "plan": hand, "add_evidence": hand, "raise_finding": hand, "conclude": set(),
    }  # fmt: skip
    services.write_plan(taken, plan="All of it.", actor=people.validator)
    done = make.concluded(people, Validation.objects.get(pk=taken.pk))
    assert open_to(VALIDATION, done, people) == {}
    assert done.status == ValidationState.CONCLUDED


OWNERS, CHECKERS = {"owner", "developer"}, {"validator", "second_validator"}
FINDINGS = {
    FindingState.OPEN: {"accept_finding": OWNERS, "rebut_finding": OWNERS, "withdraw_finding": CHECKERS},
    FindingState.REBUTTED: {"uphold_finding": CHECKERS, "withdraw_finding": CHECKERS},
    FindingState.ACCEPTED: {"plan_finding": OWNERS, "remediate_finding": OWNERS},
    FindingState.PLANNED: {"begin_finding": OWNERS, "remediate_finding": OWNERS},
    FindingState.IN_PROGRESS: {"remediate_finding": OWNERS},
    FindingState.EVIDENCE: {"return_finding": CHECKERS, "verify_finding": CHECKERS},
    FindingState.CLOSED: {},
    FindingState.WITHDRAWN: {},
}


def test_the_table_of_findings_is_complete() -> None:
    assert set(FINDINGS) == set(FindingState)
    listed = {(state, move) for state, moves in FINDINGS.items() for move in moves}
    assert listed == {(source, move.name) for move in FINDING for source in move.sources}


@pytest.mark.parametrize("state", list(FindingState))
def test_moves_of_a_finding_by_state_and_person(people: Cast, state: FindingState) -> None:
    version = make.version(people, make.model(people))
    found = make.answer(people, make.finding(people, make.under_way(people, version)), state)
    assert found.status == state
    assert open_to(FINDING, found, people) == FINDINGS[state]


def test_a_move_from_the_wrong_state_is_refused_with_a_sentence(people: Cast) -> None:
    found = make.finding(people, make.under_way(people, make.version(people, make.model(people))))
    for name, actor in itertools.product(("verify_finding",), (people.validator,)):
        with pytest.raises(Refused, match=r"Verify and close is open from evidence submitted; this is open\."):
            getattr(services, name)(found, verification="x", actor=actor)
    assert Finding.objects.get(pk=found.pk).status == FindingState.OPEN


def test_the_remediator_does_not_verify_his_own_work(people: Cast) -> None:

    version = make.version(people, make.model(people))
    found = make.answer(people, make.finding(people, make.under_way(people, version)), "evidence_submitted")
    grant(people.owner, role="validator", unit=people.bank)
    with pytest.raises(Refused, match=r"You remediated this finding; somebody else verifies it\."):
        services.verify_finding(found, verification="Fine.", actor=fresh(people.owner))


def test_a_developer_who_is_validator_elsewhere_does_not_take_his_own_version(people: Cast) -> None:

    asked = services.request(make.version(people, make.model(people)), actor=people.developer)
    grant(people.developer, role="validator", unit=people.bank)
    with pytest.raises(Refused, match="You may not validate this version: you developed"):
        services.take(Validation.objects.get(pk=asked.pk), actor=fresh(people.developer))
