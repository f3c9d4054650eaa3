"""Compose what is signed, sign it, and act on the verdict."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, TypeGuard

from django.db.models import Q
from django.utils import timezone

from mrm.access import services as access
from mrm.access.models import Account, Person
from mrm.access.services import Confirmed
from mrm.audit.trail import audited, describe, recorded
from mrm.core.actors import permit
from mrm.core.canonical import canonical, digest
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import Decision, GateState, Request, RequestState, Vote
from mrm.signoff.policies import method_allowed
from mrm.signoff.services.asking import act, keep_exclusions, locked, note_edit

SALT = "mrm.signoff.statement"
MEANINGS = {
    Decision.APPROVE: "I have reviewed the changes, the evidence and the open findings, and I approve.",
    Decision.CONDITIONS: (
        "I have reviewed the changes, the evidence and the open findings, and I approve under the conditions stated."
    ),
    Decision.RETURN: "I have reviewed this request and return it with what must change.",
    Decision.REJECT: "I have reviewed this request and reject it.",
    Decision.WITHDRAW: "I withdraw the vote that I gave on this request.",
}
CHANGED = (
    "The evidence or the subject changed since this request was submitted, so nobody can sign it:"
    " look at the difference, and have it withdrawn and submitted anew."
)
NOTED = "A change was noted since this statement was made; open the request and read a new one."


def compose(
    request: Request,
    *,
    decision: str,
    rationale: str,
    conditions: list[dict[str, str]],
    actor: Account,
    on_behalf_of: Person | None = None,
) -> tuple[dict[str, Any], str]:
    """The statement to be read and signed, and the sealed token that brings it back; a refusal goes on record.

    A delegate says on whose behalf he signs.
    """
    reading = queries.Reading(request)
    try:
        _check_may(reading, decision, actor, on_behalf_of)
    except Refused:
        with recorded("signoff.vote", actor=actor, subject=request):
            raise
    read = _content_read(reading, decision)
    _check_decision(reading, decision, rationale, conditions)
    roles = queries.roles_used(reading, actor, on_behalf_of) or _roles_given(request, actor)
    facts = {
        "request": request.ref,
        "subject": request.subject_label,
        "subject_digest": read,
        "policy": str(request.policy),
        "policy_digest": request.policy.digest,
        "decision": decision,
        "meaning": MEANINGS[Decision(decision)],
        "rationale": rationale.strip(),
        "conditions": conditions,
        "role": roles[0],
        "roles": roles,
        "on_behalf_of": on_behalf_of.name if on_behalf_of else "",
        "principal": str(on_behalf_of.pk) if on_behalf_of else "",
        **({"terms": request.terms} if request.terms else {}),
    }
    return access.composed(facts, actor=actor, salt=SALT)


def sign(
    request: Request,
    *,
    token: str,
    actor: Account,
    password: str = "",
    code: str = "",
    answer: Mapping[str, Any] | None = None,
) -> Vote:
    """Confirm who signs, then record the signature over exactly the statement that was shown.

    He is confirmed by his password, a code of his authenticator app, or his security key's answer to the statement.
    """
    try:
        statement = opened(request, token)
        proof = access.proof_under(statement, password=password, code=code, answer=answer)
        if reason := method_allowed(request.policy.content, str(request.policy), proof.method):
            raise Refused(reason)
    except Refused:
        with recorded("signoff.vote", actor=actor, subject=request):
            raise
    confirmed = access.confirm_identity(actor, proof=proof, actor=actor)
    return vote(request, statement=statement, confirmed=confirmed, actor=actor)


def opened(request: Request, token: str) -> dict[str, Any]:
    """The statement that was shown, word for word, while it may be signed."""
    return access.opened(token, salt=SALT, seconds=request.policy.content["signature"]["max_age_s"], where="request")


@audited("signoff.vote", "signed {decision} on {request}")
def vote(request: Request, *, statement: dict[str, Any], confirmed: Confirmed, actor: Account) -> Vote:
    """Append the vote and act on the verdict; every rule is checked again under the lock."""
    request = locked(request)
    if reason := method_allowed(request.policy.content, str(request.policy), confirmed.method):
        raise Refused(reason)
    reading = queries.Reading(request)
    keep_exclusions(reading)
    taken_back = statement["decision"] == Decision.WITHDRAW  # about what was signed, whatever became of the subject
    if not taken_back:
        note_edit(reading)
    if statement["request"] != request.ref or statement["person"] != str(actor.person_id):
        raise Refused("This statement was made for another request or another person.")
    if statement.get("terms", {}) != request.terms:
        raise Refused("This statement is about other terms than the request: open the request and read a new one.")
    if request.votes.filter(statement_digest=digest(statement)).exists():
        raise Refused("This statement was signed before; open the request and read a new one.")
    if _content_read(reading, statement["decision"]) != statement["subject_digest"]:
        raise Refused(NOTED if taken_back else CHANGED)
    _check_decision(reading, statement["decision"], statement["rationale"], statement["conditions"])
    principal = (
        Person.objects.select_related("unit")
        .filter(pk__in=[statement["principal"]] if statement["principal"] else [])
        .first()
    )
    _check_may(reading, statement["decision"], actor, principal)
    signed = _record(request, statement, confirmed, actor, principal)
    describe(
        request=request.ref,
        decision=signed.get_decision_display().lower(),
        role=signed.role,
        statement_digest=signed.statement_digest,
        subject_digest=signed.subject_digest,
        policy=str(request.policy),
        rationale=signed.rationale,
        method=signed.method,
    )
    act(request, queries.verdict(request), actor)
    return signed


def _record(
    request: Request, statement: dict[str, Any], confirmed: Confirmed, actor: Account, principal: Person | None
) -> Vote:
    return Vote.objects.create(
        request=request,
        person=actor.person,
        account=actor,
        role=statement["role"],
        roles=statement["roles"],
        unit_path=actor.person.unit.path,
        principal=principal,
        decision=statement["decision"],
        rationale=statement["rationale"],
        conditions=statement["conditions"],
        subject_digest=statement["subject_digest"],
        printed_name=statement["name"],
        meaning=statement["meaning"],
        statement=canonical(statement).decode(),
        statement_digest=digest(statement),
        method=confirmed.method,
        evidence=confirmed.evidence,
    )


def _content_read(reading: queries.Reading, decision: str) -> str:
    """The digest of what the signer reads: the subject as it is now, or what a vote taken back was about.

    Refused where the subject is no longer what was submitted.
    """
    if decision == Decision.WITHDRAW:
        return queries.known_content(reading.request)[0]
    if queries.material(reading.request, reading.edits()):
        raise Refused(CHANGED)
    return digest(reading.content)


def _check_may(reading: queries.Reading, decision: str, actor: Account, principal: Person | None) -> None:
    """Refuse whoever may not sign, or take his vote back."""
    request = reading.request
    if actor.scopes is not None:
        raise Forbidden("Service accounts and tokens cannot sign: only a person does, signed in.")
    if decision == Decision.WITHDRAW:
        if request.status != RequestState.OPEN:
            raise Refused("This request is decided; a vote on it is not taken back.")
        if not _roles_given(request, actor):
            raise Refused("You have no vote on this request to withdraw.")
        return
    permit(actor, "signoff.vote", request)
    if principal and not any(each.principal_id == principal.pk for each in reading.on.principals(str(actor.person_id))):
        raise Refused("No delegation lets you sign for this person now.")
    if principal and not (request.policy.content.get("delegation") or {}).get("allowed"):
        raise Refused(f"{request.policy} allows no delegate; the person signs himself.")
    if request.status != RequestState.OPEN:
        raise Refused("This request is decided.")
    if reason := queries.why_not(reading, actor, principal, decision):
        raise Refused(reason)


def _roles_given(request: Request, actor: Account) -> list[str]:
    """The roles of the vote that stands in the person's name, given by him or in his place."""
    last = request.votes.filter(Q(person=actor.person) | Q(principal=actor.person)).last()
    return [last.role, *(role for role in last.roles if role != last.role)] if _stands(last) else []


