"""Whether a policy makes sense here: one sentence that names the field and what would be right, or None."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrm.signoff.policies.matching import Matching, Voter, windows
from mrm.signoff.policies.methods import METHODS
from mrm.signoff.policies.standing import PARTS

CONDITION_PARTS = ("owner", "due", "evidence")
Content = Mapping[str, Any]


@dataclass(frozen=True)
class Staff:
    """Somebody who holds roles here, for the question whether a policy could ever be fulfilled."""

    person: str
    roles: frozenset[str]
    unit: str


def fault_of(
    policy: Content, *, roles: Sequence[str], today: dt.date, staff: Iterable[Staff] | None = None
) -> str | None:
    """The first fault of a policy whose form is right. `roles` may sign; `staff` are the people here, when any are."""
    checks: tuple[Callable[[], str | None], ...] = (
        lambda: _unknown_role(policy, roles),
        lambda: _stages(policy),
        lambda: _escalation(policy),
        lambda: _parties(policy),
        lambda: _dates(policy, today),
        lambda: _delegation(policy),
        lambda: _time(policy),
        lambda: _conditions(policy),
        lambda: _signature(policy),
        lambda: _people(policy, staff) if staff is not None else None,
    )
    return next((fault for check in checks if (fault := check())), None)


def _requirements(policy: Content) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for number, stage in enumerate(policy["stages"]):
        for place, requirement in enumerate(stage["requirements"]):
            yield f"stages[{number}].requirements[{place}]", requirement


def _unknown_role(policy: Content, roles: Sequence[str]) -> str | None:
    known = f"use {', '.join(roles[:-1])} or {roles[-1]}"
    for field, requirement in _requirements(policy):
        if requirement["role"] not in roles:
            return f"{field}.role: {requirement['role']} is no role that signs here; {known}."
    for number, stage in enumerate(policy["stages"]):
        if stage.get("escalate_to") and stage["escalate_to"] not in roles:
            return f"stages[{number}].escalate_to: {stage['escalate_to']} is no role that signs here; {known}."
    asked = {requirement["role"] for _, requirement in _requirements(policy)}
    for number, role in enumerate(policy["reject"]["any_of"]):
        if role not in asked:
            names = " or ".join(sorted(asked))
            return f"reject.any_of[{number}]: nobody signs as {role} here, so nobody could reject; use {names}."
    return None


def _stages(policy: Content) -> str | None:
    seen: set[str] = set()
    for number, stage in enumerate(policy["stages"]):
        if stage["id"] in seen:
            return f"stages[{number}].id: {stage['id']} names two stages; give each its own."
        seen.add(stage["id"])
        asked = [requirement["role"] for requirement in stage["requirements"]]
        if twice := next((role for role in asked if asked.count(role) > 1), None):
            return f"stages[{number}].requirements: {twice} stands there twice; ask once, with the sum as its quorum."
        if policy.get("mode") == "parallel" and stage.get("mode") == "sequence":
            return f"stages[{number}].mode: sequence contradicts the policy's mode parallel; leave one of them out."
    if policy.get("person_counts_once", True) is not True:
        return "person_counts_once: must be true, because one person never fills two requirements."
    return None


def _escalation(policy: Content) -> str | None:
    """Roles that stand in for each other would make of two independent stages one."""
    goes: dict[str, set[str]] = {}
    for stage in policy["stages"]:
        for requirement in stage["requirements"]:
            goes.setdefault(requirement["role"], set()).update(
                {stage["escalate_to"]} if stage.get("escalate_to") else ()
            )
    for number, stage in enumerate(policy["stages"]):
        for role in (requirement["role"] for requirement in stage["requirements"]):
            if stage.get("escalate_to") and role in _reached(goes, stage["escalate_to"]):
                return (
                    f"stages[{number}].escalate_to: {stage['escalate_to']} leads back to {role}, which is a cycle;"
                    " escalate to a role that is not itself waited for."
                )
    return None


def _reached(goes: Mapping[str, set[str]], start: str) -> set[str]:
    found, ahead = {start}, [start]
    while ahead:
        for role in goes.get(ahead.pop(), set()) - found:
            found.add(role)
            ahead.append(role)
    return found


def _parties(policy: Content) -> str | None:
    shut = policy.get("exclude_parties", ())
    known = ", ".join(PARTS)
    for number, part in enumerate(shut):
        if part not in PARTS:
            return f"exclude_parties[{number}]: {part} is no part that a person has in a subject; use one of {known}."
    if "submitter" not in shut:
        return "exclude_parties: must name submitter, because nobody decides on what he asked for himself."
    asked = {requirement["role"] for _, requirement in _requirements(policy)}
    for number, (one, other) in enumerate(policy.get("conflicts", ())):
        if one == other:
            return f"conflicts[{number}]: {one} stands on both sides; name two different parts."
        if wrong := next((part for part in (one, other) if part not in PARTS and part not in asked), None):
            return (
                f"conflicts[{number}]: {wrong} is neither a role asked for nor a part in a subject; use one of {known}."
            )
    return None


def _dates(policy: Content, today: dt.date) -> str | None:
    begins, ends = policy.get("effective_from"), policy.get("effective_to")
    for name, value in (("effective_from", begins), ("effective_to", ends)):
        try:
            dt.date.fromisoformat(value or "2000-01-01")
        except ValueError:
            return f"{name}: {value} is no date; write it as 2026-11-30."
    if ends and dt.date.fromisoformat(ends) < today:
        return f"effective_to: {ends} lies in the past; give a day from {today.isoformat()} on, or null."
    if begins and ends and begins > ends:
        return f"effective_from: {begins} is after effective_to, {ends}; give an earlier day."
    if begins and dt.date.fromisoformat(begins) > today:
        return f"effective_from: {begins} lies ahead, and a policy holds from when it is loaded; load it on that day."
    return None


def _delegation(policy: Content) -> str | None:
    rule = policy.get("delegation") or {"allowed": False}
    if rule.get("redelegate"):
        return "delegation.redelegate: must be false, because what was delegated is not passed on."
    if rule["allowed"] and not rule.get("max_days"):
        return "delegation.max_days: is missing; say for how many days at most a delegate stands in."
    if not rule["allowed"] and rule.get("max_days"):
        return "delegation.max_days: contradicts allowed: false; leave it out or allow delegation."
    return None


def _time(policy: Content) -> str | None:
    days = policy["valid_days"]
    interim, emergency = policy.get("interim"), policy.get("emergency")
    if interim and interim["max_days"] > days:
        return (
            f"interim.max_days: {interim['max_days']} is longer than valid_days, {days}; an interim use is the shorter."
        )
    if interim and interim.get("needs_conditions") and not policy["conditions"]["allowed"]:
        return "interim.needs_conditions: contradicts conditions.allowed: false; allow conditions."
    if emergency and emergency["max_hours"] > days * 24:
        return f"emergency.max_hours: {emergency['max_hours']} is longer than valid_days, {days}; shorten it."
    if emergency and sum(requirement["quorum"] for _, requirement in _requirements(policy)) < 2:
        return "emergency: needs two people; raise a quorum or add a requirement."
    if emergency and policy.get("cool_down_hours"):
        return "cool_down_hours: contradicts emergency, which cannot wait; leave it out."
    return None


def _conditions(policy: Content) -> str | None:
    rule = policy["conditions"]
    for number, part in enumerate(rule["must_have"]):
        if part not in CONDITION_PARTS:
            return (
                f"conditions.must_have[{number}]: {part} is no part of a condition; use {', '.join(CONDITION_PARTS)}."
            )
    if rule["allowed"] and not {"owner", "due"} <= set(rule["must_have"]):
        return "conditions.must_have: must name owner and due, or nobody could be late."
    return None


def _signature(policy: Content) -> str | None:
    rule = policy["signature"]
    if rule.get("required") is not True:
        return "signature.required: must be true, because a vote is a signature."
    for number, method in enumerate(rule.get("methods", ())):
        if method not in METHODS:
            return f"signature.methods[{number}]: {method} is no way to sign; use {', '.join(METHODS)}."
    return None


def _people(policy: Content, staff: Iterable[Staff]) -> str | None:
    """Whether enough people hold the roles, each counted once, of different units where the policy asks for that."""
    everybody = list(staff)
    places = [place for window in windows(policy) for place in window]
    for field, place in zip((field for field, _ in _requirements(policy)), places, strict=True):
        alone = Matching([place])
        for one in everybody:
            alone.add(_voter(one))
        if place.missing:
            return f"{field}.quorum: {_shortage(place.quorum, len(place.by), place.role, place.apart)}"
        place.by = []
    together = Matching(places)
    for one in everybody:
        together.add(_voter(one))
    for field, place in zip((field for field, _ in _requirements(policy)), places, strict=True):
        if place.missing:
            return (
                f"{field}.quorum: the people who could sign as {place.role} are needed elsewhere in the policy, and a"
                f" person counts once; ask for at most {len(place.by)} here, or give the role to more people."
            )
    return None


def _voter(one: Staff) -> Voter:
    return Voter(one.person, one.roles, one.unit)


def _shortage(quorum: int, able: int, role: str, apart: bool) -> str:
    units = " of different business units" if apart and quorum > 1 else ""
    people = "1 person" if able == 1 else f"{able or 'no'} people"
    if not able:
        return f"nobody here signs as {role}; give the role to {quorum}{units} first."
    return f"{quorum} is above the {people}{units} who could ever sign as {role}; ask for at most {able}."
