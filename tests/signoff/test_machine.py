"""Anything in any order: the engine says what the oracle says, and what is deployed was legitimately approved."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mrm.signoff.policies import Signer, evaluate, may_sign
from tests.signoff.oracle import state_of
from tests.signoff.world import ADVERSARIAL, HAPPY, POLICIES, UNITS, World, guided, happy

PEOPLE = st.sampled_from(sorted(UNITS))
DECISIONS = st.sampled_from(["approve", "approve", "approve_with_conditions", "reject", "return", "withdraw_vote"])
CHANCE = st.randoms(use_true_random=False)


class Bank(RuleBasedStateMachine):
    """People who vote, edit, step aside and stand in for each other; and one who deploys whenever the engine lets him."""

    @initialize(name=st.sampled_from(sorted(POLICIES)))
    def found(self, name: str) -> None:
        self.name, self.world = name, World(POLICIES[name])

    @rule(person=PEOPLE, decision=DECISIONS)
    def vote(self, person: str, decision: str) -> None:
        self.world.vote(person, decision)

    @rule(person=PEOPLE)
    def vote_as_the_page_lets(self, person: str) -> None:
        """What may_sign opens fills a requirement; what it closes would not have."""
        self.world.wait()
        world, past = self.world, self.world.history()
        now = evaluate(world.rules, past)
        signer = Signer(person, False, world.held(person, world.now), UNITS[person])
        why = may_sign(world.rules, past, now, signer)
        signed = sum(need.signed for need in now.needs)
        world.vote(person, "approve_with_conditions")
        after = evaluate(world.rules, world.history())
        if why is None and now.state == "open":
            assert sum(need.signed for need in after.needs) > signed
        elif now.state == "open" and not any(person in ballot.people for ballot in now.counted):
            assert sum(need.signed for need in after.needs) <= signed

    @rule(principal=PEOPLE, delegate=PEOPLE, days=st.sampled_from([1, 10, 60]))
    def stand_in(self, principal: str, delegate: str, days: int) -> None:
        if principal != delegate:
            self.world.delegate(principal, delegate, days)
            self.world.vote(delegate, principal=principal)

    @rule(name=st.sampled_from(sorted(ADVERSARIAL)), chance=CHANCE)
    def try_something(self, name: str, chance: random.Random) -> None:
        ADVERSARIAL[name](self.world, chance)

    @rule()
    def walk_the_happy_path(self) -> None:
        """With whatever was done before, and with whatever comes after."""
        for step in happy(self.name):
            step(self.world, random.Random(0))

    @precondition(lambda self: self.world.ballots)
    @rule()
    def deploy(self) -> None:
        """What the engine lets be used was approved by independent people, and still is."""
        self.world.decide()
        if evaluate(self.world.rules, self.world.history()).state == "approved":
            assert state_of(self.world.rules, self.world.history()) == "approved"

    @invariant()
    def the_engine_says_what_the_oracle_says(self) -> None:
        if hasattr(self, "world"):
            past = self.world.history()
            assert evaluate(self.world.rules, past).state == state_of(self.world.rules, past)


TestBank = Bank.TestCase
TestBank.settings = settings(max_examples=400, stateful_step_count=25, deadline=None)


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), splices=st.integers(0, 4))
def test_the_happy_path_with_adversarial_steps(seed: int, splices: int) -> None:
    world = guided(random.Random(seed), splices)
    past = world.history()
    found = evaluate(world.rules, past)
    assert found.state == state_of(world.rules, past)
    assert evaluate(world.rules, past) == found
    if found.state == "approved":
        counted = [person for ballot in found.counted for person in ballot.people]
        assert len(counted) == len(set(counted))
        if world.rules["delegation"].get("same_role_required"):
            assert "adm" not in set(counted) - found.idle
        if "developer" in world.rules["exclude_parties"]:
            assert not {"dev", "own"} & set(counted)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_the_happy_path_alone_is_approved(name: str) -> None:
    world = World(POLICIES[name])
    for step in happy(name):
        step(world, random.Random(0))
    assert evaluate(world.rules, world.history()).state == "approved"
    assert len(world.ballots) == len(HAPPY[name])


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), shuffle=CHANCE)
def test_votes_of_one_stage_mean_the_same_in_any_order(seed: int, shuffle: random.Random) -> None:
    """Their times stay; who gave which is shuffled. One word each, or the last would not be the same."""
    world = guided(random.Random(seed), 1)
    if world.rules.get("mode") != "parallel" and len(world.rules["stages"]) > 1:
        return
    if world.rules["stages"][0].get("mode") == "sequence" or world.edits or world.delegations:
        return
    if world.rules.get("cool_down_hours"):  # counts from the vote that completed it
        return
    people = [ballot.person for ballot in world.ballots]
    if len(set(people)) != len(people):
        return
    first = evaluate(world.rules, world.history())
    mixed = list(world.ballots)
    shuffle.shuffle(mixed)
    again: list[Any] = [replace(ballot, at=old.at) for ballot, old in zip(mixed, world.ballots, strict=True)]
    second = evaluate(world.rules, replace(world.history(), ballots=tuple(again)))
    assert (second.state, [need.signed for need in second.needs]) == (
        first.state,
        [need.signed for need in first.needs],
    )
