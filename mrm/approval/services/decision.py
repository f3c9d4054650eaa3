import datetime as dt
from collections.abc import Mapping, Sequence

from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.approval import policies, queries
from mrm.approval.models import Approval, ApprovalKind, Condition
from mrm.approval.services.ending import end
from mrm.approval.workflow import STANDING
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import services as inventory_services
from mrm.inventory.models import Version
from mrm.inventory.workflow import Lifecycle, VersionState
from mrm.signoff import services as signoff
from mrm.signoff.models import Decision, Request
from mrm.signoff.policies import holds_for

ACTION = "approve_for_production"
ASKED = {
    ApprovalKind.FULL: ("version_use", ACTION),
    ApprovalKind.INTERIM: ("version_interim", "approve_interim_use"),
    ApprovalKind.EMERGENCY: ("version_emergency", "use_in_emergency"),
}


@audited("approval.submit", "submitted {subject}")
def submit(
    version: Version,
    *,
    actor: Account,
    note: str = "",
    kind: str = ApprovalKind.FULL,
    environments: Sequence[str] = queries.USUAL,
) -> Request:
    """Put the use of a version before the signers of its tier's policy: validated, or approved and to be renewed.

    `environments` are those it is to be used in, by key or by kind; the signers sign for these and no others.
    Interim and emergency use are for a version that nothing allows yet.
    """
    permit(actor, "approval.submit", version)
    version = _locked(version)
    subject, action = ASKED[ApprovalKind(kind)]
    if kind != ApprovalKind.FULL:
        _check_urgent(version, note)
    elif version.status not in queries.SIGNABLE:
        raise Refused(
            f"{version} is {version.get_status_display().lower()}; only a validated version is put before the signers."
        )
    if refusal := policies.known_environments(environments, queries.environments_offered()):
        raise Invalid(refusal, fields={"environments": [refusal]})
    terms = queries.terms_of(environments)
    describe(environments=", ".join(terms["environments"].values()))
    return signoff.submit(subject, version, action=action, actor=actor, note=note, terms=terms)


def _check_urgent(version: Version, note: str) -> None:
    if version.artifact_id is None:
        raise Refused(f"{version} has no artifact; attach the bytes that are to be used.")
    if not note.strip():
        raise Invalid("Say what makes it urgent; it goes into the record.", fields={"note": ["Needed."]})
    if queries.standing_approval(version):
        raise Refused(f"{version} has an approval; ask for its renewal, or withdraw it first.")


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
def grant(
    version: Version,
    *,
    request: Request,
    conditions: tuple[Mapping[str, str], ...],
    actor: Actor,
    kind: str = ApprovalKind.FULL,
) -> Approval:
    """Turn the signed decision into permission, bound to the artifact's bytes and ending by itself."""
    assert version.artifact_id
    now = timezone.now()
    expires = now + dt.timedelta(seconds=holds_for(request.policy.content))
    until = timezone.localdate(expires)
    for former in Approval.objects.filter(version=version, status__in=STANDING):
        end(former, "replace", "A newer decision took its place.", actor)
    approval = Approval.objects.create(
        version=version,
        request=request,
        kind=kind,
        artifact_sha256=version.artifact_id,
        environments=sorted(request.terms.get("environments", {})),
        granted_at=now,
        valid_until=until,
        expires_at=expires,
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
    if kind == ApprovalKind.FULL:
        _carry(version, actor)
    describe(
        until=until.isoformat(), artifact=version.artifact_id, conditions=len(conditions), kind=str(kind),
        environments=approval.approved_for,
    )  # fmt: skip
    return approval


def _carry(version: Version, actor: Actor) -> None:
    """A full approval moves version and model on; interim and emergency use leave them where their work stands."""
    if version.status == VersionState.VALIDATED:
        inventory_services.advance_version(version, "be_approved", actor=actor)
    if version.model.lifecycle in {Lifecycle.VALIDATION, Lifecycle.DEVELOPMENT, Lifecycle.SUSPENDED}:
        inventory_services.advance_model(version.model, "approve_use", actor=actor)


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
    end(approval, "withdraw", reason, actor)
    if approval.kind == ApprovalKind.FULL:
        inventory_services.advance_version(approval.version, "lose_approval", actor=actor)
    return approval
