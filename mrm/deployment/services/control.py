"""What people want of a deployment: each a revision, brought about by a worker."""

from typing import Any

from mrm.access.models import Account
from mrm.approval import queries as approval
from mrm.approval.models import Approval
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Look, Revision, RevisionKind, Sync, Target
from mrm.deployment.policies import Drift, Kind
from mrm.deployment.services.incidents import CLOCK, open_incident
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.inventory.models import Model, Version
from mrm.jobs import services as jobs
from mrm.signoff import services as signoff


@audited("deployment.create", "opened the endpoint {endpoint} for {model}")
def create(model: Model, *, target: Target, endpoint: str, actor: Account) -> Deployment:
    """Name the endpoint at which a model is to be served."""
    permit(actor, "deployment.create", model)
    if Deployment.objects.filter(target=target, endpoint=endpoint).exists():
        raise Invalid(f"{target} has an endpoint {endpoint} already.", fields={"endpoint": ["Taken."]})
    describe(endpoint=endpoint, model=model.name)
    made = Deployment.objects.create(model=model, target=target, endpoint=endpoint)
    Look.objects.create(deployment=made)
    return made


@audited("deployment.deploy", "asked to deploy {version} to {target}")
def deploy(
    deployment: Deployment, *, version: Version, actor: Account, reason: str = "", planned_on: str = ""
) -> Revision:
    """Want a version at a place. It is refused here, and again just before the push, unless it is approved.

    `planned_on` is the fingerprint of what a plan was made for: what changed since then is not written over.
    """
    permit(actor, "deployment.deploy", deployment)
    return _want(deployment, version, actor, kind=RevisionKind.DEPLOY, reason=reason, planned_on=planned_on)


@audited("deployment.roll_back", "asked to roll back {target} to {version}")
def roll_back(deployment: Deployment, *, number: int, actor: Account, reason: str, emergency: bool = False) -> Revision:
    """Want again what ran here before; it must still be approved.

    In an emergency neither signatures nor a freeze hold it up, and somebody else reviews it afterwards.
    """
    permit(actor, "deployment.roll_back", deployment)
    if not reason.strip():
        raise Invalid("A rollback needs its reason.", fields={"reason": ["Needed."]})
    return _go_back(deployment, number, actor, actor, reason, emergency)


@audited("deployment.fail_over", "went back to {version} at {target}: {because}")
def _fail_over(deployment: Deployment, *, number: int, because: str, asked_by: Account, actor: Actor) -> Revision:
    reason = f"Fail-over: {because}"
    revision = _go_back(deployment, number, asked_by, actor, reason, emergency=True)
    describe(because=because)
    return revision


def fail_over(deployment: Deployment, *, because: Drift) -> Revision | None:
    """Go back to what ran before, where that may still run: once for a revision, and the way forward is a person's."""
    current = queries.current(deployment)
    if current is None or current.kind != RevisionKind.DEPLOY or queries.went_back_from(current):
        return None
    former = next((each for each in queries.earlier(deployment, current) if _usable(each)), None)
    if former is None:
        return None
    return _fail_over(
        deployment, number=former.number, because=because.sentence, asked_by=current.requested_by, actor=CLOCK
    )


def _usable(revision: Revision) -> bool:
    assert revision.version is not None
    return approval.why_not_usable(revision.version, revision.artifact_sha256) is None


def _go_back(
    deployment: Deployment, number: int, asked_by: Account, actor: Actor, reason: str, emergency: bool
) -> Revision:
    if refusal := policies.applied_before(queries.verified_numbers(deployment), number):
        raise Refused(refusal)
    former = deployment.revisions.select_related("version__model__unit").get(number=number)
    assert former.version is not None
    revision = _want(
        deployment, former.version, asked_by, kind=RevisionKind.ROLLBACK, reason=reason, restores=number,
        emergency=emergency,
    )  # fmt: skip
    if emergency:
        text = f"Revision {revision.number} went back to version {former.version.label} at once. {reason}"
        open_incident(deployment, Drift(Kind.EMERGENCY, text), seen=deployment.observed, revision=revision, actor=actor)
    return revision


