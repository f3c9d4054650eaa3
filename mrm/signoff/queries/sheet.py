"""Everything that the decision page lays before a person, read once."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.queries import places
from mrm.core.canonical import digest, plain
from mrm.signoff.models import (
    Change,
    Decision,
    Gate,
    GateState,
    Request,
    RequestState,
    Section,
    Vote,
)
from mrm.signoff.policies import Piece, Verdict, difference
from mrm.signoff.queries import fold
from mrm.signoff.queries.reading import Reading, known_content, material
from mrm.signoff.queries.signers import Line, signers


@dataclass(frozen=True)
class Difference:
    """One changed field with the words that changed."""

    change: Change
    before: list[Piece]
    after: list[Piece]


@dataclass(frozen=True)
class Step:
    label: str
    note: str
    state: str


@dataclass(frozen=True)
class Choice:
    """A decision as the card offers it: open, or closed with the reason."""

    value: str
    label: str
    sub: str
    reason: str
    checked: bool = False


@dataclass(frozen=True)
class Sheet:
    request: Request
    verdict: Verdict
    why_not: str | None
    blocked: str | None
    drift: list[str]
    gates: list[Gate]
    facts: list[tuple[str, str, str]]
    former: str
    differences: list[Difference]
    same: list[tuple[str, str]]
    sections: list[Section]
    able: list[Line]
    unable: list[Line]
    votes: list[Vote]
    mine: Vote | None
    proposes: bool = False

    @property
    def open(self) -> bool:
        return self.request.status == RequestState.OPEN

    @property
    def missing(self) -> list[Gate]:
        return [gate for gate in self.gates if gate.state == GateState.MISSING]

    @property
    def met(self) -> int:
        return len(self.gates) - len(self.missing)

    @property
    def material(self) -> int:
        return sum(entry.change.material for entry in self.differences)

    @property
    def signed(self) -> int:
        return sum(need.signed for need in self.verdict.needs)

    @property
    def asked(self) -> int:
        return sum(need.quorum for need in self.verdict.needs)

    @property
    def changed(self) -> list[Section]:
        return [section for section in self.sections if section.place == "changes"]

    @property
    def findings(self) -> list[Section]:
        return [section for section in self.sections if section.place == "findings"]

    @property
    def steps(self) -> list[Step]:
        return steps(self.request, self.verdict, asked=self.why_not is None)

    @property
    def choices(self) -> list[Choice]:
        return choices(self.request, self.missing)


def sheet(reading: Reading, account: Account) -> Sheet:
    """The request with all that bears on it, as this account may see it."""
    request, subject, record, now = reading.request, reading.subject, reading.record, reading.verdict
    former, changes = subject.changes(record)
    able, unable = signers(reading)
    votes = list(request.votes.select_related("person__unit"))
    standing = places(votes, "signoff.vote")
    for vote in votes:
        vote.place = standing.get(str(vote.pk))
    return Sheet(
        request=request,
        verdict=now,
        why_not=_why_not(reading, account),
        blocked=now.reason if request.status == RequestState.OPEN and now.state == "blocked" else None,
        drift=_drift(reading) if request.status == RequestState.OPEN else [],
        gates=reading.gates,
        facts=subject.facts(record),
        former=former,
        differences=[Difference(change, *difference(change.before, change.after)) for change in changes],
        same=subject.same(record),
        sections=subject.sections(record),
        able=able,
        unable=unable,
        votes=votes,
        mine=next((vote for vote in reversed(votes) if vote.person_id == account.person_id), None),
        proposes=subject.proposes,
    )


@dataclass(frozen=True)
class Asked:
    """A condition that another signer asked, and the key by which it is asked in the same words."""

    key: str
    condition: Mapping[str, str]
    by: str

    @property
    def due(self) -> dt.date:
        return dt.date.fromisoformat(self.condition["due"])


def asked_by_others(request: Request, account: Account) -> list[Asked]:
    """Conditions in the standing votes of others, each once."""
    found: dict[str, Asked] = {}
    last = {vote.person_id: vote for vote in request.votes.select_related("person")}
    for vote in last.values():
        if vote.decision != Decision.CONDITIONS or vote.person_id == account.person_id:
            continue
        for condition in vote.conditions:
            found.setdefault(digest(condition), Asked(digest(condition), condition, vote.printed_name))
    return list(found.values())


def _why_not(reading: Reading, account: Account) -> str | None:
    if reading.request.status != RequestState.OPEN:
        return "This request is decided."
    return fold.why_not(reading, account) or account.lacks("signoff.vote", reading.request)


def _drift(reading: Reading) -> list[str]:
    """What of the subject is no longer as it was, when that is material: then nobody can sign it."""
    if not material(reading.request, reading.edits()):
        return []
    _, before = known_content(reading.request)
    then, now = _flat(before), _flat(plain(reading.content))
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    return [f"{name}: {then.get(name, 'none')} before, {now.get(name, 'none')} now" for name in names]


def _flat(content: Any, name: str = "") -> dict[str, str]:
    if isinstance(content, dict):
        found: dict[str, str] = {}
        for key, value in content.items():
            found |= _flat(value, f"{name} {key}".strip().replace("_", " "))
        return found
    text = ", ".join(str(entry) for entry in content) if isinstance(content, list) else str(content or "none")
    return {name: text if len(text) <= 120 else f"{text[:117]}…"}


def steps(request: Request, verdict: Verdict, *, asked: bool) -> list[Step]:
    """The stages of the policy, and that use asks for the same digest again."""
    found = []
    for stage in request.policy.content["stages"]:
        needs = [need for need in verdict.needs if need.stage == stage["id"]]
        signed, quorum = sum(need.signed for need in needs), sum(need.quorum for need in needs)
        current = request.status == RequestState.OPEN and stage["id"] == verdict.stage
        state = "done" if signed >= quorum else "current" if current else "todo"
        if request.status in {RequestState.REJECTED, RequestState.RETURNED, RequestState.WITHDRAWN} and state == "todo":
            state = "stopped"
        note = f"{signed} of {quorum}" + (", you are asked" if current and asked else "")
        found.append(Step(stage.get("title", stage["id"].capitalize()), note, state))
    return [*found, Step("Use", "checks the same digest again", "todo")]


def choices(request: Request, missing: Sequence[Gate]) -> list[Choice]:
    """The decisions, each open or closed with what is missing."""
    submitter = request.submitted_by.person.name
    hard = [gate for gate in missing if not gate.waivable]
    plain_reason = f"Not open, missing: {_names(missing)}" if missing else ""
    with_conditions = f"Not open, and no condition stands in for: {_names(hard)}" if hard else ""
    if not request.policy.content["conditions"]["allowed"]:
        with_conditions = "The policy allows no conditions"
    suspends = "Suspends by itself if a condition falls overdue"
    return [
        Choice(Decision.APPROVE, "Approve", "All that the policy asks for is there", plain_reason),
        Choice(
            Decision.CONDITIONS,
            "Approve with conditions",
            suspends,
            with_conditions,
            checked=bool(missing) and not with_conditions,
        ),
        Choice(Decision.RETURN, "Return", f"To {submitter}, with what must change", ""),
        Choice(Decision.REJECT, "Reject", "Closes this request", ""),
    ]


def _names(gates: Sequence[Gate]) -> str:
    first = gates[0].title[:1].lower() + gates[0].title[1:]
    return first if len(gates) == 1 else f"{first} and {len(gates) - 1} more"


def default_due() -> dt.date:
    """A quarter from today: a proposal for a condition's day."""
    return timezone.localdate() + dt.timedelta(days=90)
