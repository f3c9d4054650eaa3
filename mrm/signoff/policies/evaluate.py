"""The fold of the votes: a policy and a history give a verdict, always the same one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FOR = frozenset({"approve", "approve_with_conditions"})


@dataclass(frozen=True)
class Ballot:
    """One vote as history has it. `person` is the natural person, `unit` his business unit's path."""

    person: str
    role: str
    unit: str
    decision: str
    subject_digest: str
    conditions: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class History:
    """Everything a verdict depends on; nothing is looked up elsewhere.

    `excluded` maps a person to why he is a party. `held` maps a person to the roles he holds now on
    the subject: a vote counts only while its role is held.
    """

    subject_digest: str
    ballots: tuple[Ballot, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Need:
    """One requirement of a stage: how many have signed and how many must."""

    stage: str
    role: str
    quorum: int
    signed: int
    distinct_business_unit: bool

    @property
    def missing(self) -> int:
        return max(0, self.quorum - self.signed)


@dataclass(frozen=True)
class Verdict:
    """`state` is open, approved, rejected or returned; `stage` is the one now open, empty when decided."""

    state: str
    stage: str
    needs: tuple[Need, ...]
    conditions: tuple[Mapping[str, str], ...]
    ignored: tuple[str, ...]


def evaluate(policy: Mapping[str, Any], history: History) -> Verdict:
    """Fold the ballots under the policy. Total: every history has a verdict, and a doubt is never an approval."""
    counted, ignored = _counted(history)
    for effect in ("reject", "return"):
        if any(ballot.decision == effect and _stops(policy, ballot) for ballot in counted):
            state = {"reject": "rejected", "return": "returned"}[effect]
            return Verdict(state, "", tuple(_needs(policy, counted)), (), tuple(ignored))
    needs = list(_needs(policy, counted))
    for stage in policy["stages"]:
        if any(need.missing for need in needs if need.stage == stage["id"]):
            return Verdict("open", stage["id"], tuple(needs), (), tuple(ignored))
    if not needs or not any(need.quorum for need in needs):
        return Verdict("open", "", tuple(needs), (), ("The policy asks for nobody; nothing is approved by nobody.",))
    return Verdict("approved", "", tuple(needs), _conditions(counted), tuple(ignored))


def _conditions(counted: Sequence[Ballot]) -> tuple[Mapping[str, str], ...]:
    """Every condition once, also when two signers asked it in the same words."""
    asked: list[Mapping[str, str]] = []
    for ballot in counted:
        asked += [entry for entry in ballot.conditions if entry not in asked and ballot.decision in FOR]
    return tuple(asked)


def _counted(history: History) -> tuple[list[Ballot], list[str]]:
    """The last ballot of each person that counts, and why others do not."""
    last: dict[str, Ballot] = {}
    ignored: list[str] = []
    for ballot in history.ballots:
        last.pop(ballot.person, None)
        last[ballot.person] = ballot
    counted = []
    for ballot in last.values():
        if ballot.decision == "withdraw_vote":
            continue
        if reason := _void(ballot, history):
            ignored.append(reason)
        else:
            counted.append(ballot)
    return counted, ignored


def _void(ballot: Ballot, history: History) -> str | None:
    if ballot.person in history.excluded:
        return f"A vote does not count: {history.excluded[ballot.person]}."
    if ballot.subject_digest != history.subject_digest:
        return "A vote does not count: it was given for another content of the subject."
    if ballot.role not in history.held.get(ballot.person, frozenset()):
        return "A vote does not count: its role is no longer held."
    return None


def _needs(policy: Mapping[str, Any], counted: Sequence[Ballot]) -> list[Need]:
    """Each requirement with its signatures; a person counts once, for the first requirement he fits."""
    free = [ballot for ballot in counted if ballot.decision in FOR]
    needs = []
    for stage in policy["stages"]:
        for requirement in stage["requirements"]:
            apart = bool(requirement.get("distinct_business_unit"))
            chosen: list[Ballot] = []
            for ballot in list(free):
                if ballot.role != requirement["role"] or len(chosen) == requirement["quorum"]:
                    continue
                if apart and any(ballot.unit == other.unit for other in chosen):
                    continue
                chosen.append(ballot)
                free.remove(ballot)
            needs.append(Need(stage["id"], requirement["role"], requirement["quorum"], len(chosen), apart))
    return needs


def _stops(policy: Mapping[str, Any], ballot: Ballot) -> bool:
    return ballot.role in policy["reject"]["any_of"]
