from mrm.access.models import Account
from mrm.approval import queries as approval
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Revision, RevisionKind, Sync, Target
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
    return Deployment.objects.create(model=model, target=target, endpoint=endpoint)


@audited("deployment.deploy", "asked to deploy {version} to {target}")
def deploy(deployment: Deployment, *, version: Version, actor: Account, reason: str = "") -> Revision:
    """Want a version at a place. It is refused here, and again just before the push, unless it is approved."""
    permit(actor, "deployment.deploy", deployment)
    return _want(deployment, version, RevisionKind.DEPLOY, actor, reason)


@audited("deployment.roll_back", "asked to roll back {target} to {version}")
def roll_back(deployment: Deployment, *, number: int, actor: Account, reason: str) -> Revision:
    """Want again what ran here before; it must still be approved."""
    permit(actor, "deployment.roll_back", deployment)
    if not reason.strip():
        raise Invalid("A rollback needs its reason.", fields={"reason": ["Needed."]})
    if refusal := policies.applied_before(queries.verified_numbers(deployment), number):
        raise Refused(refusal)
    former = deployment.revisions.select_related("version__model__unit").get(number=number)
    assert former.version is not None
    return _want(deployment, former.version, RevisionKind.ROLLBACK, actor, reason, restores=number)


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
        Deployment.objects.select_for_update(of=("self",)).select_related("model__unit", "target").get(pk=deployment.pk)
    )


def _want(
    deployment: Deployment, version: Version, kind: str, actor: Account, reason: str, restores: int | None = None
) -> Revision:
    deployment = _locked(deployment)
    if version.model_id != deployment.model_id:
        raise Refused(f"{version} is another model's; this endpoint serves {deployment.model}.")
    describe(version=str(version), target=deployment.target.name)
    sha256 = version.artifact_id or ""
    if refusal := approval.why_not_usable(version, sha256):
        raise Refused(f"{version} may not be deployed. {refusal}")
    granted = approval.valid_approval(version)
    assert granted is not None
    signers = [str(vote.person_id) for vote in granted.request.votes.all()]
    if refusal := policies.not_a_signer(actor.identity.person, signers):
        raise Refused(refusal)
    return _ask(
        deployment,
        actor,
        kind=kind,
        version=version,
        approval=granted,
        artifact_sha256=sha256,
        reason=reason,
        restores=restores,
    )


def _ask(deployment: Deployment, actor: Account, **content: object) -> Revision:
    """Number the revision, set aside one still waiting, and have it signed for where the policy asks, or applied."""
    last = deployment.revisions.first()
    _set_aside(deployment, actor)
    signed = content["kind"] != RevisionKind.STOP and queries.release_policy(deployment.model) is not None
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
