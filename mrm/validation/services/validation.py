import calendar
import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.evaluation.models import Run
from mrm.evaluation.policies import why_not_of_endpoint
from mrm.evaluation.workflow import RunState
from mrm.inventory import policies as inventory_policies
from mrm.inventory import queries as inventory
from mrm.inventory import services as inventory_services
from mrm.inventory.models import PackKind, Version
from mrm.inventory.models.model import Residual
from mrm.inventory.workflow import Lifecycle, VersionState
from mrm.signoff import services as signoff
from mrm.signoff.models import Proposal, Request
from mrm.signoff.services import must_be_signed
from mrm.validation import queries
from mrm.validation.models import Evidence, Kind, Pillar, Validation, ValidationOutcome
from mrm.validation.workflow import OPEN_STATES, VALIDATION, ValidationState


@audited("validation.request", "asked for the validation of {version}")
def request(version: Version, *, actor: Account, kind: str = Kind.INITIAL) -> Validation:
    """Hand a draft to independent challenge; from here on its content is closed."""
    permit(actor, "validation.request", version)
    if version.artifact is None:
        raise Refused(f"{version} has no artifact yet; there is nothing to validate.")
    if not version.model.tier:
        raise Refused(f"{version.model} is not rated yet; the tier decides how deep the challenge goes.")
    inventory_services.advance_version(version, "enter_validation", actor=actor)
    if version.model.lifecycle in {Lifecycle.PROPOSED, Lifecycle.DEVELOPMENT}:
        inventory_services.advance_model(version.model, "begin_validation", actor=actor)
    describe(version=str(version))
    return Validation.objects.create(
        version=version, kind=kind, requested_by=actor.person, artifact_sha256=version.artifact.sha256
    )


def locked(validation: Validation) -> Validation:
    return (
        Validation.objects.select_for_update(of=("self",))
        .select_related("version__model__unit", "version__developer", "validator")
        .get(pk=validation.pk)
    )


@audited("validation.take", "took on {subject}")
def take(validation: Validation, *, actor: Account) -> Validation:
    """A validator who had no part in the version takes the challenge on."""
    validation = locked(validation)
    VALIDATION.apply(validation, "take", actor)
    validation.validator = actor.person
    validation.save(update_fields=["status", "validator"])
    return validation


@audited("validation.plan", "wrote the plan of {subject}")
def write_plan(validation: Validation, *, plan: str, actor: Account) -> Validation:
    """Say what will be examined, and how."""
    validation = locked(validation)
    VALIDATION.apply(validation, "plan", actor)
    if not plan.strip():
        raise Invalid("A plan needs words.", fields={"plan": ["Say what will be examined."]})
    validation.plan = plan.strip()
    validation.save(update_fields=["plan"])
    return validation


@audited("validation.add_evidence", "recorded the evidence {subject}")
def add_evidence(
    validation: Validation,
    *,
    pillar: str,
    title: str,
    actor: Account,
    text: str = "",
    run: Run | None = None,
    chunks: Iterable[bytes] | None = None,
    filename: str = "",
) -> Evidence:
    """Record what the outcome rests on; a run counts when it ended and is of this very artifact."""
    validation = locked(validation)
    VALIDATION.apply(validation, "add_evidence", actor)
    if pillar not in Pillar.values:
        raise Invalid(f"{pillar} is no pillar of a validation.", fields={"pillar": ["Choose one of the pillars."]})
    if not title.strip():
        raise Invalid("Evidence needs a title.", fields={"title": ["Needed."]})
    if run is not None and (run.status != RunState.DONE or run.artifact_sha256 != validation.artifact_sha256):
        raise Invalid(
            f"{run.ref} is not a completed run of the artifact under validation.",
            fields={"run": ["Choose a completed run of this artifact."]},
        )
    if run is not None and (reason := why_not_of_endpoint(run.endpoint, run.version.scoring_endpoint)):
        raise Invalid(reason, fields={"run": [reason]})
    if run is None and chunks is None and not text.strip():
        raise Invalid("Evidence is a run, a file, or an examination in words.", fields={"text": ["Nothing given."]})
    sha256 = blobs.put(chunks).sha256 if chunks is not None else ""
    return Evidence.objects.create(
        validation=validation,
        pillar=pillar,
        title=title,
        text=text.strip(),
        run=run,
        sha256=sha256,
        filename=filename[-200:] if sha256 else "",
        added_by=actor.person,
    )


