"""Named reads of validations and findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.access.queries import persons
from mrm.audit.models import Event
from mrm.audit.queries import of_subject
from mrm.core.workflow import Offer
from mrm.evaluation.models import Run
from mrm.evaluation.policies import why_not_of_endpoint
from mrm.evaluation.queries import OF_PRESENT_ENDPOINT
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.workflow import VersionState
from mrm.validation.models import Evidence, Finding, Pillar, RiskAcceptance, Validation
from mrm.validation.policies import pillars_of
from mrm.validation.workflow import BY_SIGNATURE, FINDING, OPEN_STATES, VALIDATION, ValidationState

VIEWS = ("open", "mine", "overdue", "closed")


def visible_to(account: Account) -> QuerySet[Validation]:
    return Validation.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit", "version__model__owner", "version__developer", "validator", "requested_by"
    )


def findings_visible_to(account: Account) -> QuerySet[Finding]:
    return Finding.objects.filter(validation__version__in=versions_visible_to(account)).select_related(
        "validation__version__model__unit",
        "validation__version__model__owner",
        "validation__version__developer",
        "owner",
        "raised_by",
        "remediated_by",
        "verified_by",
    )


def open_findings_of(model: Model, _account: Account) -> QuerySet[Finding]:
    """The open findings of a model; who sees the model sees all of them."""
    return Finding.objects.filter(validation__version__model=model, status__in=OPEN_STATES)


def evidence_visible_to(account: Account) -> QuerySet[Evidence]:
    return Evidence.objects.filter(validation__version__in=versions_visible_to(account)).select_related("validation")


def open_findings(version: Version) -> QuerySet[Finding]:
    """Findings on any version of the model that are not closed: a new version does not wash them off."""
    return Finding.objects.filter(validation__version__model=version.model, status__in=OPEN_STATES).select_related(
        "owner", "validation__version__model"
    )


def concluded(version: Version) -> Validation | None:
    """The last concluded validation of exactly the artifact the version has now."""
    return (
        Validation.objects.filter(
            version=version, status=ValidationState.CONCLUDED, artifact_sha256=version.artifact_id or ""
        )
        .select_related("validator")
        .order_by("-concluded_at")
        .first()
    )


def listed(account: Account, status: str = "") -> QuerySet[Validation]:
    """Validations with the number of their open findings, those that wait longest first."""
    found = visible_to(account).annotate(open_count=Count("findings", filter=Q(findings__status__in=OPEN_STATES)))
    found = found.order_by(F("concluded_at").desc(nulls_first=True), "requested_at", "number")
    return found.filter(status=status) if status else found


def findings_listed(account: Account, view: str, *, severity: str = "", model: str = "") -> QuerySet[Finding]:
    """Findings of one view of the list, the longest overdue first."""
    found = findings_visible_to(account).order_by(F("first_due").asc(nulls_last=True), "number")
    if severity:
        found = found.filter(severity=severity)
    if model:
        found = found.filter(validation__version__model__name__icontains=model)
    return found.filter(_view(view, account))


def _view(view: str, account: Account) -> Q:
    if view == "closed":
        return ~Q(status__in=OPEN_STATES)
    still_open = Q(status__in=OPEN_STATES)
    if view == "overdue":
        return still_open & Q(due__lt=timezone.localdate())
    if view == "mine":
        person = account.person
        model = "validation__version__model"
        return still_open & (
            Q(owner=person)
            | Q(raised_by=person)
            | Q(**{f"{model}__owner": person})
            | Q(**{f"{model}__developer": person})
        )
    return still_open


def validations_to_sign(keys: Sequence[str]) -> dict[str, Validation]:
    """Validations with what an outcome rests on, by key; the number of queries does not grow."""
    found = (
        Validation.objects.filter(pk__in=keys)
        .select_related(
            "version__model__unit", "version__model__owner", "version__model__developer", "version__developer",
            "version__artifact", "validator",
        )
        .prefetch_related(
            "findings", Prefetch("evidence", Evidence.objects.select_related("run").order_by("pk"))
        )
    )  # fmt: skip
    return {str(each.pk): each for each in found}


def findings_to_sign(keys: Sequence[str]) -> dict[str, Finding]:
    """Findings with the people behind them, by key."""
    found = Finding.objects.filter(pk__in=keys).select_related(
        "validation__version__model__unit", "validation__version__model__owner",
        "validation__version__model__developer", "validation__version__developer", "owner", "raised_by", "remediated_by",
    )  # fmt: skip
    return {str(each.pk): each for each in found}


def acceptances_of(model: Model) -> QuerySet[RiskAcceptance]:
    """The risks that are borne for a model, those in force first."""
    return (
        RiskAcceptance.objects.filter(model=model)
        .select_related("finding", "request", "model")
        .order_by(F("ended_at").desc(nulls_first=True), "until")
    )


def moves_of(validation: Validation, account: Account) -> dict[str, Offer]:
    """The moves that leave the present state by name, each open or with its reasons."""
    return {offer.move.name: offer for offer in VALIDATION.offered(validation, account)}


def finding_moves(finding: Finding, account: Account) -> list[Offer]:
    """The moves that a person makes; what signatures bring about is not offered."""
    return [offer for offer in FINDING.offered(finding, account) if offer.move.name not in BY_SIGNATURE]


def pillars_left(validation: Validation, run: Run) -> list[str]:
    """The pillars that a run speaks to and is not recorded under yet."""
    held = set(validation.evidence.filter(run=run).values_list("pillar", flat=True))
    return [pillar for pillar in pillars_of(run.kinds) if pillar not in held]


def relying(run: Run, account: Account) -> list[dict[str, Any]]:
    """The validations of exactly the bytes that a run looked at: under which pillars each relies on it, and whether
    it can still be attached; those that ended without it are left out."""
    rows = list[dict[str, Any]]()
    if why_not_of_endpoint(run.endpoint, run.version.scoring_endpoint):
        return rows
    for validation in visible_to(account).filter(version=run.version_id, artifact_sha256=run.artifact_sha256):
        held = [entry.get_pillar_display() for entry in validation.evidence.filter(run=run)]
        offer = moves_of(validation, account).get("add_evidence")
        left = pillars_left(validation, run) if offer else []
        if held or left:
            shown = [str(Pillar(pillar).label) for pillar in left]
            rows.append({"validation": validation, "held": held, "left": shown, "offer": offer})
    return rows


def by_pillar(validation: Validation) -> list[tuple[str, list[Evidence]]]:
    """Every pillar with its evidence; an empty one shows what was not examined."""
    found = list(validation.evidence.select_related("run", "added_by"))
    return [(label, [entry for entry in found if entry.pillar == value]) for value, label in Pillar.choices]


def runs_for(validation: Validation) -> QuerySet[Run]:
    """Completed runs of the artifact under validation: what counts as evidence."""
    return (
        Run.objects.filter(
            OF_PRESENT_ENDPOINT,
            version=validation.version,
            status=RunState.DONE,
            artifact_sha256=validation.artifact_sha256,
        )
        .select_related("dataset")
        .only("id", "number", "kinds", "finished_at", "dataset__name")
    )


def owners_for(validation: Validation) -> QuerySet[Person]:
    """Who may be made to answer a finding: the people behind the model, and those of its unit."""
    model = validation.version.model
    behind = [model.owner_id, model.developer_id, validation.version.developer_id]
    return persons().filter(Q(pk__in=behind) | Q(unit=model.unit)).distinct()


def story(finding: Finding) -> QuerySet[Event]:
    return of_subject(finding)


def panel(version: Version, account: Account) -> dict[str, Any]:
    """The validations of a version, and why one cannot be asked for now."""
    if version.status != VersionState.DRAFT:
        why_not: str | None = (
            f"This version is {version.get_status_display().lower()}; a draft is handed to validation."
        )
    elif version.artifact_id is None:
        why_not = "There is no artifact yet: attach it first."
    elif not version.model.tier:
        why_not = "The model is not rated yet; the tier decides how deep the challenge goes."
    else:
        why_not = account.lacks("validation.request", version)
    return {"validations": visible_to(account).filter(version=version), "why_not": why_not}


@dataclass(frozen=True)
class Age:
    """How a finding stands to its days; it ages from the first due day, whatever was agreed later."""

    days: int | None
    moved: bool

    @property
    def over(self) -> int:
        return max(0, self.days or 0)


def age(finding: Finding) -> Age:
    since = (timezone.localdate() - finding.first_due).days if finding.first_due else None
    return Age(since, finding.due != finding.first_due)
