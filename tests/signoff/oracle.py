"""What a history amounts to, said again from the rules and by trying everything: no shared code with the engine."""

import itertools
from collections.abc import Mapping
from typing import Any

from mrm.signoff.policies import Ballot, History

HOUR, DAY = 3600.0, 86400.0
YES = ("approve", "approve_with_conditions")


def state_of(policy: Mapping[str, Any], past: History) -> str:
    """open, cooling, approved, rejected or returned; of a decided request also ended, expired or suspended."""
    good = [ballot for ballot in standing(past) if is_good(policy, past, ballot)]
    used: list[Ballot] = []
    for ballot in reversed(good):
        if not any(who(ballot) & who(other) for other in used):
            used.insert(0, ballot)
    stops = {
        b.decision for b in used if b.decision not in YES and acting(policy, past, b) & set(policy["reject"]["any_of"])
    }
    if stops:
        final = "reject" in stops and policy["reject"].get("effect", "reject") == "reject"
        return "rejected" if final else "returned"
    complete = completed_at(policy, past, [ballot for ballot in used if ballot.decision in YES])
    if complete is None:
        return "open"
    if policy.get("interim", {}).get("needs_conditions") and not any(b.conditions for b in used if b.decision in YES):
        return "open"
    return after(policy, past, complete)


def after(policy: Mapping[str, Any], past: History, complete: float) -> str:
    """What time makes of a request that everybody has signed."""
    if past.ended is not None and past.ended <= past.now:
        return "ended"
    if past.now < complete + policy.get("cool_down_hours", 0) * HOUR:
        return "cooling"
    if past.decided is None:
        owed = [duty for duty in past.duties if duty.due <= past.now and (duty.met is None or duty.met > past.now)]
        return "suspended" if owed else "approved"
    spans = [policy.get("valid_days", 0) * DAY]
    spans += [policy["interim"]["max_days"] * DAY] if policy.get("interim") else []
    spans += [policy["emergency"]["max_hours"] * HOUR] if policy.get("emergency") else []
    if past.now >= past.decided + min(spans):
        return "expired"
    if any(duty.due <= past.now and (duty.met is None or duty.met > past.now) for duty in past.duties):
        return "suspended"
    reviewed = past.reviewed is not None and past.reviewed <= past.now
    if policy.get("emergency") and past.now >= past.decided + policy["emergency"]["review_days"] * DAY and not reviewed:
        return "suspended"
    return "approved"


def who(ballot: Ballot) -> set[str]:
    return {ballot.person, ballot.principal or ballot.person}


def standing(past: History) -> list[Ballot]:
    """Votes that nobody took back and that the same person, for the same other, did not give anew."""
    found = []
    for place, ballot in enumerate(past.ballots):
        later = past.ballots[place + 1 :]
        again = any(
            b.decision != "withdraw_vote" and (b.person, b.principal) == (ballot.person, ballot.principal)
            for b in later
        )
        back = any(b.decision == "withdraw_vote" and b.person in who(ballot) for b in later)
        if ballot.decision != "withdraw_vote" and not again and not back:
            found.append(ballot)
    return found


def is_good(policy: Mapping[str, Any], past: History, ballot: Ballot) -> bool:
    """Whether an independent person, entitled then and now, gave it for what the subject still is."""
    return (
        not ballot.machine
        and ballot.method in policy.get("signature", {}).get("methods", [ballot.method])
        and not any(is_shut(policy, past, person, ballot) for person in who(ballot))
        and not any(edit.people & who(ballot) and edit.at >= ballot.at for edit in past.edits)
        and is_of_content(policy, past, ballot)
        and (not ballot.principal or is_delegated(policy, past, ballot))
        and bool(acting(policy, past, ballot))
    )


