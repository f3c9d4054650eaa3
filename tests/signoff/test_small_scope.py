"""Everything that four people can do in up to six steps under two stages: the engine and the oracle never differ."""

import itertools
from functools import cache

import pytest

from mrm.signoff.policies import Ballot, Edit, History, Party, evaluate
from tests.signoff.oracle import state_of
from tests.signoff.world import need, policy, stage

PEOPLE = {
    "val": (frozenset({"validator"}), "/model/"),
    "ann": (frozenset({"risk_officer"}), "/risk/"),
    "bob": (frozenset({"risk_officer", "validator"}), "/retail/"),
    "dev": (frozenset({"risk_officer"}), "/risk/"),
}
RULES = {
    "one and two apart": policy(
        stage("first", need("validator")), stage("second", need("risk_officer", 2, apart=True))
    ),
    "either": policy(stage("first", need("validator")), stage("second", need("risk_officer"), need("validator"))),
    "parallel": policy(stage("first", need("validator")), stage("second", need("risk_officer")), mode="parallel"),
}
STEPS = [
    *((person, decision) for person in PEOPLE for decision in ("approve", "withdraw_vote")),
    ("ann", "reject"),
    ("bob", "edit"),
]
PARTS = {"dev": {"developer": Party("developed this")}}


@cache
def ballot(person: str, decision: str, at: int, digest: str) -> Ballot:
    roles, unit = PEOPLE[person]
    return Ballot(person, min(roles), unit, decision, digest, (), float(at), "", roles)


def past(steps: tuple[tuple[str, str], ...]) -> History:
    ballots, edits, digest = [], [], "d0"
    for at, (person, what) in enumerate(steps, start=1):
        if what == "edit":
            digest = f"d{at}"
            edits.append(Edit(float(at), digest, frozenset({"notes"}), frozenset({person})))
        else:
            ballots.append(ballot(person, what, at, digest))
    held = {person: roles for person, (roles, _) in PEOPLE.items()}
    return History("d0", tuple(ballots), {}, held, PARTS, tuple(edits), now=10.0)


@pytest.mark.parametrize("name", RULES)
def test_every_course_of_up_to_four_steps(name: str) -> None:
    rules, states = RULES[name], set()
    for length in range(5):
        for steps in itertools.product(STEPS, repeat=length):
            history = past(steps)
            found = evaluate(rules, history).state
            assert found == state_of(rules, history), steps
            states.add(found)
    assert states == {"open", "approved", "rejected"}


@pytest.mark.parametrize("name", RULES)
def test_every_course_of_up_to_six_steps_in_which_one_wavers(name: str) -> None:
    """Each of the four approves whenever; bob takes back and edits as well: every course of them, 55,987 for a policy."""
    rules = RULES[name]
    steps = [*((person, "approve") for person in PEOPLE), ("bob", "withdraw_vote"), ("bob", "edit")]
    for length in range(7):
        for course in itertools.product(steps, repeat=length):
            history = past(course)
            assert evaluate(rules, history).state == state_of(rules, history), course


def test_nobody_is_approved_by_fewer_people_than_the_policy_asks() -> None:
    rules = RULES["one and two apart"]
    for steps in itertools.product([("val", "approve"), ("ann", "approve"), ("dev", "approve")], repeat=5):
        assert evaluate(rules, past(steps)).state == "open"
