"""Whether one person may sign now, and the sentence when not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrm.signoff.policies.evaluate import Verdict
from mrm.signoff.policies.history import FOR, History
from mrm.signoff.policies.matching import Voter
from mrm.signoff.policies.standing import barred
from mrm.signoff.policies.words import words

STOPPING = frozenset({"reject", "return"})


@dataclass(frozen=True)
class Signer:
    """A person before a request. `roles` are those by which he would sign it: his own, or his principal's.

    With a principal he signs as a delegate, and both are counted.
    """

    person: str
    is_service: bool
    roles: frozenset[str]
    unit: str
    principal: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        return (self.person, self.principal) if self.principal else (self.person,)


def open_roles(verdict: Verdict) -> frozenset[str]:
    """The roles whose signature the open stage still waits for."""
    if verdict.window is None:
        return frozenset()
    return frozenset(role for place in verdict.window.places if place.missing for role in place.roles)


def roles_asked(verdict: Verdict) -> frozenset[str]:
    """The roles that the open stage takes at all: one who signed may stand where another role is still missing."""
    if verdict.window is None:
        return frozenset()
    return frozenset(role for place in verdict.window.places for role in place.roles)


def waited_for(policy: Mapping[str, Any], verdict: Verdict) -> frozenset[str]:
    """The roles to whose holders a request is listed: who may sign its open stage, or still object."""
    if verdict.state == "cooling":
        return frozenset(policy["reject"]["any_of"])
    return roles_asked(verdict) if verdict.is_open else frozenset()


def may_sign(
    policy: Mapping[str, Any], history: History, verdict: Verdict, signer: Signer, decision: str = "approve"
) -> str | None:
    """Why this person may not sign now, or None. The same answer for page, API and database check."""
    if not verdict.is_open:
        return "This request is decided."
    if signer.is_service:
        return "A service account cannot sign: only a person does."
    if reason := _shut(policy, history, signer):
        return reason
    if verdict.state == "cooling":
        return _may_object(policy, signer, decision)
    if not roles_asked(verdict) & signer.roles:
        names = " or ".join(sorted(words(role) for role in open_roles(verdict))) or "nobody further"
        return f"This stage waits for a {names}; you hold no such role here."
    if _stands(verdict, signer):
        return "You have signed this request already; a person counts once."
    if verdict.window and not verdict.window.would_add(_voter(signer)):
        return _no_room(verdict, signer)
    return None


def others_may_sign(policy: Mapping[str, Any], history: History, verdict: Verdict, signer: Signer) -> str | None:
    """The same answer about somebody else, in words that follow the name."""
    if signer.is_service:
        return "Is a service account: only a person signs"
    if reason := barred(policy, history, signer.person, signer.roles):
        return reason[:1].upper() + reason[1:]
    if not roles_asked(verdict) & signer.roles:
        return "Not needed: the signatures of this role are complete, or its stage is not open"
    if verdict.window and not verdict.window.would_add(_voter(signer)):
        if _shares_unit(verdict, signer):
            return "Somebody of the same business unit has signed; the policy asks for different units"
        return "Not needed: the signatures of this role are complete, or its stage is not open"
    return None


def _voter(signer: Signer) -> Voter:
    return Voter(signer.person, signer.roles, signer.unit)


def _shut(policy: Mapping[str, Any], history: History, signer: Signer) -> str | None:
    """Why none of the signer's roles opens the request to him, or to the one he stands in for."""
    if reason := barred(policy, history, signer.person, signer.roles):
        return f"You may not sign: you {_second_person(reason)}."
    if signer.principal and (reason := barred(policy, history, signer.principal, signer.roles)):
        return f"You may not sign for another who may not himself: he {reason}."
    return None


def _may_object(policy: Mapping[str, Any], signer: Signer, decision: str) -> str | None:
    stops = set(policy["reject"]["any_of"])
    if decision in STOPPING and stops & signer.roles:
        return None
    names = " or ".join(sorted(words(role) for role in stops))
    return f"Everybody has signed. Until it takes effect a {names} may still reject or return it; nothing else is open."


def _stands(verdict: Verdict, signer: Signer) -> bool:
    """Whether a vote of the person, given by him or in his place, counts; one that counts for nothing may be renewed."""
    return any(
        not set(ballot.people).isdisjoint(signer.people) and ballot.person not in verdict.idle
        for ballot in verdict.counted
    )


def _no_room(verdict: Verdict, signer: Signer) -> str:
    if _shares_unit(verdict, signer):
        return "Somebody of your business unit has signed; the policy asks for different units."
    names = " or ".join(sorted(words(role) for role in open_roles(verdict))) or "nobody further"
    return f"This stage waits for a {names}; you hold no such role here."


def _shares_unit(verdict: Verdict, signer: Signer) -> bool:
    apart = (
        {role for place in verdict.window.places if place.apart for role in place.roles} if verdict.window else set()
    )
    return any(
        ballot.unit == signer.unit and ballot.signed_as & apart and ballot.decision in FOR
        for ballot in verdict.counted
        if ballot.person != signer.person
    )


def _second_person(reason: str) -> str:
    verb, _, rest = reason.partition(" ")
    plain = {"owns": "own", "is": "are", "has": "have"}.get(verb, verb)
    return f"{plain} {rest}"
