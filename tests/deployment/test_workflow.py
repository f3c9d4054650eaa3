"""Every state, every move, every person: who may do what to a revision."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mrm.access.models import Account
from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.core.actors import System
from mrm.core.refusal import Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Revision, Target
from mrm.deployment.queries import release_request
from mrm.deployment.services import record
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.jobs.runner import run_next
from mrm.signoff import services as signoff
from mrm.signoff.models import Request
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, an_approved
from tests.factories.attempts import may
from tests.factories.release import released
from tests.factories.signing import sign

OFFICERS, BEHIND, DEPLOYERS = {"officer", "second_officer"}, {"owner", "developer", "deployer"}, {"deployer"}
NOBODY: set[str] = set()
# the move to the people who bring it about: by a signature, by taking the question back, by wanting something newer;
# what became of a push is recorded by the worker alone, in the name of the deployer who asked
REVISIONS: dict[RevisionState, dict[str, set[str]]] = {
    RevisionState.AWAITING: {"release": OFFICERS, "refuse": OFFICERS | BEHIND, "supersede": DEPLOYERS},
    RevisionState.PENDING: {"apply": DEPLOYERS, "fail": DEPLOYERS, "supersede": DEPLOYERS},
    RevisionState.APPLIED: {"supersede": DEPLOYERS},
    RevisionState.FAILED: {},
    RevisionState.SUPERSEDED: {},
    RevisionState.REFUSED: {},
}


def test_the_table_of_revisions_is_complete() -> None:
    assert set(REVISIONS) == set(RevisionState)
    listed = {(state, move) for state, moves in REVISIONS.items() for move in moves}
    assert listed == {(source, move.name) for move in FLOW for source in move.sources}


@pytest.fixture
def wanted(cast: Cast, place: Target, tmp_path: Path) -> Revision:
    """An approved version of tier 1 that a deployer wants at a place."""
    model = a_model(cast)
    deployment = services.create(model, target=place, endpoint="credit", actor=cast.deployer)
    return services.deploy(deployment, version=an_approved(cast, model, tmp_path), actor=cast.deployer)


def work() -> None:
    while run_next():
        pass


def taken_to(cast: Cast, revision: Revision, state: RevisionState) -> Revision:
    """The revision in a state, by the steps that lead there."""
    if state == RevisionState.REFUSED:
        sign(_asked(revision), cast.officer, "reject")
    elif state == RevisionState.SUPERSEDED:
        again(revision, cast.deployer)
    elif state != RevisionState.AWAITING:
        released(cast, revision)
    if state == RevisionState.FAILED:
        approval.withdraw(Approval.objects.get(), actor=cast.officer, reason="Found a fault")
    if state in {RevisionState.FAILED, RevisionState.APPLIED}:
        work()
    return Revision.objects.select_related("deployment__model__unit", "version").get(pk=revision.pk)


def _asked(revision: Revision) -> Request:
    found = release_request(revision)
    if found is None:
        raise Refused("Nothing asks for signatures on it.")
    return found


def again(revision: Revision, who: Account) -> Revision:
    deployment = Deployment.objects.get(pk=revision.deployment_id)
    assert revision.version is not None
    return services.deploy(deployment, version=revision.version, actor=fresh(who))


def refuse(revision: Revision, who: Account) -> None:
    """As a signer, or as somebody who takes his question back."""
    asked = _asked(revision)
    if not may(lambda: sign(asked, who, "reject")):
        signoff.withdraw(asked, reason="Not now.", actor=fresh(who))


def steps(cast: Cast) -> dict[str, Callable[[Revision, Account], object]]:
    seen = {"observed": {}, "digest": ""}

    def supersede(revision: Revision, who: Account) -> None:
        newer = again(revision, who)
        released(cast, newer)
        work()

    return {
        "release": lambda revision, who: sign(_asked(revision), who),
        "refuse": refuse,
        "supersede": supersede,
        "apply": lambda revision, who: record.settle(revision, verification=seen, actor=fresh(who)),
        "fail": lambda revision, who: record.fail(revision, error="Away.", actor=fresh(who)),
    }


@pytest.mark.parametrize("state", list(RevisionState))
def test_moves_of_a_revision_by_state_and_person(cast: Cast, wanted: Revision, state: RevisionState) -> None:
    revision = taken_to(cast, wanted, state)
    assert revision.status == state
    found: dict[str, set[str]] = {}
    for move, step in steps(cast).items():
        if move not in REVISIONS[state] and move == "supersede":
            continue  # something newer may be wanted at any time; it does nothing to this one
        for name, who in cast.everybody().items():
            if may(lambda step=step, who=who: step(revision, who)):  # type: ignore[misc]
                found.setdefault(move, set()).add(name)
    assert found == REVISIONS[state]


def test_what_was_done_with_is_left_alone_by_something_newer(cast: Cast, wanted: Revision) -> None:
    refused = taken_to(cast, wanted, RevisionState.REFUSED)
    again(refused, cast.deployer)
    refused.refresh_from_db()
    assert refused.status == RevisionState.REFUSED


def test_nobody_records_a_push_for_another(cast: Cast, wanted: Revision) -> None:
    revision = taken_to(cast, wanted, RevisionState.PENDING)
    for who in (cast.administrator, System("deployment")):
        with pytest.raises(Refused, match="recorded by the worker, in the name of whoever asked for it"):
            record.fail(revision, error="Mine.", actor=who)  # type: ignore[arg-type]
    revision.refresh_from_db()
    assert revision.status == RevisionState.PENDING
