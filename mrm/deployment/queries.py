from collections.abc import Sequence

from django.db.models import FilteredRelation, Q, QuerySet

from mrm.access.models import Account
from mrm.access.queries import unit_ids_for
from mrm.approval import queries as approval
from mrm.audit.queries import places
from mrm.deployment.models import Deployment, Revision, RevisionKind, Target
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import models_visible_to
from mrm.signoff import queries as signoff
from mrm.signoff.models import Policy, Request, RequestState

RELEASE, RELEASE_ACTION = "release", "deploy"


def visible_to(account: Account) -> QuerySet[Deployment]:
    return Deployment.objects.filter(model__in=models_visible_to(account)).select_related(
        "model__unit", "model__owner", "target"
    )


def targets_visible_to(account: Account) -> QuerySet[Target]:
    """Serving places of the account's units and of the units above them are of use to it."""
    return Target.objects.filter(unit__in=unit_ids_for(account, "view")).select_related("unit")


def current(deployment: Deployment) -> Revision | None:
    """The revision that was applied and verified last."""
    return (
        deployment.revisions.filter(status=RevisionState.APPLIED)
        .select_related("version__model", "approval", "requested_by__person")
        .first()
    )


MUST_GO = "Must be withdrawn: "


def must_withdraw(revision: Revision) -> str | None:
    """Why what is wanted there may run no longer, in words for the page, or None."""
    if revision.version is None:
        return None
    reason = approval.why_not_usable(revision.version, revision.artifact_sha256)
    return f"{MUST_GO}{reason}" if reason else None


def release_policy(model: Model) -> Policy | None:
    """The policy by which others sign before a version of the model goes to a serving place, when its tier asks so."""
    return signoff.policy_covering(RELEASE_ACTION, model.tier)


def release_request(revision: Revision) -> Request | None:
    """The request that asks for the signatures on a revision."""
    return Request.objects.filter(subject_kind=RELEASE, subject_key=str(revision.pk)).select_related("policy").first()


def why_not_released(revision: Revision) -> str | None:
    """Why the revision may not be applied now as far as its own signatures go, or None."""
    asked = release_request(revision)
    if asked is None:
        if release_policy(revision.deployment.model) is None or revision.kind == RevisionKind.STOP:
            return None
        return "Its tier asks for signatures on a deployment, and nobody signed for this one."
    found = signoff.verdict_at_use(asked)
    if asked.status == RequestState.APPROVED and found.state == "approved":
        return None
    return f"The signatures on {asked.ref} do not carry it. {' '.join(found.ignored)} {found.reason}".strip()


def releases(keys: Sequence[str]) -> dict[str, Revision]:
    """Revisions with what is laid before those who sign for them."""
    found = Revision.objects.filter(pk__in=keys).select_related(
        "deployment__model__unit", "deployment__model__owner", "deployment__model__developer", "deployment__target",
        "version__model__unit", "version__developer", "approval__request", "requested_by__person",
    )  # fmt: skip
    return {str(each.pk): each for each in found}


def verified_numbers(deployment: Deployment) -> list[int]:
    """Revisions that ran here and were verified: what a rollback may go to."""
    return list(deployment.revisions.exclude(verification={}).exclude(version=None).values_list("number", flat=True))


def live_revisions(version: Version) -> QuerySet[Revision]:
    return Revision.objects.filter(version=version, status=RevisionState.APPLIED).select_related("deployment__target")


def with_wanted(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """The deployments with the revision in force as `wanted`, which may be none, in one query."""
    in_force = FilteredRelation("revisions", condition=Q(revisions__status=RevisionState.APPLIED))
    named = deployments.annotate(wanted=in_force)
    return named.select_related("wanted__version__model", "wanted__approval")  # type: ignore[misc]


def revisions(deployment: Deployment) -> list[Revision]:
    """All revisions of an endpoint, newest first."""
    found = deployment.revisions.select_related("version__model", "approval__request", "requested_by__person")
    listed = list(found)
    standing = places(listed, "deployment.verify")
    for revision in listed:
        revision.place = standing.get(str(revision.pk))
    return listed


def candidates(deployment: Deployment) -> QuerySet[Version]:
    """Versions of the model that have an artifact."""
    return (
        Version.objects.filter(model=deployment.model)
        .exclude(artifact=None)
        .exclude(status="retired")
        .select_related("model", "artifact")
    )


def targets_for(account: Account, model: Model) -> QuerySet[Target]:
    """Serving places of the model's unit or of a unit above it."""
    above = [model.unit.path[: place + 1] for place, sign in enumerate(model.unit.path) if sign == "/"]
    return targets_visible_to(account).filter(unit__path__in=above)