def attach_run(validation: Validation, *, run: Run, actor: Account) -> list[Evidence]:
    """Record a run under every pillar that its tests speak to; where it stands already it is not recorded twice."""
    with transaction.atomic():
        left = queries.pillars_left(locked(validation), run)
        if not left:
            raise Refused(f"{run.ref} is evidence of {validation.ref} already, under every pillar that it speaks to.")
        title = f"{run.ref}: {', '.join(run.kinds)} on {run.dataset.name}"[:200]
        return [add_evidence(validation, pillar=pillar, title=title, run=run, actor=actor) for pillar in left]


def conclude(validation: Validation, *, outcome: str, conclusion: str, residual_risk: str, actor: Account) -> Proposal:
    """Give the outcome, and put it before a second validator; a version with open findings is at best fit with them."""
    content = {"outcome": outcome, "conclusion": conclusion, "residual_risk": residual_risk}
    reason = f"{validation.ref}: {conclusion.strip()}" if conclusion.strip() else ""
    return signoff.propose(validation, "validation_outcome", content=content, reason=reason, actor=actor)


@audited("validation.conclude", "concluded {subject}: {outcome}")
def settle_outcome(validation: Validation, *, proposal: Proposal, request: Request, actor: Actor) -> Validation:
    """Put the outcome in force that the validator gave and another signed."""
    must_be_signed("validation_outcome", request, proposal)
    validation = locked(validation)
    given = proposal.content
    if validation.status != ValidationState.UNDER_WAY:
        raise Refused(f"{validation.ref} is {validation.get_status_display().lower()} already.")
    check_outcome(validation, given["outcome"], given["conclusion"], given["residual_risk"])
    validation.status, validation.concluded_at = VALIDATION.moves["conclude"].target, timezone.now()
    validation.outcome, validation.conclusion = given["outcome"], given["conclusion"]
    validation.residual_risk = given["residual_risk"]
    validation.save()
    _settle(validation, actor)
    describe(outcome=validation.get_outcome_display().lower(), artifact=validation.artifact_sha256, request=request.ref)
    return validation


def check_outcome(validation: Validation, outcome: str, conclusion: str, residual_risk: str) -> None:
    """Refuse an outcome that is not one, or that the open findings or the artifact contradict."""
    if outcome not in ValidationOutcome.values:
        raise Invalid("Choose one of the outcomes.", fields={"outcome": ["Choose one of the outcomes."]})
    if residual_risk not in Residual.values:
        raise Invalid("Choose the residual risk.", fields={"residual_risk": ["Choose one of the levels."]})
    if not conclusion.strip():
        raise Invalid("An outcome needs its conclusion in words.", fields={"conclusion": ["Needed."]})
    still_open = validation.findings.filter(status__in=OPEN_STATES)
    if outcome == ValidationOutcome.FIT and still_open.exists():
        raise Refused("There are open findings: the outcome is at best fit for use with findings.")
    if validation.version.artifact_id != validation.artifact_sha256:
        raise Refused("The artifact is not the one that was handed to validation.")


def _settle(validation: Validation, actor: Actor) -> None:
    """Carry the outcome to version and model: state, dates, residual risk, confirmed tier."""
    version, model = validation.version, validation.version.model
    if validation.outcome == ValidationOutcome.NOT_FIT:
        inventory_services.advance_version(version, "reopen", actor=actor)
        if model.lifecycle == Lifecycle.VALIDATION:
            inventory_services.advance_model(model, "back_to_development", actor=actor)
        return
    if version.status == VersionState.VALIDATION:
        inventory_services.advance_version(version, "pass_validation", actor=actor)
    method = inventory.current_pack(PackKind.TIERING_METHOD)
    months = int(inventory_policies.cadence(method.content, model.tier)["full_validation_months"])
    today = timezone.localdate()
    inventory_services.note_validation(
        model,
        last_validation_date=today,
        next_validation_date=_months_later(today, months),
        residual_risk=validation.residual_risk,
        tier_is_provisional=False,
    )


def _months_later(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