@audited("deployment.stop", "asked to take {model} out of {target}")
def stop(deployment: Deployment, *, actor: Account, reason: str) -> Revision:
    """Want nothing at the endpoint any more."""
    permit(actor, "deployment.stop", deployment)
    if not reason.strip():
        raise Invalid("Taking a model out needs its reason.", fields={"reason": ["Needed."]})
    deployment = _locked(deployment)
    describe(model=deployment.model.name, target=deployment.target.name)
    return _ask(deployment, actor, kind=RevisionKind.STOP, reason=reason)


@audited("deployment.refresh", "asked what runs at {subject}")
def refresh(deployment: Deployment, *, actor: Account) -> Deployment:
    """Look again at what the place serves, and compare."""
    permit(actor, "deployment.refresh", deployment)
    jobs.request(
        "deployment.observe",
        label=f"Look at {deployment}",
        subject=deployment,
        actor=actor,
        deployment=str(deployment.pk),
    )
    return deployment


def _locked(deployment: Deployment) -> Deployment:
    return (
        Deployment.objects.select_for_update(of=("self",))
        .select_related("model__unit", "target__environment")
        .get(pk=deployment.pk)
    )


def _want(deployment: Deployment, version: Version, actor: Account, **content: Any) -> Revision:
    deployment = _locked(deployment)
    if version.model_id != deployment.model_id:
        raise Refused(f"{version} is another model's; this endpoint serves {deployment.model}.")
    describe(version=str(version), target=deployment.target.name)
    sha256 = version.artifact_id or ""
    if refusal := approval.why_not_usable(version, sha256):
        raise Refused(f"{version} may not be deployed. {refusal}")
    granted = approval.valid_approval(version)
    assert granted is not None
    if not content.get("emergency"):
        _check_moment_and_person(deployment, version, granted, actor)
    return _ask(deployment, actor, version=version, approval=granted, artifact_sha256=sha256, **content)


def _check_moment_and_person(deployment: Deployment, version: Version, granted: Approval, actor: Account) -> None:
    signers = [str(vote.person_id) for vote in granted.request.votes.all()]
    refusal = (
        policies.not_a_signer(actor.identity.person, signers)
        or policies.not_a_maker(actor.identity.person, [str(version.developer_id)])
        or queries.why_closed(deployment)
        or queries.why_not_named(deployment, actor)
    )
    if refusal:
        raise Refused(refusal)


def _ask(deployment: Deployment, actor: Account, **content: Any) -> Revision:
    """Number the revision, set aside one still waiting, and have it signed for where the policy asks, or applied."""
    last = deployment.revisions.first()
    _set_aside(deployment, actor)
    at_once = content["kind"] == RevisionKind.STOP or content.get("emergency", False)
    signed = not at_once and queries.release_policy(deployment.model) is not None
    revision = Revision.objects.create(
        deployment=deployment,
        number=(last.number if last else 0) + 1,
        requested_by=actor,
        status=RevisionState.AWAITING if signed else RevisionState.PENDING,
        **content,
    )
    if signed:
        signoff.submit(queries.RELEASE, revision, action=queries.RELEASE_ACTION, actor=actor, note=revision.reason)
    else:
        apply_soon(revision, actor)
    return revision


def _set_aside(deployment: Deployment, actor: Account) -> None:
    """What is newly wanted takes the place of what still waits, for a worker or for signatures."""
    for waiting in deployment.revisions.filter(status__in=[RevisionState.PENDING, RevisionState.AWAITING]):
        asked = queries.release_request(waiting)
        if waiting.status == RevisionState.AWAITING and asked:
            signoff.lapse(asked, why=f"something newer is wanted at {deployment}", actor=actor)
        waiting.status = FLOW.moves["supersede"].target
        waiting.save(update_fields=["status"])
        jobs.abandon(waiting)


def apply_soon(revision: Revision, actor: Actor) -> None:
    """Ask a worker to bring the revision about."""
    deployment = revision.deployment
    deployment.sync = Sync.APPLYING
    deployment.save(update_fields=["sync"])
    jobs.request(
        "deployment.reconcile",
        label=f"Apply {revision}",
        subject=revision,
        actor=actor,
        most_attempts=5,
        revision=str(revision.pk),
    )
