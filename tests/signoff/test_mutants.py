"""Seeded faults: whatever somebody gets wrong in the engine, the oracle tells, or the build fails."""

import random
from functools import cache

import pytest

from mrm.signoff.policies import Ballot, History, evaluate
from tests.signoff.mutants import FAULTS, Evaluate, Fault, seeded
from tests.signoff.oracle import state_of
from tests.signoff.world import POLICIES, World, guided, need, policy, stage

WORLDS = 9_000


@cache
def worlds() -> list[tuple[World, History, str]]:
    """Happy paths with up to three adversarial steps, and what the oracle makes of each."""
    made = [guided(random.Random(seed), seed % 4) for seed in range(WORLDS)]
    nobody = World(policy(stage("empty", need("risk_officer", 0))))
    told = [(world, world.history()) for world in [*made, nobody]]
    return [(world, past, state_of(world.rules, past)) for world, past in told]


def caught(engine: Evaluate) -> str:
    """The first history on which the engine and the oracle differ, or nothing."""
    for world, past, expected in worlds():
        if (found := engine(world.rules, past).state) != expected:
            return f"{found} instead of {expected} after {[ballot.person for ballot in past.ballots]}"
    return ""


def test_without_a_fault_nothing_is_caught() -> None:
    assert caught(seeded(None)) == ""
    assert caught(evaluate) == ""
    assert {state for _, _, state in worlds()} == {
        "open", "cooling", "approved", "rejected", "returned", "ended", "expired", "suspended",
    }  # fmt: skip


def test_there_are_enough_faults_and_each_is_another() -> None:
    assert len(FAULTS) >= 17
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {world.rules["stages"][0]["id"] for world, _, _ in worlds()} >= {
        r["stages"][0]["id"] for r in POLICIES.values()
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_seeded_fault_is_caught(fault: Fault) -> None:
    assert caught(seeded(fault)), f"“{fault.name}” survives: no history tells it from the engine"


def test_an_order_of_votes_never_decides_whether_a_requirement_is_met() -> None:
    """Bob may sign as either; whoever comes first, both requirements are filled."""
    rules = policy(stage("both", need("risk_officer"), need("bu_lead")))
    held = {"ann": frozenset({"risk_officer"}), "bob": frozenset({"risk_officer", "bu_lead"})}
    votes = [
        Ballot(person, "risk_officer", f"/{person}/", "approve", "d", roles=held[person]) for person in ("bob", "ann")
    ]
    for order in (votes, votes[::-1]):
        assert evaluate(rules, History("d", tuple(order), held=held)).state == "approved"
