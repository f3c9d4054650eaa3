"""What of a deployment others sign for, and whether they did."""

from collections.abc import Sequence

from mrm.deployment.models import Revision, RevisionKind
from mrm.deployment.queries.traffic import VARIANTS
from mrm.inventory.models import Model
from mrm.signoff import queries as signoff
from mrm.signoff.models import Policy, Request, RequestState

RELEASE, RELEASE_ACTION = "release", "deploy"


def release_policy(model: Model) -> Policy | None:
    """The policy by which others sign before a version of the model goes to a serving place, when its tier asks so."""
    return signoff.policy_covering(RELEASE_ACTION, model.tier)


def release_request(revision: Revision) -> Request | None:
    """The request that asks for the signatures on a revision."""
    return Request.objects.filter(subject_kind=RELEASE, subject_key=str(revision.pk)).select_related("policy").first()


def signed_with_its_canary(revision: Revision | None) -> bool:
    """Whether the first step of a canary was signed for, and with it all steps that it registered."""
    asked = release_request(revision) if revision else None
    return asked is not None and asked.status == RequestState.APPROVED


def why_not_released(revision: Revision) -> str | None:
    """Why the revision may not be applied now as far as its own signatures go, or None."""
    asked = release_request(revision) or (release_request(revision.canary) if revision.canary else None)
    if asked is None:
        if (
            revision.emergency
            or release_policy(revision.deployment.model) is None
            or revision.kind == RevisionKind.STOP
        ):
            return None
        return "Its tier asks for signatures on a deployment, and nobody signed for this one."
    found = signoff.verdict_at_use(asked)
    if asked.status == RequestState.APPROVED and found.state == "approved":
        return None
    return f"The signatures on {asked.ref} do not carry it. {' '.join(found.ignored)} {found.reason}".strip()


def releases(keys: Sequence[str]) -> dict[str, Revision]:
    """Revisions with what is laid before those who sign for them."""
    found = Revision.objects.filter(pk__in=keys).prefetch_related(VARIANTS).select_related(
        "deployment__model__unit", "deployment__model__owner", "deployment__model__developer", "deployment__target__environment",
        "version__model__unit", "version__developer", "approval__request", "requested_by__person",
    )  # fmt: skip
    return {str(each.pk): each for each in found}
