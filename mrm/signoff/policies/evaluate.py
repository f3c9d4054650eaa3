"""The fold of a history: a policy and what happened give a verdict, always the same one.

The verdict is asked at the vote, when a stage is complete, at the decision, and again at every use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrm.signoff.policies.history import DAY, FOR, HOUR, Ballot, History
from mrm.signoff.policies.matching import Matching, Place, Voter, windows
from mrm.signoff.policies.standing import barred, counted, effective_roles

OPEN = frozenset({"open", "blocked", "cooling"})
Conditions = tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Need:
    """One requirement of a stage: how many have signed and how many must; `roles` are all that it takes."""

    stage: str
    role: str
    quorum: int
    signed: int
    distinct_business_unit: bool
    roles: frozenset[str] = frozenset()

    @property
    def missing(self) -> int:
        return max(0, self.quorum - self.signed)


@dataclass(frozen=True)
class Verdict:
    """`state` is open, blocked, cooling, approved, rejected or returned; of an approval in use also suspended,
    expired or ended. `stage` is the one now open, empty when decided; `reason` says what the state alone does not.

    `effective` is when a complete approval takes effect, `expires` when it ends. `counted` are the votes that count,
    `idle` the people whose approval counts and yet fills no requirement; `window` is what is being filled now.
    """

    state: str
    stage: str
    needs: tuple[Need, ...]
    conditions: Conditions
    ignored: tuple[str, ...]
    reason: str = ""
    effective: float | None = None
    expires: float | None = None
    since: float = 0.0
    counted: tuple[Ballot, ...] = ()
    idle: frozenset[str] = frozenset()
    window: Matching | None = field(default=None, compare=False, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether nothing is decided yet."""
        return self.state in OPEN


@dataclass
class _Fold:
    """The requirements as the votes fill them, window by window."""

    windows: list[Matching]
    current: int
    since: float
    idle: set[str]


def evaluate(policy: Mapping[str, Any], history: History) -> Verdict:
    """Fold the history under the policy. Total: every history has a verdict, and a doubt is never an approval."""
    votes, ignored = counted(policy, history)
    folded = _fold(policy, history, votes)
    needs = tuple(_need(place) for window in folded.windows for place in window.places)
    given: dict[str, Any] = {"counted": tuple(votes), "idle": frozenset(folded.idle), "since": folded.since}
    if stopped := _stopped(policy, history, votes):
        return Verdict(stopped, "", needs, (), tuple(ignored), **given)
    if folded.current < len(folded.windows):
        window = folded.windows[folded.current]
        stage = next(place.stage for place in window.places if place.missing)
        reason = _nobody(policy, history, folded, votes)
        return Verdict(
            "blocked" if reason else "open", stage, needs, (), tuple(ignored), reason, window=window, **given
        )
    if not any(need.quorum for need in needs):
        nobody = "The policy asks for nobody; nothing is approved by nobody."
        return Verdict("open", "", needs, (), (nobody,), **given)
    conditions = _conditions(votes)
    if (policy.get("interim") or {}).get("needs_conditions") and not conditions:
        return Verdict(
            "open", "", needs, (), tuple(ignored), "An interim use is approved under conditions only.", **given
        )
    given |= {"effective": folded.since + policy.get("cool_down_hours", 0) * HOUR}
    state, reason, given["expires"] = _in_time(policy, history, given["effective"])
    return Verdict(state, "", needs, conditions, tuple(ignored), reason, **given)


def _fold(policy: Mapping[str, Any], history: History, votes: Sequence[Ballot]) -> _Fold:
    """Fill the windows in the order of the votes: one opens when all before it are full, and only then is signed."""
    escalated = {entry.stage for entry in history.escalations if entry.at <= history.now}
    found = [Matching(places) for places in windows(policy, escalated)]
    folded = _Fold(found, 0, history.submitted, set())
    inside: list[Voter] = []
    _skip_full(folded)
    for ballot in votes:
        if ballot.decision not in FOR:
            continue
        if folded.current == len(found):
            folded.idle.add(ballot.person)
            continue
        window = found[folded.current]
        voter = Voter(ballot.person, effective_roles(policy, history, ballot), ballot.unit)
        if not window.add(voter):
            folded.idle.add(ballot.person)
            continue
        inside.append(voter)
        if not window.missing:
            folded.since, inside = ballot.at, []
            _skip_full(folded)
    if inside:  # who fills what is told the same in whatever order they signed
        _again(found[folded.current], inside)
    return folded


