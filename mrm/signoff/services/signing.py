"""Ask for a signature, compose what is signed, sign it, and act on the verdict."""

import datetime as dt
import json
import secrets
from typing import Any

from django.core import signing
from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.access.services import confirm_identity
from mrm.audit.trail import audited, describe, recorded
from mrm.core.actors import Actor, permit
from mrm.core.canonical import canonical, digest, timestamp
from mrm.core.packs import PackFile
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import SUBJECTS, Comment, Decision, Exclusion, GateState, Policy, Request, RequestState, Vote
from mrm.signoff.policies import Verdict, evaluate, may_sign
from mrm.signoff.workflow import FLOW

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


@audited("signoff.load_policy", "loaded the policy {subject}")
def load_policy(file: PackFile, *, actor: Actor) -> Policy:
    """Put a policy version in force; open requests keep the one they were pinned to."""
    permit(actor, "signoff.load_policy", None)
    version = int(file.version)
    known = Policy.objects.filter(key=file.key, version=version).first()
    if known is not None:
        if known.digest != file.digest:
            raise Refused(f"{known} is loaded with other content: a changed policy needs a new version.")
        return known
    Policy.objects.filter(key=file.key, current=True).update(current=False)
    return Policy.objects.create(
        key=file.key, version=version, title=file.title, digest=file.digest, content=file.content
    )


