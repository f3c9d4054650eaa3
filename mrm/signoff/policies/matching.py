"""Who fills which requirement: as many as can be, each person once, whatever the order of the votes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Voter:
    """A signature that may fill a requirement: whose, by which roles, from which unit."""

    key: str
    roles: frozenset[str]
    unit: str


@dataclass
class Place:
    """A requirement of a stage and who fills it; `roles` are those it takes, `places` how many must sign."""

    stage: str
    role: str
    roles: frozenset[str]
    quorum: int
    apart: bool
    by: list[Voter] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return max(0, self.quorum - len(self.by))


class Matching:
    """Voters matched to the requirements of one window, grown by augmenting paths.

    Between a voter and a requirement that wants different business units stands his unit, which passes one voter
    only. Growing keeps every requirement as full as it was, so that a maximum is reached from any order.
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = list(places)

    def add(self, voter: Voter) -> bool:
        """Let the voter fill a requirement, moving others where they fit too; False when that adds nothing."""
        return self._place(voter, set())

    def would_add(self, voter: Voter) -> bool:
        """Whether this voter's signature would fill a requirement, tried on a copy."""
        return Matching(replace(place, by=list(place.by)) for place in self.places).add(voter)

    @property
    def missing(self) -> int:
        return sum(place.missing for place in self.places)

    def _place(self, voter: Voter, seen: set[tuple[int, str]]) -> bool:
        for number, place in enumerate(self.places):
            if not voter.roles & place.roles:
                continue
            if place.apart and (other := next((each for each in place.by if each.unit == voter.unit), None)):
                if other is not voter and self._move(number, other, voter, seen):
                    return True
                continue
            if place.missing:
                place.by.append(voter)
                return True
            if (number, "") in seen:
                continue
            seen.add((number, ""))
            for other in list(place.by):
                if other is not voter and self._move(number, other, voter, seen):
                    return True
        return False

    def _move(self, number: int, other: Voter, voter: Voter, seen: set[tuple[int, str]]) -> bool:
        """Find the other a requirement elsewhere, and give his place to the voter."""
        if (number, other.key) in seen:
            return False
        seen.add((number, other.key))
        if not self._place(other, seen):
            return False
        by = self.places[number].by
        by.remove(other)
        by.append(voter)
        return True


def windows(policy: Mapping[str, Any], escalated: Iterable[str] = ()) -> list[list[Place]]:
    """The requirements that are signed beside each other, one group after the other.

    Stages follow one another unless the policy's `mode` is parallel; within a stage requirements are signed beside
    each other unless the stage's `mode` is sequence.
    """
    escalated = set(escalated)
    found: list[list[Place]] = []
    for stage in policy["stages"]:
        added = {stage["escalate_to"]} if stage.get("escalate_to") and stage["id"] in escalated else set()
        places = [
            Place(stage["id"], each["role"], frozenset({each["role"], *added}), each["quorum"],
                  bool(each.get("distinct_business_unit")))
            for each in stage["requirements"]
        ]  # fmt: skip
        found += [[place] for place in places] if stage.get("mode") == "sequence" else [places]
    if policy.get("mode") == "parallel":
        return [[place for window in found for place in window]]
    return found