def _stands(vote: Vote | None) -> TypeGuard[Vote]:
    return vote is not None and vote.decision != Decision.WITHDRAW


def _check_decision(reading: queries.Reading, decision: str, rationale: str, conditions: list[dict[str, str]]) -> None:
    policy = reading.request.policy
    if decision not in Decision.values:
        raise Invalid(
            f"{decision or 'Nothing'} is no decision.", fields={"decision": ["Choose one of the decisions offered."]}
        )
    if not rationale.strip():
        raise Invalid("A decision needs its rationale; it goes into the record.", fields={"rationale": ["Needed."]})
    if (decision == Decision.CONDITIONS) != bool(conditions):
        raise Invalid(
            "Conditions belong to an approval with conditions, which needs at least one.",
            fields={"conditions": ["State at least one condition."]},
        )
    if decision in {Decision.APPROVE, Decision.CONDITIONS}:
        _check_gates(reading, decision, conditions)
    if decision == Decision.APPROVE and (policy.content.get("interim") or {}).get("needs_conditions"):
        raise Refused("An interim use is approved under conditions only; state at least one.")
    if conditions and not policy.content["conditions"]["allowed"]:
        raise Refused(f"{policy} allows no conditions.")
    needed = policy.content["conditions"]["must_have"]
    for condition in conditions:
        _check_condition(condition, ["text", *needed])


def _check_gates(reading: queries.Reading, decision: str, conditions: list[dict[str, str]]) -> None:
    """An approval waits for every gate; a condition may stand in where the gate allows it."""
    covered = {condition.get("gate", "") for condition in conditions}
    for gate in reading.gates:
        if gate.state != GateState.MISSING:
            continue
        if gate.waivable and decision == Decision.CONDITIONS and gate.key in covered:
            continue
        raise Refused(f"Not open, missing: {gate.title[:1].lower()}{gate.title[1:]}. {gate.detail}")


def _check_condition(condition: dict[str, str], needed: list[str]) -> None:
    if missing := [name for name in needed if not str(condition.get(name, "")).strip()]:
        raise Invalid(
            f"A condition needs its {', '.join(missing)}.", fields={"conditions": [f"Missing: {', '.join(missing)}."]}
        )
    try:
        due = dt.date.fromisoformat(condition["due"])
    except ValueError as error:
        raise Invalid(
            "A condition is due on a date such as 2026-11-30.", fields={"conditions": ["Not a date."]}
        ) from error
    if due < timezone.localdate():
        raise Invalid("A condition cannot be due in the past.", fields={"conditions": ["Due in the past."]})
    if not Person.objects.filter(email__iexact=condition["owner"].strip()).exists():
        raise Invalid(
            f"{condition['owner']} is no person here; name the owner by e-mail address.",
            fields={"conditions": ["Unknown owner."]},
        )