def _skip_full(folded: _Fold) -> None:
    while folded.current < len(folded.windows) and not folded.windows[folded.current].missing:
        folded.current += 1


def _again(window: Matching, voters: Sequence[Voter]) -> None:
    for place in window.places:
        place.by = []
    for voter in sorted(voters, key=lambda voter: voter.key):
        window.add(voter)


def _need(place: Place) -> Need:
    return Need(place.stage, place.role, place.quorum, len(place.by), place.apart, place.roles)


def _stopped(policy: Mapping[str, Any], history: History, votes: Sequence[Ballot]) -> str:
    """The state that a rejecting or returning vote brings about, or nothing."""
    rule = policy["reject"]
    stops = {
        ballot.decision
        for ballot in votes
        if ballot.decision in {"reject", "return"} and effective_roles(policy, history, ballot) & set(rule["any_of"])
    }
    if "reject" in stops and rule.get("effect", "reject") == "reject":
        return "rejected"
    return "returned" if stops else ""


def _conditions(votes: Sequence[Ballot]) -> Conditions:
    """Every condition once, also when two signers asked it in the same words."""
    asked: list[Mapping[str, str]] = []
    for ballot in votes:
        asked += [entry for entry in ballot.conditions if entry not in asked and ballot.decision in FOR]
    return tuple(asked)


def _in_time(policy: Mapping[str, Any], history: History, effective: float) -> tuple[str, str, float | None]:
    """State, reason and end of a request that all have signed: what time, conditions and a withdrawal make of it."""
    expires = None if history.decided is None else history.decided + holds_for(policy)
    if history.ended is not None and history.ended <= history.now:
        return "ended", "The approval was withdrawn.", expires
    if history.now < effective:
        return "cooling", "Everybody has signed; it takes effect when the time to object has passed.", expires
    if expires is not None and history.now >= expires:
        return "expired", "The approval has expired.", expires
    late = [duty for duty in history.duties if history.now >= duty.due and (duty.met is None or duty.met > history.now)]
    if late:
        return "suspended", f"The condition “{late[0].text}” is overdue and not met.", expires
    if _unreviewed(policy, history):
        return "suspended", "The emergency use was not reviewed in time.", expires
    return "approved", "", expires


def _unreviewed(policy: Mapping[str, Any], history: History) -> bool:
    """Whether an emergency use is past the day of its review, and nobody has reviewed it."""
    if not policy.get("emergency") or history.decided is None:
        return False
    due = history.decided + policy["emergency"]["review_days"] * DAY
    return history.now >= due and (history.reviewed is None or history.reviewed > history.now)


def holds_for(policy: Mapping[str, Any]) -> float:
    """How many seconds an approval holds: the shortest time that the policy gives."""
    limits = [policy.get("valid_days", 0) * DAY]
    if policy.get("interim"):
        limits.append(policy["interim"]["max_days"] * DAY)
    if policy.get("emergency"):
        limits.append(policy["emergency"]["max_hours"] * HOUR)
    return float(min(limits))


def _nobody(policy: Mapping[str, Any], history: History, folded: _Fold, votes: Sequence[Ballot]) -> str:
    """Why the open stages cannot be completed by anybody, or nothing."""
    if history.candidates is None:
        return ""
    ahead = [place for window in folded.windows[folded.current :] for place in window.places]
    possible = Matching(Place(p.stage, p.role, p.roles, p.quorum, p.apart, list(p.by)) for p in ahead)
    taken = {
        person
        for ballot in votes
        if ballot.decision in FOR and ballot.person not in folded.idle
        for person in ballot.people
    }
    for one in history.candidates:
        if possible.missing and not one.machine and one.person not in taken:
            roles = frozenset(role for role in one.roles if not barred(policy, history, one.person, [role]))
            if roles and possible.add(Voter(one.person, roles, one.unit)):
                taken.add(one.person)
    for before, after in zip(ahead, possible.places, strict=True):
        if after.missing:
            return _too_few(before, before.missing - after.missing)
    return ""


def _too_few(place: Place, able: int) -> str:
    signature = "signature" if place.missing == 1 else "signatures"
    units = " of different business units" if place.apart and place.missing > 1 else ""
    return (
        f"This cannot be completed: {place.missing} more {signature} of a {place.role.replace('_', ' ')}{units} needed,"
        f" and {able if able > 0 else 'nobody'} may sign. It stays closed until somebody independent holds the role."
    )
