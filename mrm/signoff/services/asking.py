"""Put a question to the signers, take it back, and act on what the signatures amount to."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System, permit
from mrm.core.canonical import canonical, digest
from mrm.core.refusal import Invalid, Refused
from mrm.signoff import queries
from mrm.signoff.models import SUBJECTS, Comment, Edit, Exclusion, Request, RequestState
from mrm.signoff.policies import Verdict, waited_for
from mrm.signoff.workflow import FLOW

CLOCK = System("signoff")


@audited("signoff.submit", "asked for {action} of {label}")
def submit(
    subject_kind: str,
    record: Any,
    *,
    action: str,
    actor: Actor,
    note: str = "",
    terms: Mapping[str, Mapping[str, str]] | None = None,
) -> Request:
    """Open a request, pinned to the policy in force and to the digest of the subject as it is now.

    `terms` narrow what is asked for, by heading, code and words; whoever signs signs them as well.
    """
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
        terms=dict(terms or subject.terms(record)),
        due=timezone.localdate() + dt.timedelta(days=-(-hours // 24)),
    )
    reading = queries.Reading(request)
    keep_exclusions(reading)
    keep_open_roles(request, reading.verdict)
    describe(action=action.replace("_", " "), label=str(record), policy=str(policy), digest=request.subject_digest)
    return request


def _submitter(actor: Actor) -> Account:
    raise Refused(f"{actor.identity.name} is no person; a request is submitted by somebody who answers for it.")


def keep_exclusions(reading: queries.Reading) -> None:
    """Write down who may not sign, so that the database refuses it too."""
    known = {str(entry.person_id) for entry in reading.request.exclusions.all()}
    for person, reason in reading.parties().items():
        if person not in known:
            Exclusion.objects.create(request=reading.request, person_id=person, reason=reason[:300])


def keep_open_roles(request: Request, verdict: Verdict) -> None:
    """Write down whose signature is waited for, so that a list finds it; the verdict itself is asked at each use."""
    roles = sorted(waited_for(request.policy.content, verdict))
    if roles != request.open_roles:
        request.open_roles = roles
        request.save(update_fields=["open_roles"])


@audited("signoff.look_again", "looked again whose signature {subject} waits for")
def look_again(request: Request, *, actor: Actor) -> Request:
    """Bring up to date what a list goes by, when a role was lost or a delegation ran out meanwhile."""
    request = locked(request)
    if request.status == RequestState.OPEN:
        keep_open_roles(request, queries.verdict(request))
    return request


def look_again_at_all() -> int:
    """Look again at every open request that is listed for other roles than it waits for."""
    done = 0
    for each in queries.judged_open():
        if sorted(waited_for(each.request.policy.content, each.verdict)) != each.request.open_roles:
            look_again(each.request, actor=CLOCK)
            done += 1
    return done


def note_edit(reading: queries.Reading) -> None:
    """Write down what changed since, when that is not material: votes stay, and who signs now signs what is now."""
    edits = reading.edits()
    if not edits or queries.material(reading.request, edits):
        return
    (edit,) = edits
    content = json.loads(canonical(reading.content))
    Edit.objects.create(request=reading.request, digest=edit.digest, content=content, fields=sorted(edit.fields))
    describe(changed=", ".join(sorted(edit.fields)))


def locked(request: Request) -> Request:
    """The request as it is now, held until the action ends: votes on it come one after the other."""
    return Request.objects.select_for_update(of=("self",)).select_related("policy", "unit").get(pk=request.pk)


def act(request: Request, verdict: Verdict, actor: Actor) -> None:
    """Close the request when the verdict decides it, and let the subject's area act, in the same transaction."""
    keep_open_roles(request, verdict)
    if verdict.is_open:
        return
    close(request, f"be_{verdict.state}", actor)
    subject = SUBJECTS[request.subject_kind]
    subject.decided(subject.find(request.subject_key), request, verdict, actor=actor)


def close(request: Request, move: str, actor: Actor) -> None:
    if reasons := FLOW.closed(request, move, actor):
        raise Refused(*reasons)
    request.status, request.decided_at, request.open_roles = FLOW.moves[move].target, timezone.now(), []
    request.save(update_fields=["status", "decided_at", "open_roles"])


@audited("signoff.settle", "settled {subject}: {state}")
def settle(request: Request, *, actor: Actor) -> Request:
    """Bring a request to the state that its signatures have by now, as when the time to object has passed."""
    permit(actor, "signoff.settle", request)
    request = locked(request)
    if request.status != RequestState.OPEN:
        raise Refused(f"{request.ref} is decided.")
    reading = queries.Reading(request)
    keep_exclusions(reading)
    found = reading.verdict
    if found.is_open:
        raise Refused(f"{request.ref} is not settled. {found.reason or 'Signatures are missing.'}")
    describe(state=found.state)
    act(request, found, actor)
    return request


def settle_due(*, actor: Actor = CLOCK) -> int:
    """Settle every request that everybody has signed and whose time to object has passed."""
    done = 0
    for each in queries.judged_open():
        if each.request.policy.content.get("cool_down_hours") and not each.verdict.is_open and _is_due(each.request):
            settle(each.request, actor=actor)
            done += 1
    return done


def _is_due(request: Request) -> bool:
    """Whether it is open still, and decided as the log has it now."""
    request.refresh_from_db(fields=["status"])
    return request.status == RequestState.OPEN and not queries.verdict(request).is_open


@audited("signoff.withdraw_request", "withdrew {subject}")
def withdraw(request: Request, *, actor: Actor, reason: str) -> Request:
    """The submitter or the subject's owner takes the question back."""
    permit(actor, "approval.withdraw_request", request)
    request = locked(request)
    if actor.identity.person not in queries.Reading(request).behind():
        raise Refused("Only somebody who stands behind this request withdraws it.")
    close(request, "be_withdrawn", actor)
    subject = SUBJECTS[request.subject_kind]
    subject.withdrawn(subject.find(request.subject_key), actor=actor)
    return request


@audited("signoff.lapse", "closed {subject}: {why}")
def lapse(request: Request, *, why: str, actor: Actor) -> Request:
    """Close a question whose subject is gone, inside the action that took it away."""
    request = locked(request)
    close(request, "be_withdrawn", actor)
    describe(why=why)
    return request


@audited("signoff.comment", "commented on {request}")
def comment(request: Request, *, text: str, actor: Account, section: str = "") -> Comment:
    """Add a word to the discussion."""
    permit(actor, "signoff.comment", request)
    if not text.strip():
        raise Invalid("A comment needs words.", fields={"text": ["Write something."]})
    describe(request=request.ref)
    return Comment.objects.create(request=request, person=actor.person, section=section, text=text.strip())
