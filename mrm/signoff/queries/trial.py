"""A policy tried against a past request: who could have signed, and what the votes that were given would amount to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from mrm.access.models import Account, Person
from mrm.signoff.models import Request, RequestState
from mrm.signoff.policies import History, barred, evaluate
from mrm.signoff.queries.ground import ground, history_of
from mrm.signoff.queries.reading import Reading
from mrm.signoff.queries.records import visible_to

SHOWN = 30


@dataclass(frozen=True)
class Place:
    """One requirement of the policy: who could have filled it, and who holds the role and could not, with why."""

    stage: str
    role: str
    quorum: int
    could: tuple[Person, ...]
    could_not: tuple[tuple[Person, str], ...]

    @property
    def short(self) -> bool:
        return len(self.could) < self.quorum


@dataclass(frozen=True)
class Trial:
    """`state` is what the votes that were given would amount to under the policy; `was` what they amounted to."""

    request: Request
    places: tuple[Place, ...]
    state: str
    reason: str
    was: str


def past_requests(account: Account, action: str) -> QuerySet[Request]:
    """The latest requests of an action that the account sees, to try a policy on."""
    return visible_to(account).filter(action=action).order_by("-number")[:SHOWN]


def trial(content: Mapping[str, Any], request: Request) -> Trial:
    """Judge a past request by a policy that it was not submitted under; nothing is changed."""
    on = ground([request])
    involved, always = Reading(request).parts
    past = history_of(request, on, involved=involved, also=always)
    people = {str(grant.account.person_id): grant.account.person for grant in on.grants}
    past = replace(past, decided=request.decided_at.timestamp() if request.decided_at else None)
    found = evaluate(content, past)
    roles = {key: on.held(key, request.unit, request.submitted_at) for key in people}
    places = tuple(
        _place(content, past, stage, entry, [(people[key], held) for key, held in roles.items()])
        for stage in content["stages"]
        for entry in stage["requirements"]
    )
    was = RequestState(request.status).label.lower()
    return Trial(request, places, found.state, found.reason, was)


def _place(
    content: Mapping[str, Any],
    past: History,
    stage: Mapping[str, Any],
    entry: Mapping[str, Any],
    people: list[tuple[Person, frozenset[str]]],
) -> Place:
    holders = sorted((person for person, held in people if entry["role"] in held), key=lambda person: person.name)
    judged = [(person, barred(content, past, str(person.pk), [entry["role"]])) for person in holders]
    return Place(
        stage.get("title", stage["id"]),
        entry["role"],
        entry["quorum"],
        tuple(person for person, reason in judged if reason is None),
        tuple((person, reason) for person, reason in judged if reason is not None),
    )
