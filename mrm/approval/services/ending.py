"""What becomes of an approval by itself and by those who watch it: suspension, expiry, conditions met, review."""

from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import policies, queries
from mrm.approval.models import Approval, ApprovalKind, Condition
from mrm.approval.workflow import FLOW, STANDING, ApprovalState
from mrm.audit.trail import audited
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import services as inventory_services
from mrm.inventory.workflow import VersionState
from mrm.signoff import queries as signoff

CLOCK = System("approval")


@audited("approval.meet_condition", "accepted as met: {subject}")
def meet_condition(condition: Condition, *, note: str, actor: Account) -> Condition:
    """Another than the condition's owner accepts the evidence."""
    permit(actor, "approval.meet_condition", condition)
    if condition.met_on:
        raise Refused("This condition is met already.")
    if str(condition.owner_id) == actor.identity.person:
        raise Refused("You owe this condition; somebody else accepts its evidence.")
    if not note.strip():
        raise Invalid("Say what was seen.", fields={"note": ["Needed."]})
    condition.met_on, condition.met_note, condition.met_by = timezone.localdate(), note.strip(), actor.person
    condition.save(update_fields=["met_on", "met_note", "met_by"])
    resume_if_settled(condition.approval, actor=actor)
    return condition


@audited("approval.review", "reviewed the {subject}")
def review_emergency(approval: Approval, *, note: str, actor: Account) -> Approval:
    """After an emergency use was opened: somebody who took no part writes down what he found."""
    permit(actor, "approval.review", approval)
    approval = _held(approval)
    shut = signoff.Reading(approval.request).parties()
    shut |= {str(vote.person_id): "signed for it" for vote in approval.request.votes.all()}
    if closed := policies.may_review(approval, str(actor.person_id), shut):
        raise Refused(closed)
    if not note.strip():
        raise Invalid("Say what the review found.", fields={"note": ["Needed."]})
    approval.reviewed_at, approval.reviewed_by, approval.review = timezone.now(), actor.person, note.strip()
    approval.save(update_fields=["reviewed_at", "reviewed_by", "review"])
    resume_if_settled(approval, actor=actor)
    return approval


def watch(*, actor: Actor = CLOCK) -> int:
    """Mark what time has done: approvals that ended, and those that a condition or a missing review suspends."""
    done = 0
    for approval in Approval.objects.filter(status__in=STANDING).select_related(
        "version__model__unit", "request__policy"
    ):
        found = queries.verdict_at_use(approval)
        if found.state == "expired":
            expire(approval, actor=actor, reason=found.reason)
        elif found.state == "suspended" and approval.status == ApprovalState.VALID:
            suspend(approval, actor=actor, reason=found.reason)
        else:
            continue
        done += 1
    return done


@audited("approval.suspend", "suspended the {subject}: what runs on it must be withdrawn")
def suspend(approval: Approval, *, actor: Actor, reason: str) -> Approval:
    """Something that is owed was not done in time; use is refused until it is."""
    permit(actor, "approval.suspend", approval)
    approval = _held(approval)
    FLOW.move(approval, "suspend", actor)
    approval.suspended_at, approval.suspended_because = timezone.now(), reason
    approval.save(update_fields=["status", "suspended_at", "suspended_because"])
    return approval


@audited("approval.expire", "let the {subject} expire")
def expire(approval: Approval, *, actor: Actor, reason: str) -> Approval:
    """The time that was signed for is over."""
    permit(actor, "approval.expire", approval)
    approval = _held(approval)
    end(approval, "expire", reason, actor)
    if approval.kind == ApprovalKind.FULL and approval.version.status in {VersionState.APPROVED, VersionState.ACTIVE}:
        inventory_services.advance_version(approval.version, "lose_approval", actor=actor)
    return approval


@audited("approval.resume", "put the {subject} in force again")
def resume(approval: Approval, *, actor: Actor) -> Approval:
    """What was owed is done; the approval holds for the rest of its time."""
    approval = _held(approval)
    FLOW.move(approval, "resume", actor)
    approval.suspended_at, approval.suspended_because = None, ""
    approval.save(update_fields=["status", "suspended_at", "suspended_because"])
    return approval


def resume_if_settled(approval: Approval, *, actor: Actor) -> None:
    """Inside the action that did what was owed: resume when nothing else suspends the approval."""
    approval = _held(approval)
    if approval.status == ApprovalState.SUSPENDED and queries.verdict_at_use(approval).state == "approved":
        resume(approval, actor=actor)


def _held(approval: Approval) -> Approval:
    found: Approval = (
        Approval.objects.select_for_update(of=("self",))
        .select_related("version__model__unit", "request__policy")
        .get(pk=approval.pk)
    )
    return found


def end(approval: Approval, move: str, reason: str, actor: Actor) -> None:
    """End it for good, inside the action that says why."""
    FLOW.move(approval, move, actor)
    approval.ended_at, approval.ended_reason = timezone.now(), reason
    approval.save(update_fields=["status", "ended_at", "ended_reason"])