@audited("signoff.submit", "asked for {action} of {label}")
def submit(subject_kind: str, record: Any, *, action: str, actor: Actor, note: str = "") -> Request:
    """Open a request, pinned to the policy in force and to the digest of the subject as it is now."""
    subject = SUBJECTS[subject_kind]
    record = subject.find(str(record.pk))
    tier = subject.tier(record)
    policy = queries.policy_for(action, tier)
    if Request.objects.filter(
        subject_kind=subject_kind, subject_key=str(record.pk), action=action, status=RequestState.OPEN
    ).exists():
        raise Refused(f"A request on {record} is open already.")
    content = json.loads(canonical(subject.content(record)))
    hours = sum(stage["sla_hours"] for stage in policy.content["stages"])
    request = Request.objects.create(
        policy=policy,
        action=action,
        subject_kind=subject_kind,
        subject_key=str(record.pk),
        subject_label=str(record),
        subject_digest=digest(content),
        subject_content=content,
        unit=subject.unit(record),
        tier=tier,
        submitted_by=actor if isinstance(actor, Account) else _submitter(actor),
        note=note,
        due=timezone.localdate() + dt.timedelta(days=-(-hours // 24)),
    )
    _keep_exclusions(request)
    describe(action=action.replace("_", " "), label=str(record), policy=str(policy), digest=request.subject_digest)
    return request


def _submitter(actor: Actor) -> Account:
    raise Refused(f"{actor.identity.name} is no person; a request is submitted by somebody who answers for it.")


def _keep_exclusions(request: Request) -> None:
    """Write down who may not sign, so that the database refuses it too."""
    known = {str(entry.person_id) for entry in request.exclusions.all()}
    for person, reason in queries.parties(request).items():
        if person not in known:
            Exclusion.objects.create(request=request, person_id=person, reason=reason)


def compose(
    request: Request, *, decision: str, rationale: str, conditions: list[dict[str, str]], actor: Account
) -> tuple[dict[str, Any], str]:
    """The statement to be read and signed, and the sealed token that brings it back; a refusal goes on record."""
    try:
        _check_may(request, decision, actor)
    except Refused:
        with recorded("signoff.vote", actor=actor, subject=request):
            raise
    _check_unchanged(request, decision, request.subject_digest)
    _check_decision(request, decision, rationale, conditions)
    statement = {
        "request": request.ref,
        "subject": request.subject_label,
        "subject_digest": request.subject_digest,
        "policy": str(request.policy),
        "policy_digest": request.policy.digest,
        "decision": decision,
        "meaning": MEANINGS[Decision(decision)],
        "rationale": rationale.strip(),
        "conditions": conditions,
        "name": actor.person.name,
        "person": str(actor.person_id),
        "role": queries.role_used(request, actor) or _role_given(request, actor),
        "nonce": secrets.token_hex(16),
        "time": timestamp(timezone.now()),
    }
    return statement, signing.dumps(statement, salt=SALT)


def sign(request: Request, *, token: str, password: str, actor: Account) -> Vote:
    """Confirm who signs, then record the signature over exactly the statement that was shown."""
    try:
        statement = signing.loads(token, salt=SALT, max_age=request.policy.content["signature"]["max_age_s"])
    except signing.SignatureExpired as error:
        raise Refused("The statement was shown too long ago; read it again and sign.") from error
    except signing.BadSignature as error:
        raise Refused("This is not a statement that was shown here; open the request and sign again.") from error
    confirm_identity(actor, password=password, actor=actor)
    return vote(request, statement=statement, actor=actor)


@audited("signoff.vote", "signed {decision} on {request}")
def vote(request: Request, *, statement: dict[str, Any], actor: Account) -> Vote:
    """Append the vote and act on the verdict; every rule is checked again under the lock."""
    request = Request.objects.select_for_update(of=("self",)).select_related("policy", "unit").get(pk=request.pk)
    _keep_exclusions(request)
    if statement["request"] != request.ref or statement["person"] != str(actor.person_id):
        raise Refused("This statement was made for another request or another person.")
    if request.votes.filter(statement_digest=digest(statement)).exists():
        raise Refused("This statement was signed before; open the request and read a new one.")
    _check_unchanged(request, statement["decision"], statement["subject_digest"])
    _check_decision(request, statement["decision"], statement["rationale"], statement["conditions"])
    _check_may(request, statement["decision"], actor)
    signed = _record(request, statement, actor)
    describe(
        request=request.ref,
        decision=signed.get_decision_display().lower(),
        role=signed.role,
        statement_digest=signed.statement_digest,
        subject_digest=signed.subject_digest,
        policy=str(request.policy),
        rationale=signed.rationale,
    )
    _act(request, evaluate(request.policy.content, queries.history(request)), actor)
    return signed


def _record(request: Request, statement: dict[str, Any], actor: Account) -> Vote:
    return Vote.objects.create(
        request=request,
        person=actor.person,
        account=actor,
        role=statement["role"],
        unit_path=actor.person.unit.path,
        decision=statement["decision"],
        rationale=statement["rationale"],
        conditions=statement["conditions"],
        subject_digest=statement["subject_digest"],
        printed_name=statement["name"],
        meaning=statement["meaning"],
        statement=canonical(statement).decode(),
        statement_digest=digest(statement),
        method="password",
    )


def _act(request: Request, verdict: Verdict, actor: Actor) -> None:
    if verdict.state == "open":
        return
    _close(request, f"be_{verdict.state}", actor)
    subject = SUBJECTS[request.subject_kind]
    subject.decided(subject.find(request.subject_key), request, verdict, actor=actor)


def _close(request: Request, move: str, actor: Actor) -> None:
    if reasons := FLOW.closed(request, move, actor):
        raise Refused(*reasons)
    request.status, request.decided_at = FLOW.moves[move].target, timezone.now()
    request.save(update_fields=["status", "decided_at"])


@audited("signoff.withdraw_request", "withdrew {subject}")
def withdraw(request: Request, *, actor: Actor, reason: str) -> Request:
    """The submitter or the subject's owner takes the question back."""
    permit(actor, "approval.withdraw_request", request)
    request = Request.objects.select_for_update(of=("self",)).get(pk=request.pk)
    if actor.identity.person not in queries.parties(request):
        raise Refused("Only somebody who stands behind this request withdraws it.")
    _close(request, "be_withdrawn", actor)
    return request


@audited("signoff.comment", "commented on {request}")
def comment(request: Request, *, text: str, actor: Account, section: str = "") -> Comment:
    """Add a word to the discussion."""
    permit(actor, "signoff.comment", request)
    if not text.strip():
        raise Invalid("A comment needs words.", fields={"text": ["Write something."]})
    describe(request=request.ref)
    return Comment.objects.create(request=request, person=actor.person, section=section, text=text.strip())


def _check_unchanged(request: Request, decision: str, read: str) -> None:
    if decision == Decision.WITHDRAW:
        return
    if read != request.subject_digest or queries.current_digest(request) != request.subject_digest:
        raise Refused(
            "The evidence or the subject changed since this request was submitted, so nobody can sign it:"
            " look at the difference, and have it withdrawn and submitted anew."
        )


def _check_may(request: Request, decision: str, actor: Account) -> None:
    if decision == Decision.WITHDRAW:
        if request.status != RequestState.OPEN:
            raise Refused("This request is decided; a vote on it is not taken back.")
        if not _role_given(request, actor):
            raise Refused("You have no vote on this request to withdraw.")
        return
    permit(actor, "signoff.vote", request)
    past = queries.history(request)
    verdict = evaluate(request.policy.content, past)
    state = verdict if request.status == RequestState.OPEN else Verdict("decided", "", (), (), ())
    if reason := may_sign(request.policy.content, past, state, queries.signer(request, actor)):
        raise Refused(reason)


def _role_given(request: Request, actor: Account) -> str:
    last = request.votes.filter(person=actor.person).last()
    return last.role if last and last.decision != Decision.WITHDRAW else ""


def _check_decision(request: Request, decision: str, rationale: str, conditions: list[dict[str, str]]) -> None:
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
        _check_gates(request, decision, conditions)
    if conditions and not request.policy.content["conditions"]["allowed"]:
        raise Refused(f"{request.policy} allows no conditions.")
    needed = request.policy.content["conditions"]["must_have"]
    for condition in conditions:
        _check_condition(condition, ["text", *needed])


def _check_gates(request: Request, decision: str, conditions: list[dict[str, str]]) -> None:
    """An approval waits for every gate; a condition may stand in where the gate allows it."""
    covered = {condition.get("gate", "") for condition in conditions}
    for gate in queries.gates(request):
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
