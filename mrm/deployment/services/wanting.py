"""How a wish becomes a revision: the gate over every version in it, its number, and who signs for it or applies it."""

import secrets
from collections.abc import Sequence
from typing import Any

from mrm.access.models import Account
from mrm.approval import queries as approval
from mrm.approval.models import Approval
from mrm.audit.trail import describe
from mrm.core.actors import Actor
from mrm.core.refusal import Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import LIVE, Deployment, Revision, RevisionKind, Sync, Variant, VariantRole
from mrm.deployment.policies import Share
from mrm.deployment.services.target import offered_by
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.inventory.models import Version
from mrm.jobs import services as jobs
from mrm.serving import Serving
from mrm.signoff import services as signoff

UNIT = "unit"  # the field of a request that names the customer or account, unless the plan names another


def want(deployment: Deployment, shares: Sequence[Share], actor: Account, **content: Any) -> Revision:
    """A revision of these versions in these roles, each of which may be used and deployed by this person now."""
    deployment = locked(deployment)
    steps, step = content.get("steps", ()), content.get("step", 1)
    if refusal := policies.not_whole(shares) or policies.steps_wrong(shares, steps, step):
        raise Refused(refusal)
    describe(version=queries.in_words(shares), target=deployment.target.name)
    rules = content.pop("rules", None) or queries.rules_wanted(deployment)
    rules = queries.placed(rules)
    check_rules(deployment, rules, shares, emergency=content.get("emergency", False))
    content["rules"] = queries.rules_told(rules)
    variants = [
        Variant(
            role=each.role, version=each.version, approval=_approved(deployment, each),
            artifact_sha256=each.version.artifact_id, weight_bp=each.weight_bp, mirror_bp=each.mirror_bp,
        )
        for each in shares
    ]  # fmt: skip
    if content["kind"] != RevisionKind.FAILOVER:
        check_people(variants, actor)
    if not content.get("emergency"):
        _check_moment(deployment, actor, content["kind"])
    if len(shares) > 1:
        content = {"salt": secrets.token_hex(16), "unit_field": UNIT, **content}
    champion = next(each for each in variants if each.role == VariantRole.CHAMPION)
    content |= {"version": champion.version, "approval": champion.approval, "artifact_sha256": champion.artifact_sha256}
    return ask(deployment, actor, variants=variants, **content)


def locked(deployment: Deployment) -> Deployment:
    """The deployment, held until the transaction ends."""
    return (
        Deployment.objects.select_for_update(of=("self",))
        .select_related("model__unit", "target__environment")
        .get(pk=deployment.pk)
    )


def check_rules(deployment: Deployment, rules: Serving, shares: Sequence[Share], *, emergency: bool = False) -> None:
    """The rules fit what serves by them and its place, and say no less than the environment asks; of what goes back in
    an emergency that is not asked."""
    target, environment = deployment.target, deployment.target.environment
    refusal = policies.backup_missing(rules, shares)
    if not refusal and not emergency:
        refusal = policies.less_than_asked(environment.name, rules, queries.least_of(environment))
    for each in shares:
        if each.role in LIVE:
            refusal = refusal or policies.not_of_model(rules, each.version.label, each.version.features)
        elif not refusal and not emergency and each.role == VariantRole.FALLBACK:
            refusal = queries.why_not_elsewhere(deployment, rules, each.version.label, each.version.artifact_id or "")
    if not refusal and rules != Serving():
        refusal = policies.rules_cannot(target.name, target.connector, rules, offered_by(target))
    if refusal:
        raise Refused(refusal)


def _approved(deployment: Deployment, share: Share) -> Approval:
    version: Version = share.version
    if version.model_id != deployment.model_id:
        raise Refused(f"{version} is another model's; this endpoint serves {deployment.model}.")
    if refusal := queries.why_not_served(deployment, version, version.artifact_id or "", share.role):
        raise Refused(f"{version} may not be deployed. {refusal}")
    granted = approval.valid_approval(version)
    assert granted is not None
    return granted


def check_people(variants: Sequence[Variant], actor: Account) -> None:
    """Nobody deploys what he signed for or made, in whichever role it serves."""
    for each in variants:
        if refusal := queries.why_not_by(actor, each.version, each.approval):
            raise Refused(refusal)


def _check_moment(deployment: Deployment, actor: Account, kind: str) -> None:
    refusal = queries.why_closed(deployment) or queries.why_not_named(deployment, actor)
    if not refusal and kind == RevisionKind.DEPLOY:
        refusal = policies.under_experiment(queries.running_experiment(deployment))
    if refusal:
        raise Refused(refusal)


def ask(deployment: Deployment, actor: Account, variants: Sequence[Variant] = (), **content: Any) -> Revision:
    """Number the revision, set aside one still waiting, and have it signed for where the policy asks, or applied."""
    last = deployment.revisions.first()
    _set_aside(deployment, actor)
    at_once = content["kind"] == RevisionKind.STOP or content.get("emergency", False)
    at_once = at_once or queries.signed_with_its_canary(content.get("canary"))
    signed = not at_once and queries.release_policy(deployment.model) is not None
    revision = Revision.objects.create(
        deployment=deployment,
        number=(last.number if last else 0) + 1,
        requested_by=actor,
        status=RevisionState.AWAITING if signed else RevisionState.PENDING,
        variant_count=len(variants),
        **content,
    )
    for each in variants:
        each.revision = revision
        each.save(force_insert=True)
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
