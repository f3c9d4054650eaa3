"""How long the engine takes over a long history of votes."""

from typing import Any

from mrm.core.packs import shipped
from mrm.signoff.policies import Ballot, Candidate, Delegation, Edit, History, evaluate
from tests.bench.table import Row, median_ms, wants

VOTES = 50
NAME = f"evaluate, {VOTES} votes"


def run(wanted: list[str]) -> list[Row]:
    """Fifty votes, half of them by delegates, some taken back, one change of the subject, and everybody who could sign."""
    if not wants(wanted, NAME):
        return []
    rules: dict[str, Any] = next(file.content for file in shipped("policies") if file.key == "production-use-tier-1")
    rules = rules | {"stages": [_stage("validation", "validator", 5), _stage("committee", "risk_officer", 15)]}
    past = _history()
    assert evaluate(rules, past).state == "approved"
    taken = median_ms(lambda: [evaluate(rules, past) for _ in range(200)]) / 200
    return [Row(NAME, taken, "ms", "under 1 ms", taken < 1)]


def _stage(id: str, role: str, quorum: int) -> dict[str, Any]:
    requirement = {"role": role, "quorum": quorum, "distinct_business_unit": True}
    return {"id": id, "sla_hours": 24, "requirements": [requirement]}


def _history() -> History:
    roles = frozenset({"validator", "risk_officer"})
    held = {name: roles for number in range(VOTES) for name in (f"p{number}", f"q{number}")}
    ballots = tuple(_ballot(number, held) for number in range(VOTES))
    return History(
        "d0",
        ballots,
        held=held,
        edits=(Edit(10.5, "d1", frozenset({"notes"}), frozenset({"owner"})),),
        delegations=tuple(Delegation(f"q{number}", f"p{number}", 0.0, 86_400.0) for number in range(0, VOTES, 2)),
        candidates=tuple(Candidate(f"p{number}", roles, f"/{number}/") for number in range(VOTES)),
        now=1000.0,
    )


def _ballot(number: int, held: dict[str, frozenset[str]]) -> Ballot:
    taken_back = number % 10 == 9
    return Ballot(
        f"p{number - taken_back}",
        "validator" if number < 20 else "risk_officer",
        f"/{number % 30}/",
        "withdraw_vote" if taken_back else "approve",
        "d0" if number < 10 else "d1",
        at=float(number),
        principal=f"q{number}" if number % 2 == 0 and not taken_back else "",
        held_then=held,
    )
