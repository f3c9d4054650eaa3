"""The fold of the votes: quorum, people counted once, and never an approval from a doubt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrm.signoff.policies import Ballot, History, Party, Signer, difference, evaluate, may_sign

DIGEST = "a" * 64
PEOPLE = ("ann", "bob", "cid", "dan")
UNITS = {"ann": "/bank/risk/", "bob": "/bank/retail/", "cid": "/bank/risk/", "dan": "/bank/markets/"}


def policy(*requirements: dict[str, Any], stops: tuple[str, ...] = ("risk_officer",)) -> dict[str, Any]:
    return {"stages": [{"id": "committee", "requirements": list(requirements)}], "reject": {"any_of": list(stops)}}


def need(quorum: int = 2, role: str = "risk_officer", *, apart: bool = True) -> dict[str, Any]:
    return {"role": role, "quorum": quorum, "distinct_business_unit": apart}


def vote(
    person: str, decision: str = "approve", *, role: str = "risk_officer", digest: str = DIGEST, **more: Any
) -> Ballot:
    return Ballot(person, role, UNITS[person], decision, digest, **more)


def history(
    *ballots: Ballot, excluded: dict[str, Party] | None = None, held: dict[str, frozenset[str]] | None = None
) -> History:
    roles = held if held is not None else dict.fromkeys(PEOPLE, frozenset({"risk_officer"}))
    return History(DIGEST, ballots, excluded or {}, roles)


@pytest.mark.parametrize(
    ("ballots", "state"),
    [
        ((), "open"),
        ((vote("ann"),), "open"),
        ((vote("ann"), vote("bob")), "approved"),
        ((vote("ann"), vote("ann")), "open"),
        ((vote("ann"), vote("cid")), "open"),
        ((vote("ann"), vote("cid"), vote("dan")), "approved"),
        ((vote("ann"), vote("bob", "withdraw_vote")), "open"),
        ((vote("ann"), vote("bob"), vote("bob", "withdraw_vote")), "open"),
        ((vote("ann"), vote("bob", "reject")), "rejected"),
        ((vote("ann"), vote("bob", "return")), "returned"),
        ((vote("ann"), vote("bob", "return"), vote("bob", "withdraw_vote"), vote("bob")), "approved"),
        ((vote("ann", digest="b" * 64), vote("bob")), "open"),
        ((vote("ann", role="validator"), vote("bob")), "open"),
        ((vote("ann"), vote("bob", "reject", role="validator")), "open"),
    ],
)
def test_two_risk_officers_of_different_units_approve_and_nothing_less(ballots: tuple[Ballot, ...], state: str) -> None:
    assert evaluate(policy(need()), history(*ballots)).state == state


def test_a_party_never_counts() -> None:
    found = evaluate(policy(need()), history(vote("ann"), vote("bob"), excluded={"bob": Party("owns this model")}))
    assert (found.state, found.ignored) == ("open", ("A vote does not count: owns this model.",))


def test_a_lost_role_takes_the_vote_along() -> None:
    held = {"ann": frozenset({"risk_officer"}), "bob": frozenset()}
    assert evaluate(policy(need()), history(vote("ann"), vote("bob"), held=held)).state == "open"


def test_nobody_approves_nothing() -> None:
    assert evaluate(policy(), history()).state == "open"
    assert evaluate(policy(need(0)), history()).state == "open"
    assert evaluate({"stages": [], "reject": {"any_of": []}}, history(vote("ann"))).state == "open"


def test_stages_open_one_after_the_other() -> None:
    rules = {
        "stages": [
            {"id": "first", "requirements": [need(1, "bu_lead", apart=False)]},
            {"id": "second", "requirements": [need(1)]},
        ],
        "reject": {"any_of": []},
    }
    held = {"ann": frozenset({"bu_lead"}), "bob": frozenset({"risk_officer"})}
    assert evaluate(rules, history(held=held)).stage == "first"
    officer = Signer("bob", False, frozenset({"risk_officer"}), UNITS["bob"])
    past = history(held=held)
    assert (
        may_sign(rules, past, evaluate(rules, past), officer)
        == "This stage waits for a business-unit lead; you hold no such role here."
    )
    assert evaluate(rules, history(vote("ann", role="bu_lead"), held=held)).stage == "second"


def test_conditions_in_the_same_words_are_asked_once() -> None:
    asked = ({"text": "Drill"},)
    one, two = (vote(name, "approve_with_conditions", conditions=asked) for name in ("ann", "bob"))
    assert evaluate(policy(need()), history(one, two)).conditions == asked


@pytest.mark.parametrize(
    ("signer", "past", "sentence"),
    [
        (
            Signer("dan", True, frozenset({"risk_officer"}), "/x/"),
            history(),
            "A service account cannot sign: only a person does.",
        ),
        (
            Signer("dan", False, frozenset({"risk_officer"}), "/x/"),
            history(excluded={"dan": Party("owns this model")}),
            "You may not sign: you own this model.",
        ),
        (
            Signer("dan", False, frozenset(), "/x/"),
            history(),
            "This stage waits for a risk officer; you hold no such role here.",
        ),
        (
            Signer("ann", False, frozenset({"risk_officer"}), UNITS["ann"]),
            history(vote("ann")),
            "You have signed this request already; a person counts once.",
        ),
        (
            Signer("cid", False, frozenset({"risk_officer"}), UNITS["cid"]),
            history(vote("ann")),
            "Somebody of your business unit has signed; the policy asks for different units.",
        ),
        (
            Signer("cid", False, frozenset({"risk_officer"}), UNITS["cid"]),
            history(vote("ann"), vote("ann", "withdraw_vote")),
            None,
        ),
        (
            Signer("ann", False, frozenset({"risk_officer"}), UNITS["ann"]),
            history(vote("ann"), vote("ann", "withdraw_vote")),
            None,
        ),
    ],
)
def test_who_may_not_sign_is_told_why(signer: Signer, past: History, sentence: str | None) -> None:
    rules = policy(need())
    assert may_sign(rules, past, evaluate(rules, past), signer) == sentence


ballots = st.builds(
    vote,
    st.sampled_from(PEOPLE),
    st.sampled_from(["approve", "approve_with_conditions", "reject", "return", "withdraw_vote"]),
    role=st.sampled_from(["risk_officer", "validator"]),
    digest=st.sampled_from([DIGEST, DIGEST, "b" * 64]),
)


@given(
    st.lists(ballots, max_size=8),
    st.sets(st.sampled_from(PEOPLE)),
    st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from([frozenset(), frozenset({"risk_officer"})])),
    st.integers(0, 3),
    st.booleans(),
)
def test_an_approval_always_has_its_quorum_of_independent_people(
    cast: list[Ballot], parties: set[str], held: dict[str, frozenset[str]], quorum: int, apart: bool
) -> None:
    past = history(*cast, excluded=dict.fromkeys(parties, Party("owns this model")), held=held)
    found = evaluate(policy(need(quorum, apart=apart)), past)
    last = {ballot.person: ballot for ballot in cast}
    able = {
        person
        for person, ballot in last.items()
        if ballot.decision.startswith("approve")
        and ballot.role == "risk_officer"
        and ballot.subject_digest == DIGEST
        and person not in parties
        and "risk_officer" in held.get(person, frozenset())
    }
    counted = {UNITS[person] for person in able} if apart else able
    if found.state == "approved":
        assert quorum > 0
        assert len(counted) >= quorum
    assert evaluate(policy(need(quorum, apart=apart)), past) == found


def test_a_difference_marks_the_words_that_changed() -> None:
    before, after = difference("Logistic regression on 14 bins", "Logistic regression on 17 bins, monotone")
    assert [piece.text for piece in before if piece.changed] == ["14"]
    assert "".join(piece.text for piece in after) == "Logistic regression on 17 bins, monotone"
    assert difference("", "all new")[0] == []
