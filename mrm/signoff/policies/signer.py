"""Whether one person may sign now, and the sentence when not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrm.signoff.policies.evaluate import FOR, History, Verdict


@dataclass(frozen=True)
class Signer:
    """A person before a request. `roles` are those he holds on the subject now."""

    person: str
    is_service: bool
    roles: frozenset[str]
    unit: str


def open_roles(verdict: Verdict) -> frozenset[str]:
    """The roles whose signature the open stage still waits for."""
    return frozenset(need.role for need in verdict.needs if need.stage == verdict.stage and need.missing)


def may_sign(policy: Mapping[str, Any], history: History, verdict: Verdict, signer: Signer) -> str | None:
    """Why this person may not sign now, or None. The same answer for page, API and database check."""
    if verdict.state != "open":
        return "This request is decided."
    if signer.is_service:
        return "A service account cannot sign: only a person does."
    if reason := history.excluded.get(signer.person):
        return f"You may not sign: you {_second_person(reason)}."
    wanted = open_roles(verdict)
    if not wanted & signer.roles:
        names = " or ".join(sorted(role.replace("_", " ") for role in wanted)) or "nobody further"
        return f"This stage waits for a {names}; you hold no such role here."
    if _stands(history, signer):
        return "You have signed this request already; a person counts once."
    if _same_unit(history, verdict, signer):
        return "Somebody of your business unit has signed; the policy asks for different units."
    return None


def others_may_sign(history: History, verdict: Verdict, signer: Signer) -> str | None:
    """The same answer about somebody else, in words that follow the name."""
    if signer.is_service:
        return "Is a service account: only a person signs"
    if reason := history.excluded.get(signer.person):
        return reason[:1].upper() + reason[1:]
    if not open_roles(verdict) & signer.roles:
        return "Not needed: the signatures of this role are complete, or its stage is not open"
    if _same_unit(history, verdict, signer):
        return "Somebody of the same business unit has signed; the policy asks for different units"
    return None


def _stands(history: History, signer: Signer) -> bool:
    """Whether the person's last word on the request is a vote that was not taken back."""
    own = [ballot.decision for ballot in history.ballots if ballot.person == signer.person]
    return bool(own) and own[-1] != "withdraw_vote"


def _same_unit(history: History, verdict: Verdict, signer: Signer) -> bool:
    apart = {need.role for need in verdict.needs if need.stage == verdict.stage and need.distinct_business_unit}
    if (open_roles(verdict) - apart) & signer.roles:
        return False
    last = {ballot.person: ballot for ballot in history.ballots}
    return any(
        ballot.unit == signer.unit and ballot.role in apart and ballot.decision in FOR for ballot in last.values()
    )


def _second_person(reason: str) -> str:
    verb, _, rest = reason.partition(" ")
    plain = {"owns": "own", "developed": "developed", "is": "are", "has": "have"}.get(verb, verb)
    return f"{plain} {rest}"
