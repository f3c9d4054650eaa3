"""Several requests, each read, decided and signed by itself: what is refused of one stops none of the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mrm.access.models import Account
from mrm.access.services import Unconfirmed
from mrm.core.refusal import Refused
from mrm.signoff.models import Request, Vote
from mrm.signoff.services.signing import compose, opened, sign


@dataclass(frozen=True)
class Decided:
    """What a signer has decided about one of the requests."""

    request: Request
    decision: str
    rationale: str


@dataclass(frozen=True)
class Laid:
    """The statement on one request as it is laid before the signer, or why there is none."""

    request: Request
    statement: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Given:
    """What became of one signature: the vote, or why there is none."""

    request: Request
    vote: Vote | None = None
    refusal: str = ""
    unconfirmed: bool = False


def compose_each(decided: Iterable[Decided], *, actor: Account) -> list[Laid]:
    """A statement of its own for each request; one that cannot be signed has the sentence in its place."""
    found = []
    for each in decided:
        try:
            laid = compose(each.request, decision=each.decision, rationale=each.rationale, conditions=[], actor=actor)
            found.append(Laid(each.request, *laid))
        except Refused as refusal:
            found.append(Laid(each.request, refusal=str(refusal)))
    return found


def read_each(tokens: Iterable[tuple[Request, str]]) -> list[Laid]:
    """The statements that were shown before, word for word, while each may be signed."""
    found = []
    for request, token in tokens:
        try:
            found.append(Laid(request, opened(request, token), token))
        except Refused as refusal:
            found.append(Laid(request, refusal=str(refusal)))
    return found


def sign_each(tokens: Iterable[tuple[Request, str]], *, password: str, actor: Account) -> list[Given]:
    """Sign each statement as one alone is signed, with its own confirmation, transaction and event.

    Within one session each signing of a series takes one part of who signs (21 CFR 11.200(a)(1)(i)): the password. A
    code serves once, and a key answers one statement, so neither signs a series. A password that confirms nobody ends
    the series, and is one failure.
    """
    found: list[Given] = []
    over = ""
    for request, token in tokens:
        if over:
            found.append(Given(request, refusal=over, unconfirmed=True))
            continue
        try:
            found.append(Given(request, sign(request, token=token, password=password, actor=actor)))
        except Unconfirmed as refusal:
            over = str(refusal)
            found.append(Given(request, refusal=over, unconfirmed=True))
        except Refused as refusal:
            found.append(Given(request, refusal=str(refusal)))
    return found
