"""What people want of a deployment: each a revision, brought about by a worker."""

from collections.abc import Sequence
from typing import Any

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Look, Revision, RevisionKind, Target
from mrm.deployment.policies import Drift, Kind, Share
from mrm.deployment.services.incidents import CLOCK, open_incident
from mrm.deployment.services.target import offered_by, only_lists
from mrm.deployment.services.wanting import UNIT, want
from mrm.inventory.models import Model, Version
from mrm.jobs import services as jobs
from mrm.serving import Serving


@audited("deployment.create", "opened the endpoint {endpoint} for {model}")
def create(model: Model, *, target: Target, endpoint: str, actor: Account) -> Deployment:
    """Name the endpoint at which a model is to be served."""
    permit(actor, "deployment.create", model)
    if only_lists(target):
        raise Invalid(f"{target} lists what it holds; nothing is served there.", fields={"target": ["Choose another."]})
    if Deployment.objects.filter(target=target, endpoint=endpoint).exists():
        raise Invalid(f"{target} has an endpoint {endpoint} already.", fields={"endpoint": ["Taken."]})
    describe(endpoint=endpoint, model=model.name)
    made = Deployment.objects.create(model=model, target=target, endpoint=endpoint)
    Look.objects.create(deployment=made)
    return made


@audited("deployment.deploy", "asked to deploy {version} to {target}")
def deploy(
    deployment: Deployment,
    *,
    version: Version,
    actor: Account,
    reason: str = "",
    planned_on: str = "",
    rules: Serving | None = None,
) -> Revision:
    """Want a version at a place. It is refused here, and again just before the push, unless it is approved.

    `planned_on` is the fingerprint of what a plan was made for: what changed since then is not written over.
    It serves by the rules in force where no others are given.
    """
    permit(actor, "deployment.deploy", deployment)
    shares = policies.whole(version)
    return want(deployment, shares, actor, kind=RevisionKind.DEPLOY, rules=rules, reason=reason, planned_on=planned_on)


@audited("deployment.change_traffic", "asked for {version} at {target}")
def change_traffic(
    deployment: Deployment,
    *,
    shares: Sequence[Share],
    actor: Account,
    reason: str = "",
    planned_on: str = "",
    steps: Sequence[int] = (),
    unit_field: str = UNIT,
    rules: Serving | None = None,
) -> Revision:
    """Want several versions behind one endpoint, each in its role and every one of them approved.

    `unit_field` names the customer or account by which a caller is assigned, the same each time. `steps` are the shares, in basis points, by which a canary is to go on; the first is that of this plan.
    """
    permit(actor, "deployment.change_traffic", deployment)
    check_offered(deployment, shares)
    content: dict[str, Any] = {"rules": rules, **({"steps": list(steps), "step": 1} if steps else {})}
    if len(shares) > 1:
        content["unit_field"] = unit_field or UNIT
    return want(deployment, shares, actor, kind=RevisionKind.DEPLOY, reason=reason, planned_on=planned_on, **content)


def check_offered(deployment: Deployment, shares: Sequence[Share]) -> None:
    """The place can do what the plan asks of it; one version that takes everything is served anywhere."""
    if len(shares) == 1:
        return
    target = deployment.target
    if refusal := policies.not_whole(shares):
        raise Refused(refusal)
    if refusal := policies.place_cannot(target.name, target.connector, offered_by(target), shares):
        raise Refused(refusal)


@audited("deployment.advance", "moved a canary on to {version} at {target}")
def advance(deployment: Deployment, *, actor: Account) -> Revision:
    """The next step of the canary that is under way, as it was registered and signed for with the first."""
    permit(actor, "deployment.advance", deployment)
    if refusal := queries.why_no_advance(deployment):
        raise Refused(refusal)
    current = queries.current(deployment)
    assert current is not None
    assert current.step is not None
    shares = policies.at_step(queries.shares_of(current), current.steps[current.step])
    return want(
        deployment, shares, actor, kind=RevisionKind.DEPLOY, steps=current.steps, step=current.step + 1,
        canary=current.canary or current, salt=current.salt, unit_field=current.unit_field, rules=queries.rules_of(current),
        reason=f"Step {current.step + 1} of {len(current.steps)}.",
    )  # fmt: skip


@audited("deployment.roll_back", "asked to roll back {target} to {version}")
def roll_back(deployment: Deployment, *, number: int, actor: Account, reason: str, emergency: bool = False) -> Revision:
    """Want again the whole of what ran here before; each version must still be approved.

    In an emergency neither signatures nor a freeze hold it up, and somebody else reviews it afterwards; who made or
    signed for a version does not bring it back even then.
    """
    permit(actor, "deployment.roll_back", deployment)
    if not reason.strip():
        raise Invalid("A rollback needs its reason.", fields={"reason": ["Needed."]})
    return _go_back(deployment, number, actor, actor, reason, RevisionKind.ROLLBACK, emergency)


@audited("deployment.fail_over", "went back to {version} at {target}: {because}")
def _fail_over(deployment: Deployment, *, number: int, because: str, asked_by: Account, actor: Actor) -> Revision:
    reason = f"Fail-over: {because}"
    revision = _go_back(deployment, number, asked_by, actor, reason, RevisionKind.FAILOVER, emergency=True)
    describe(because=because)
    return revision


def fail_over(deployment: Deployment, *, because: Drift) -> Revision | None:
    """Go back to what ran before, where that may still run: once for a revision, and the way forward is a person's."""
    current = queries.current(deployment)
    if current is None or current.kind != RevisionKind.DEPLOY or queries.went_back_from(current):
        return None
    former = next((each for each in queries.earlier(deployment, current, because.version) if _usable(each)), None)
    if former is None:
        return None
    return _fail_over(
        deployment, number=former.number, because=because.sentence, asked_by=current.requested_by, actor=CLOCK
    )


def _usable(revision: Revision) -> bool:
    place = revision.deployment
    return not any(
        queries.why_not_served(place, each.version, each.artifact_sha256, each.role) for each in revision.variants.all()
    )


def _go_back(
    deployment: Deployment, number: int, asked_by: Account, actor: Actor, reason: str, kind: str, emergency: bool
) -> Revision:
    if refusal := policies.applied_before(queries.verified_numbers(deployment), number):
        raise Refused(refusal)
    former = deployment.revisions.prefetch_related("variants__version__model__unit").get(number=number)
    shares = queries.shares_of(former)
    revision = want(
        deployment, shares, asked_by, kind=kind, reason=reason, restores=number, emergency=emergency, salt=former.salt,
        unit_field=former.unit_field, rules=queries.rules_of(former),
    )  # fmt: skip
    if emergency:
        text = f"Revision {revision.number} went back to {queries.in_words(shares)} at once. {reason}"
        open_incident(deployment, Drift(Kind.EMERGENCY, text), seen=deployment.observed, revision=revision, actor=actor)
    return revision


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
