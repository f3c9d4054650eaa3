"""One request judged from everything as it is now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mrm.access.models import Account, Person
from mrm.core.canonical import digest, plain
from mrm.signoff.models import SUBJECTS, Gate, GateState, Request, RequestState
from mrm.signoff.policies import (
    Edit,
    History,
    Party,
    Signer,
    Verdict,
    barred,
    evaluate,
    is_material,
    may_sign,
    open_roles,
    roles_asked,
)
from mrm.signoff.queries.ground import Ground, ground, history_of

BEHIND = ("submitter", "contributor", "model_owner", "developer")
ORDER = (GateState.MISSING, GateState.WAIVED, GateState.MET)
Involved = dict[str, dict[str, Party]]


def parts(request: Request) -> tuple[Involved, dict[str, Party]]:
    """Every person's parts in the subject as the log knows them now, and the parties that no policy lets sign."""
    subject = SUBJECTS[request.subject_kind]
    involved: Involved = {}
    always: dict[str, Party] = {}
    for person, told in subject.parties(subject.find(request.subject_key)).items():
        if isinstance(told, str):
            always[person] = Party(told)
        else:
            involved[person] = {part: Party(words) for part, words in told.items()}
    _add(involved, request.submitted_by, "submitter", "submitted this request")
    if request.policy.loaded_by:
        _add(involved, request.policy.loaded_by, "policy_admin", "loaded the policy that this is judged by")
    return involved, always


def _add(involved: Involved, account: Account, part: str, words: str) -> None:
    involved.setdefault(str(account.person_id), {}).setdefault(part, Party(words))


def parties(request: Request) -> dict[str, str]:
    """Person id to why he may not sign: as a party that the policy excludes, or in every role that it asks for."""
    involved, always = parts(request)
    past = History(request.subject_digest, involved=involved)
    roles = {entry["role"] for stage in request.policy.content["stages"] for entry in stage["requirements"]}
    found = {person: party.reason for person, party in always.items()}
    for person in involved:
        reasons = [barred(request.policy.content, past, person, [role]) for role in sorted(roles)]
        if reasons and all(reasons):
            found.setdefault(person, str(reasons[0]))
    for exclusion in request.exclusions.all():
        found.setdefault(str(exclusion.person_id), exclusion.reason)
    return found


def behind(request: Request) -> frozenset[str]:
    """The people who stand behind a request: who submitted it, and those whose work or model it is."""
    involved, always = parts(request)
    return frozenset(always) | {person for person, own in involved.items() if not own.keys().isdisjoint(BEHIND)}


def current_content(request: Request) -> Mapping[str, Any]:
    subject = SUBJECTS[request.subject_kind]
    return subject.content(subject.find(request.subject_key))


def current_digest(request: Request) -> str:
    return digest(current_content(request))


def known_content(request: Request) -> tuple[str, Mapping[str, Any]]:
    """Digest and content that the request holds for the subject: as submitted, or after the last change noted."""
    last = max(request.edits.all(), key=lambda edit: edit.pk, default=None)
    return (last.digest, last.content) if last else (request.subject_digest, request.subject_content)


def known_digest(request: Request) -> str:
    """The digest that the request holds for the subject, without its content."""
    last = max(request.edits.all(), key=lambda edit: edit.pk, default=None)
    return last.digest if last else request.subject_digest


def changed_fields(then: Any, now: Any) -> frozenset[str]:
    """The names, at any depth, under which two contents differ."""
    before, after = (each if isinstance(each, Mapping) else {} for each in (then, now))
    names = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return frozenset(names).union(*(changed_fields(before.get(name), after.get(name)) for name in names))


def unnoted(request: Request, at: float, content: Mapping[str, Any] | None = None) -> tuple[Edit, ...]:
    """The change of the subject that nobody noted yet, as an edit of this moment; empty when there is none.

    `content` is the subject as it is now, where that was read already.
    """
    content = current_content(request) if content is None else content
    known, before = known_content(request)
    if digest(content) == known:
        return ()
    return (Edit(at, digest(content), changed_fields(before, plain(content))),)