def is_shut(policy: Mapping[str, Any], past: History, person: str, ballot: Ballot) -> bool:
    parts = set(past.involved.get(person, {}))
    if any(person in edit.people for edit in past.edits):
        parts = parts | {"edited"}
    shut = set(policy["exclude_parties"])
    if (
        person in past.excluded
        or person in past.recused
        or parts & shut
        or ("edited" in parts and "contributor" in shut)
    ):
        return True
    mine = {ballot.role, *ballot.roles} | {
        "validator" if r == "validator" else "approver" for r in {ballot.role, *ballot.roles}
    }
    return any(
        (one in mine and other in parts) or (other in mine and one in parts)
        for one, other in policy.get("conflicts", [])
    )


def is_of_content(policy: Mapping[str, Any], past: History, ballot: Ballot) -> bool:
    before = [edit.digest for edit in past.edits if edit.at <= ballot.at]
    if ballot.subject_digest != (before[-1] if before else past.subject_digest):
        return False
    for edit in past.edits:
        void = set(policy["material_fields"])
        if past.decided is None or edit.at < past.decided:
            void |= set(policy.get("evidence_fields", []))
        if edit.at > ballot.at and edit.fields & void:
            return False
    return True


def is_delegated(policy: Mapping[str, Any], past: History, ballot: Ballot) -> bool:
    rule = policy["delegation"]
    return rule["allowed"] and any(
        entry.principal == ballot.principal
        and entry.delegate == ballot.person
        and entry.since <= ballot.at < min(entry.until, entry.ended if entry.ended is not None else entry.until)
        and entry.until - entry.since <= rule["max_days"] * DAY
        for entry in past.delegations
    )


def acting(policy: Mapping[str, Any], past: History, ballot: Ballot) -> set[str]:
    """The roles by which the vote counts, of those that it was signed in."""
    roles = {ballot.role} | set(ballot.roles)
    needed = [ballot.principal or ballot.person]
    if ballot.principal and policy["delegation"].get("same_role_required", True):
        needed.append(ballot.person)
    for person in needed:
        then = roles if ballot.held_then is None else ballot.held_then.get(person, frozenset())
        roles = roles & set(then) & set(past.held.get(person, frozenset()))
    return roles


def completed_at(policy: Mapping[str, Any], past: History, votes: list[Ballot]) -> float | None:
    """When the last group of requirements was full, each group filled by votes after the one before; None while open."""
    groups = groups_of(policy, past)
    if not any(quorum for group in groups for _, quorum, _ in group):
        return None
    left, when = list(votes), past.submitted
    for group in groups:
        size = next((n for n in range(len(left) + 1) if can_fill(policy, past, group, left[:n])), None)
        if size is None:
            return None
        when = left[size - 1].at if size else when
        left = left[size:]
    return when


def groups_of(policy: Mapping[str, Any], past: History) -> list[list[tuple[set[str], int, bool]]]:
    found = []
    for stage in policy["stages"]:
        raised = any(entry.stage == stage["id"] and entry.at <= past.now for entry in past.escalations)
        extra = {stage["escalate_to"]} if raised and stage.get("escalate_to") else set()
        needs = [
            ({n["role"]} | extra, n["quorum"], n.get("distinct_business_unit", False)) for n in stage["requirements"]
        ]
        found += [[need] for need in needs] if stage.get("mode") == "sequence" else [needs]
    return [[need for group in found for need in group]] if policy.get("mode") == "parallel" else found


def can_fill(
    policy: Mapping[str, Any], past: History, group: list[tuple[set[str], int, bool]], votes: list[Ballot]
) -> bool:
    """Whether some choice of different voters fills every requirement of the group: all choices are tried."""
    if not group:
        return True
    (roles, quorum, apart), rest = group[0], group[1:]
    fit = [ballot for ballot in votes if acting(policy, past, ballot) & roles]
    for chosen in itertools.combinations(fit, quorum):
        if apart and len({ballot.unit for ballot in chosen}) < quorum:
            continue
        if can_fill(policy, past, rest, [ballot for ballot in votes if ballot not in chosen]):
            return True
    return False
