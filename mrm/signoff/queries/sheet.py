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
    SUBJECTS,
    Change,
    Decision,
    Gate,
    GateState,
    Policy,
    Request,
    RequestState,
    Section,
    Vote,
)
from mrm.signoff.policies import METHODS, PARTS, History, Piece, Verdict, difference, evaluate, may_sign, methods_of
from mrm.signoff.queries.fold import history, in_order, known_content, material, signer, unnoted
from mrm.signoff.queries.ground import Ground, ground
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


def sheet(request: Request, account: Account) -> Sheet:
    """The request with all that bears on it, as this account may see it."""
    subject = SUBJECTS[request.subject_kind]
    record = subject.find(request.subject_key)
    on = ground([request])
    past = history(request, on)
    now = evaluate(request.policy.content, past)
    former, changes = subject.changes(record)
    able, unable = signers(request, on, past, now)
    votes = list(request.votes.select_related("person__unit"))
    standing = places(votes, "signoff.vote")
    for vote in votes:
        vote.place = standing.get(str(vote.pk))
    return Sheet(
        request=request,
        verdict=now,
        why_not=_why_not(request, account, on, past, now),
        blocked=now.reason if request.status == RequestState.OPEN and now.state == "blocked" else None,
        drift=drift(request, subject.content(record)) if request.status == RequestState.OPEN else [],
        gates=in_order(subject.gates(record)),
        facts=subject.facts(record),
        former=former,
        differences=[Difference(change, *difference(change.before, change.after)) for change in changes],
        same=subject.same(record),
        sections=subject.sections(record),
        able=able,
        unable=unable,
        votes=votes,
        mine=next((vote for vote in reversed(votes) if vote.person_id == account.person_id), None),
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


def _why_not(request: Request, account: Account, on: Ground, past: History, now: Verdict) -> str | None:
    if request.status != RequestState.OPEN:
        return "This request is decided."
    reason = may_sign(request.policy.content, past, now, signer(request, account, on))
    return reason or account.lacks("signoff.vote", request)


def drift(request: Request, content: Mapping[str, Any]) -> list[str]:
    """What of the subject is no longer as it was, when that is material: then nobody can sign it."""
    known, before = known_content(request)
    if digest(content) == known or not material(request, unnoted(request, timezone.now().timestamp())):
        return []
    then, now = _flat(before), _flat(plain(content))
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


def rules(policy: Policy) -> list[tuple[str, str]]:
    """A policy in plain sentences, each under what it is about."""
    content = policy.content
    tiers = " or ".join(content["applies"].get("tier", ()))
    of_tier = f" of tier {tiers}" if tiers else ""
    found = [("When it applies", f"To {content['applies']['action'].replace('_', ' ')}{of_tier}.")]
    for stage in content["stages"]:
        title = f"Stage: {stage.get('title', stage['id'])}"
        found += [(title, _requirement(entry)) for entry in stage["requirements"]]
        found.append((title, f"Decided within {stage['sla_hours']} hours.{_escalated(stage)}"))
    stops = " or ".join(role.replace("_", " ") for role in content["reject"]["any_of"])
    conditions = content["conditions"]
    return [
        *found,
        ("Who never signs", f"{_parties(content['exclude_parties'])}. A person counts once."),
        ("Rejecting", f"One {stops} who rejects or returns ends the request."),
        ("Conditions", _conditions(conditions)),
        ("How long it holds", f"{content['valid_days']} days, for exactly the bytes and evidence that were signed."),
        ("Signature", _confirmed(content)),
    ]


def _confirmed(content: Mapping[str, Any]) -> str:
    ways = " or ".join(METHODS[each] for each in methods_of(content))
    return f"Confirmed by {ways}, on a statement read at most {content['signature']['max_age_s']} seconds ago."


def _escalated(stage: Mapping[str, Any]) -> str:
    role = stage.get("escalate_to", "").replace("_", " ")
    return f" When that has passed, a {role} may sign too." if role else ""


def _parties(shut: Sequence[str]) -> str:
    *others, last = ("whoever " + PARTS[part].split(":", 1)[0] for part in shut)
    told = f"{', '.join(others)} and {last}" if others else last
    return told[:1].upper() + told[1:]


def _requirement(entry: Mapping[str, Any]) -> str:
    role = entry["role"].replace("_", " ")
    people = f"{entry['quorum']} {role}{'s' if entry['quorum'] > 1 else ''}"
    apart = " of different business units" if entry.get("distinct_business_unit") else ""
    return f"{people}{apart} must sign."


def _conditions(rule: Mapping[str, Any]) -> str:
    if not rule["allowed"]:
        return "None are allowed."
    return f"Allowed; each has its {', '.join(rule['must_have'])}. When one is overdue, the approval is suspended."


def default_due() -> dt.date:
    """A quarter from today: a proposal for a condition's day."""
    return timezone.localdate() + dt.timedelta(days=90)
