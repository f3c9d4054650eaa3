import datetime as dt
from collections.abc import Mapping

from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.approval import policies, queries
from mrm.approval.models import Approval, Condition
from mrm.approval.workflow import FLOW, ApprovalState
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import services as inventory_services
from mrm.inventory.models import Version
from mrm.inventory.workflow import Lifecycle, VersionState
from mrm.signoff import services as signoff
from mrm.signoff.models import Decision, Request

ACTION = "approve_for_production"


@audited("approval.submit", "submitted {subject}")
def submit(version: Version, *, actor: Account, note: str = "") -> Request:
    """Put the use of a version before the signers of its tier's policy: validated, or approved and to be renewed."""
    permit(actor, "approval.submit", version)
    version = _locked(version)
    if version.status not in queries.SIGNABLE:
        raise Refused(
            f"{version} is {version.get_status_display().lower()}; only a validated version is put before the signers."
        )
    return signoff.submit("version_use", version, action=ACTION, actor=actor, note=note)


@audited("approval.reopen", "reopened {subject} for work")
def reopen(version: Version, *, actor: Account, reason: str) -> Version:
    """Give a version that the signers returned back to its makers: a draft again, to be validated anew."""
    permit(actor, "approval.reopen", version)
    if not reason.strip():
        raise Invalid("Say what will be worked on.", fields={"reason": ["Needed."]})
    version = _locked(version)
    asked, evidence = queries.last_request(version), queries.evidence_of([version])[version.pk]
    if closed := policies.may_reopen(version, asked, evidence.concluded):
        raise Refused(closed)
    assert asked
    inventory_services.advance_version(version, "reopen", actor=actor)
    if version.model.lifecycle == Lifecycle.VALIDATION:
        inventory_services.advance_model(version.model, "back_to_development", actor=actor)
    describe(returned=asked.ref)
    return version


def _locked(version: Version) -> Version:
    """The version as it is now, held: it is either before the signers or with its makers, never both."""
    return queries.subject_versions().select_for_update(of=("self",)).get(pk=version.pk)


@audited("approval.grant", "put in force the {subject}, until {until}")
def grant(version: Version, *, request: Request, conditions: tuple[Mapping[str, str], ...], actor: Actor) -> Approval:
    """Turn the signed decision into permission, bound to the artifact's bytes."""
    assert version.artifact_id
    until = timezone.localdate() + dt.timedelta(days=int(request.policy.content["valid_days"]))
    for former in Approval.objects.filter(version=version, status=ApprovalState.VALID):
        _end(former, "replace", "A newer decision took its place.", actor)
    approval = Approval.objects.create(
        version=version, request=request, artifact_sha256=version.artifact_id, valid_until=until
    )
    for condition in conditions:
        Condition.objects.create(
            approval=approval,
            text=condition["text"],
            gate=condition.get("gate", ""),
            owner=Person.objects.get(email__iexact=condition["owner"].strip()),
            due=dt.date.fromisoformat(condition["due"]),
            evidence=condition["evidence"],
            asked_by=_asked_by(request, condition),
        )
    if version.status == VersionState.VALIDATED:
        inventory_services.advance_version(version, "be_approved", actor=actor)
    if version.model.lifecycle in {Lifecycle.VALIDATION, Lifecycle.DEVELOPMENT, Lifecycle.SUSPENDED}:
        inventory_services.advance_model(version.model, "approve_use", actor=actor)
    describe(until=until.isoformat(), artifact=version.artifact_id, conditions=len(conditions))
    return approval


def _asked_by(request: Request, condition: Mapping[str, str]) -> str:
    """The names of the signers whose votes hold the condition."""
    votes = request.votes.filter(decision=Decision.CONDITIONS)
    return ", ".join(vote.printed_name for vote in votes if condition in vote.conditions)[:200]


@audited("approval.withdraw", "withdrew the {subject}")
def withdraw(approval: Approval, *, actor: Account, reason: str) -> Approval:
    """End the permission at once; what runs on it must be taken out."""
    permit(actor, "approval.withdraw", approval)
    if not reason.strip():
        raise Invalid("A withdrawal needs its reason.", fields={"reason": ["Needed."]})
    approval = (
        Approval.objects.select_for_update(of=("self",)).select_related("version__model__unit").get(pk=approval.pk)
    )
    _end(approval, "withdraw", reason, actor)
    inventory_services.advance_version(approval.version, "lose_approval", actor=actor)
    return approval


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
    return condition


def _end(approval: Approval, move: str, reason: str, actor: Actor) -> None:
    if reasons := FLOW.closed(approval, move, actor):
        raise Refused(*reasons)
    approval.status = FLOW.moves[move].target
    approval.ended_at, approval.ended_reason = timezone.now(), reason
    approval.save(update_fields=["status", "ended_at", "ended_reason"])
