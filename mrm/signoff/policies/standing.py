"""Which votes count, and why others do not."""

from collections.abc import Iterable, Mapping
from typing import Any

from mrm.signoff.policies.history import DAY, Ballot, Edit, History

PARTS = {
    "submitter": "submitted this request",
    "contributor": "contributed to this",
    "model_owner": "owns this model",
    "developer": "developed this",
    "validator": "validated this: a validator does not approve",
    "approver": "approved this",
    "deployer": "deployed this",
    "policy_admin": "wrote the policy that this is judged by",
    "person_concerned": "is the person concerned",
}
EXCLUDED = ("submitter", "contributor", "model_owner", "developer", "validator", "person_concerned")
NO_ROLES: frozenset[str] = frozenset()


def part_of(role: str) -> str:
    """The part that a vote in this role is: a validator's is validation, every other an approval."""
    return "validator" if role == "validator" else "approver"


def counted(policy: Mapping[str, Any], history: History) -> tuple[list[Ballot], list[str]]:
    """The votes that stand and count, in the order they were given, and why others do not.

    A person counts once, as himself or as the one he stands in for: of two votes that count him, the later.
    """
    taken: set[str] = set()
    found, ignored = [], []
    for ballot in reversed(_last_words(history.ballots)):
        if reason := void(policy, history, ballot):
            ignored.append(f"A vote does not count: {reason}.")
        elif not taken.isdisjoint(ballot.people):
            ignored.append("A vote does not count: a person counts once, and a later vote counts him.")
        else:
            taken.update(ballot.people)
            found.append(ballot)
    return found[::-1], ignored[::-1]


def void(policy: Mapping[str, Any], history: History, ballot: Ballot) -> str | None:
    """Why the vote does not count, or None."""
    if ballot.machine:
        return "only a person signs"
    for person in ballot.people:
        if reason := barred(policy, history, person, ballot.signed_as):
            return reason
        if any(person in edit.people and edit.at >= ballot.at for edit in history.edits):
            return "the voter changed the subject after the vote"
    methods = (policy.get("signature") or {}).get("methods")
    if methods and ballot.method not in methods:
        return f"it was not signed by {' or '.join(methods)}"
    return (
        _other_content(policy, history, ballot)
        or (_no_delegation(policy, history, ballot) if ballot.principal else None)
        or (None if effective_roles(policy, history, ballot) else "its role is no longer held")
    )


def barred(policy: Mapping[str, Any], history: History, person: str, roles: Iterable[str]) -> str | None:
    """Why the person may not sign in these roles, whatever he signs: as a party, recused, or by a conflict."""
    if party := history.excluded.get(person):
        return party.reason
    parts = history.involved.get(person) or {}
    shut = policy.get("exclude_parties", EXCLUDED)
    for part, party in parts.items():
        if part in shut:
            return party.reason
    if "contributor" in shut and any(person in edit.people for edit in history.edits):
        return "contributed to this since it was submitted"
    if person in history.recused:
        return "declared a conflict of interest"
    for one, other in policy.get("conflicts", ()):
        for mine, before in ((one, other), (other, one)):
            if before in parts and any(mine in (role, part_of(role)) for role in roles):
                return f"{parts[before].reason}; the policy keeps {_words(before)} and {_words(mine)} apart"
    return None


def effective_roles(policy: Mapping[str, Any], history: History, ballot: Ballot) -> frozenset[str]:
    """The roles in which the vote was signed, and which were held then and are held now by those who must."""
    roles = ballot.signed_as & _held(history, ballot, ballot.authority)
    if ballot.principal and (policy.get("delegation") or {}).get("same_role_required", True):
        roles &= _held(history, ballot, ballot.person)
    return roles


def _held(history: History, ballot: Ballot, person: str) -> frozenset[str]:
    now = history.held.get(person, NO_ROLES)
    return now if ballot.held_then is None else now & ballot.held_then.get(person, NO_ROLES)


def _last_words(ballots: Iterable[Ballot]) -> list[Ballot]:
    """The last vote of each person, and of each delegate for each principal; a withdrawal takes both back."""
    last: dict[tuple[str, str], Ballot] = {}
    for ballot in ballots:
        if ballot.decision == "withdraw_vote":
            for key in [key for key, given in last.items() if ballot.person in given.people]:
                del last[key]
            continue
        last.pop((ballot.person, ballot.authority), None)
        last[ballot.person, ballot.authority] = ballot
    return list(last.values())


def _other_content(policy: Mapping[str, Any], history: History, ballot: Ballot) -> str | None:
    """A vote is for the content that was there when it was given; what changed since must not be material."""
    digest = history.subject_digest
    for edit in history.edits:
        if edit.at <= ballot.at:
            digest = edit.digest
        elif is_material(policy, edit, history.decided):
            return "the subject was changed since in what the policy calls material"
    return None if ballot.subject_digest == digest else "it was given for another content of the subject"


def is_material(policy: Mapping[str, Any], edit: Edit, decided: float | None) -> bool:
    """Whether the edit voids votes; where the policy names no fields, every edit does.

    The evidence on which was voted must stand still until the decision; afterwards it grows without end.
    """
    named = policy.get("material_fields")
    if named is None or not edit.fields.isdisjoint(named):
        return True
    return (decided is None or edit.at < decided) and not edit.fields.isdisjoint(policy.get("evidence_fields", ()))


def _no_delegation(policy: Mapping[str, Any], history: History, ballot: Ballot) -> str | None:
    rule = policy.get("delegation") or {}
    if not rule.get("allowed"):
        return "the policy allows no delegate"
    for entry in history.delegations:
        fits = (entry.principal, entry.delegate) == (ballot.principal, ballot.person) and entry.covers(ballot.at)
        if fits and entry.until - entry.since <= rule.get("max_days", 0) * DAY:
            return None
    return "no delegation covered the moment at which it was given"


def _words(part: str) -> str:
    return part.replace("_", " ")
