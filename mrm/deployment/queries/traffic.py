"""What serves behind an endpoint, variant by variant."""

from collections.abc import Iterable, Sequence

from django.db.models import Prefetch

from mrm.approval.models import Approval
from mrm.core.actors import Actor
from mrm.deployment import policies
from mrm.deployment.models import LIVE, Deployment, Revision, Variant, VariantRole
from mrm.deployment.policies import Share
from mrm.deployment.queries.deployments import current
from mrm.deployment.queries.environments import freezing_incident
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Version

# as a revision is read whenever somebody asks what serves
VARIANTS = Prefetch(
    "variants", Variant.objects.select_related("version__model__unit", "version__artifact", "approval__request")
)

# as a look compares it: what is not compared is read by whoever finds a difference
SERVED = Prefetch("variants", Variant.objects.select_related("version__model", "version__artifact"))


def shares_of(revision: Revision) -> list[Share]:
    """What a revision wants, as a plan."""
    return [Share(each.version, each.role, each.weight_bp, each.mirror_bp) for each in revision.variants.all()]


def in_words(shares: Sequence[Share]) -> str:
    """A plan in one line; one version that takes everything is just that."""
    if len(shares) == 1:
        return str(shares[0].version)
    return ", ".join(_words(each) for each in shares)


def _words(share: Share) -> str:
    part = {VariantRole.SHADOW: f" with copies of {share.mirror_bp / 100:g} %", VariantRole.FALLBACK: ""}
    return f"{share.version} as {share.role}{part.get(VariantRole(share.role), f' with {share.weight_bp / 100:g} %')}"


def why_not_by(actor: Actor, version: Version, granted: Approval) -> str | None:
    """Why this person does not deploy the version: he signed for it, or made it."""
    person = actor.identity.person
    signers = [str(vote.person_id) for vote in granted.request.votes.all()]
    return policies.not_a_signer(person, signers) or policies.not_a_maker(person, [str(version.developer_id)])


def why_no_advance(deployment: Deployment) -> str | None:
    """Why the canary at this endpoint does not go on now, or None."""
    in_force = current(deployment)
    if refusal := policies.no_next_step(in_force.steps if in_force else [], in_force.step if in_force else None):
        return refusal
    waiting = deployment.revisions.filter(status__in=[RevisionState.PENDING, RevisionState.AWAITING])
    return policies.halted(waiting.values_list("number", flat=True).first(), freezing_incident(deployment))


def answering(revisions: Iterable[Revision]) -> set[str]:
    """The keys of the versions that answer somebody in these revisions; a shadow answers nobody."""
    roles = [*LIVE, VariantRole.FALLBACK]
    found = Variant.objects.filter(revision__in=list(revisions), role__in=roles)
    return {str(key) for key in found.values_list("version_id", flat=True)}