def material(request: Request, edits: Sequence[Edit]) -> bool:
    """Whether one of the edits voids the votes on a request that is open."""
    return any(is_material(request.policy.content, edit, None) for edit in edits)


def history(request: Request, on: Ground | None = None, *, candidates: bool = True) -> History:
    """All that the verdict depends on, read afresh; also what changed and who took part since it was written down."""
    request = Request.objects.select_related("policy__loaded_by", "unit", "submitted_by").get(pk=request.pk)
    on = on or ground([request])
    involved, always = parts(request)
    edits = unnoted(request, on.now.timestamp())
    return history_of(request, on, involved=involved, also=always, edits=edits, candidates=candidates)


def verdict(request: Request) -> Verdict:
    return evaluate(request.policy.content, history(request))


def verdict_at_use(request: Request, **became: Any) -> Verdict:
    """What the signatures on a decided request amount to now, with the roles, parties and content of this moment.

    `became` says what else became of it, as `History` has it: when it ended, was reviewed, and what was owed.
    """
    decided = request.decided_at.timestamp() if request.decided_at else None
    past = replace(history(request, candidates=False), **({"decided": decided} | became))
    return evaluate(request.policy.content, past)


def gates(request: Request) -> list[Gate]:
    """What must hold, the missing first."""
    subject = SUBJECTS[request.subject_kind]
    return in_order(subject.gates(subject.find(request.subject_key)))


def in_order(found: "list[Gate] | tuple[Gate, ...]") -> list[Gate]:
    return sorted(found, key=lambda gate: ORDER.index(gate.state))


def signer(request: Request, account: Account, on: Ground | None = None, principal: Person | None = None) -> Signer:
    """The person of the account before the request; with a principal, the roles by which he signs in his place."""
    on = on or ground([])
    roles = on.held(str(account.person_id), request.unit)
    person, unit = str(account.person_id), account.person.unit.path
    if principal is None:
        return Signer(person, account.is_service, roles, unit)
    theirs = on.held(str(principal.pk), request.unit)
    if request.policy.content.get("delegation", {}).get("same_role_required", True):
        theirs &= roles
    return Signer(person, account.is_service, theirs, unit, str(principal.pk))


def why_not(request: Request, account: Account) -> str | None:
    """Why the account may not sign the request now, or None."""
    on = ground([])
    past = history(request)
    now = evaluate(request.policy.content, past)
    return may_sign(request.policy.content, past, now, signer(request, account, on))


def stand_ins(request: Request, account: Account) -> list[Person]:
    """The people in whose place the account may sign the request now."""
    if request.status != RequestState.OPEN or account.lacks("signoff.vote", request):
        return []
    on = ground([request])
    given = on.principals(str(account.person_id))
    if not given or not (request.policy.content.get("delegation") or {}).get("allowed"):
        return []
    past = history(request, on)
    now = evaluate(request.policy.content, past)
    open_to = [
        each.principal
        for each in given
        if may_sign(request.policy.content, past, now, signer(request, account, on, each.principal)) is None
    ]
    return list({person.pk: person for person in open_to}.values())


def roles_used(
    request: Request, account: Account, principal: Person | None = None, now: Verdict | None = None
) -> list[str]:
    """The roles in which the account would sign now, the one that is waited for first; `now` where it is known."""
    now = now or verdict(request)
    who = signer(request, account, principal=principal)
    if now.state == "cooling":
        return sorted(who.roles & set(request.policy.content["reject"]["any_of"]))
    waited = sorted(open_roles(now) & who.roles)
    return waited + sorted((roles_asked(now) & who.roles) - set(waited))


def role_used(request: Request, account: Account) -> str:
    """The role in which the account would sign now."""
    return next(iter(roles_used(request, account)), "")
