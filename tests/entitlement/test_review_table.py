"""Every state, every move, every person: who may do what in an access review."""

from collections.abc import Callable

import pytest

from mrm.access import services as access
from mrm.access.models import Account
from mrm.entitlement import services
from mrm.entitlement.models import Item, Review
from mrm.entitlement.workflow import ITEM, REVIEW, Outcome, ReviewState
from tests.factories.access import PASSWORD, SETUP, Cast, account, fresh, with_password
from tests.factories.attempts import may
from tests.factories.entitlement import decide_all, item_of, under_review

KEEPERS = {"administrator", "auditor"}
# what is reviewed here is the access of the owner, in Retail Lending: its lead decides; nobody ends by hand what stands
ITEMS: dict[Outcome, dict[str, set[str]]] = {
    Outcome.PENDING: {"confirm_access": {"lead"}, "revoke_access": {"lead"}, "let_lapse": set()},
    Outcome.CONFIRMED: {},
    Outcome.REVOKED: {},
    Outcome.LAPSED: {},
}
REVIEWS: dict[ReviewState, dict[str, set[str]]] = {
    ReviewState.OPEN: {"complete_review": KEEPERS},
    ReviewState.COMPLETED: {},
}


@pytest.fixture
def people(cast: Cast) -> dict[str, Account]:
    """The cast, and who leads the bank as a whole."""
    return cast.everybody() | {"head": account("Hanna Head", cast.bank, ("bu_lead", cast.bank))}


def test_the_tables_of_reviews_are_complete() -> None:
    assert (set(ITEMS), set(REVIEWS)) == (set(Outcome), set(ReviewState))
    items = {(state, move) for state, moves in ITEMS.items() for move in moves}
    assert items == {(source, move.name) for move in ITEM for source in move.sources}
    reviews = {(state, move) for state, moves in REVIEWS.items() for move in moves}
    assert reviews == {(source, move.name) for move in REVIEW for source in move.sources}


def taken_to(cast: Cast, item: Item, outcome: Outcome) -> Item:
    if outcome == Outcome.CONFIRMED:
        services.confirm(item.review, keys=[item.pk], reason="Needed.", actor=fresh(cast.lead))
    elif outcome == Outcome.REVOKED:
        services.revoke(item, reason="Moved.", actor=fresh(cast.lead))
    elif outcome == Outcome.LAPSED:
        access.revoke(cast.owner.role_grants.get(), reason="Left.", actor=SETUP)
        services.watch()
    return Item.objects.select_related("review").get(pk=item.pk)


STEPS: dict[str, Callable[[Item, Account], object]] = {
    "confirm_access": lambda item, who: services.confirm(item.review, keys=[item.pk], reason="Needed.", actor=who),
    "revoke_access": lambda item, who: services.revoke(item, reason="Moved.", actor=who),
    "let_lapse": lambda item, who: services.let_lapse(item.review, actor=who),
}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_moves_of_an_item_by_outcome_and_person(cast: Cast, people: dict[str, Account], outcome: Outcome) -> None:
    item = taken_to(cast, item_of(under_review(cast), cast.owner), outcome)
    assert item.outcome == outcome
    found = {
        move: {name for name, who in people.items() if may(lambda step=step, who=who: step(item, fresh(who)))}  # type: ignore[misc]
        for move, step in STEPS.items()
    }
    assert found == {move: ITEMS[outcome].get(move, set()) for move in STEPS}


def attested(review: Review, who: Account) -> None:
    signer = with_password(fresh(who))
    _statement, token = services.compose(review, actor=fresh(signer))
    services.attest(review, token=token, password=PASSWORD, actor=fresh(signer))


@pytest.mark.parametrize("state", list(ReviewState))
def test_moves_of_a_review_by_state_and_person(cast: Cast, people: dict[str, Account], state: ReviewState) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    if state == ReviewState.OPEN:
        assert {name for name, who in people.items() if may(lambda who=who: attested(review, who))} == set()  # type: ignore[misc]
    decide_all(cast, review, cast.lead, people["head"], cast.officer)
    if state == ReviewState.COMPLETED:
        attested(review, cast.auditor)
    review.refresh_from_db()
    assert review.status == state
    found = {name for name, who in people.items() if may(lambda who=who: attested(review, who))}  # type: ignore[misc]
    assert found == REVIEWS[state].get("complete_review", set())
