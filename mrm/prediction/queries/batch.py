"""Data sets scored as a whole: which runs there are, and whether one may begin or go on."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format

from mrm.access.models import Account
from mrm.access.queries import unit_ids_for
from mrm.approval import queries as approval
from mrm.approval.models import Approval
from mrm.approval.policies import in_environment
from mrm.approval.workflow import ApprovalState
from mrm.core.actors import Actor
from mrm.deployment import policies as deploying
from mrm.deployment import queries as deployment
from mrm.deployment.models import Environment, Target
from mrm.deployment.queries import environments_visible_to
from mrm.evaluation import queries as evaluation
from mrm.inventory.models import Dataset, Model, Version
from mrm.inventory.queries import datasets_visible_to
from mrm.jobs.models import Job, JobState
from mrm.jobs.queries import latest_for
from mrm.prediction import policies
from mrm.prediction.models import OPEN, BatchPart, BatchRun
from mrm.prediction.queries.finding import VIEW
from mrm.prediction.workflow import Way

SCORE, RELEASE = "prediction.score", "prediction.release"  # kinds of work on a run
START_BATCH, DOWNLOAD_BATCH = "prediction.start_batch", "prediction.download_batch"


def batches_visible_to(account: Account) -> QuerySet[BatchRun]:
    """Runs of models of the units for which the account may read which version answered what."""
    found = BatchRun.objects.filter(version__model__unit__in=unit_ids_for(account, VIEW))
    return found.select_related(
        "version__model__unit",
        "approval__request__policy",
        "dataset",
        "environment",
        "requested_by__person",
        "revision__deployment__target",
        "revision__deployment__model",
    )


def parts_of(run: BatchRun) -> QuerySet[BatchPart]:
    """The parts on record, in the order of the rows."""
    linked = run.parts.select_related("version__model", "approval__request", "policy", "revision__deployment__target")
    return linked.order_by("index")


def scorable_versions(account: Account) -> QuerySet[Version]:
    """Versions with an approval in force, of the units for which the account may score."""
    valid = Approval.objects.filter(version=OuterRef("pk"), status=ApprovalState.VALID)
    found = Version.objects.filter(Exists(valid), model__unit__in=unit_ids_for(account, START_BATCH))
    return found.select_related("model__unit", "artifact", "developer").order_by("model__number", "-created_at")


def data_to_score(account: Account, version: Version) -> QuerySet[Dataset]:
    """Data sets open to the account that hold every feature of the version."""
    needed = {"columns": [{"name": name} for name in version.features]}
    return datasets_visible_to(account).filter(holds_protected=False, rows__gt=0, manifest__contains=needed)


def first_environment(account: Account, version: Version) -> Environment | None:
    """The first environment open to the account in which the version's approval holds."""
    granted = approval.valid_approval(version)
    found = environments_visible_to(account) if granted else ()
    return next((each for each in found if granted and not in_environment(granted, deployment.where_in(each))), None)


def why_not_on_these_data(version: Version, dataset: Dataset) -> str | None:
    """Why the version cannot score the data, or None."""
    return policies.not_scorable(
        dataset.name, dataset.columns, dataset.rows, dataset.holds_protected, list(version.features)
    )


def why_not_scored_with(version: Version, sha256: str, actor: Actor) -> str | None:
    """Why nobody, or not this person, scores with these bytes now, or None: asked at the start and before each part."""
    if refusal := approval.why_not_usable(version, sha256):
        return f"{version} may not score. {refusal}"
    if closed := evaluation.why_not_run_here(version.artifact):
        return f"{closed}; score where the model lives, and register what it answered."
    granted = approval.valid_approval(version)
    assert granted is not None
    if refusal := deployment.why_not_by(actor, version, granted):
        return f"{refusal} Scoring with it is no different."
    return actor.lacks(START_BATCH, version)


def why_not_there(version: Version, environment: Environment, actor: Actor, *, begins: bool) -> str | None:
    """Why not in this environment: the approval names others, only named people may, or nothing new begins in a freeze."""
    granted = approval.valid_approval(version)
    if granted and (refusal := in_environment(granted, deployment.where_in(environment))):
        return refusal
    freeze = deployment.freeze_now(environment) if begins else None
    if freeze:
        until = date_format(timezone.localtime(freeze.ends_at), "j F Y, H:i")
        return f"{environment.name} is frozen until {until}: {freeze.reason}"
    people = [str(key) for key in environment.deployers.values_list("person_id", flat=True)]
    return deploying.named(environment.name, environment.named_only, actor.identity.person, people)


def why_not_go_on(run: BatchRun) -> str | None:
    """Why no further part of the run may be scored at this moment, or None."""
    version = run.version
    standing = approval.standing_approval(version)
    return (
        why_not_scored_with(version, run.artifact_sha256, run.requested_by)
        or policies.not_the_pinned(str(run.approval_id), str(standing.pk) if standing else None)
        or policies.not_an_approved_use(
            run.use, Model.objects.values_list("approved_uses", flat=True).get(pk=version.model_id)
        )
        or why_not_there(version, run.environment, run.requested_by, begins=False)
    )


@dataclass(frozen=True)
class BatchProgress:
    """How far a run is, by the parts on record; `seconds_left` by their pace."""

    parts: int
    rows: int
    seconds: float
    seconds_left: float | None

    @property
    def ends_at(self) -> dt.datetime | None:
        return None if self.seconds_left is None else timezone.now() + dt.timedelta(seconds=self.seconds_left)


def batch_progress(run: BatchRun) -> BatchProgress:
    """What is on record of a run."""
    done = run.parts.aggregate(rows=Sum("rows", default=0), seconds=Sum("seconds", default=0.0))
    left = policies.seconds_left(run.rows - done["rows"], done["rows"], done["seconds"])
    return BatchProgress(run.parts.count(), done["rows"], done["seconds"], left)


def scored_at(target: Target) -> str | None:
    """The run that a place scores or is to score, or whose rows still lie there to be taken away, in words, or None."""
    runs = BatchRun.objects.filter(way=Way.BACKEND, revision__deployment__target=target).select_related(
        "dataset", "version__model"
    )
    if run := runs.filter(status__in=OPEN).first():
        return f"{run} there"
    jobs = Job.objects.filter(kind=RELEASE, state__in=[JobState.QUEUED, JobState.RUNNING])
    run = runs.filter(pk__in=list(jobs.values_list("subject_id", flat=True))).first()
    return f"the rows of {run.ref} are being taken away" if run else None


def left_there(run: BatchRun) -> str:
    """Why the rows of a run still lie at the place that scored it, where clearing up did not come to an end."""
    job = latest_for(run, RELEASE)
    return job.error if job is not None and job.state in {JobState.FAILED, JobState.CANCELLED} else ""


@dataclass(frozen=True)
class RowDecision:
    """One row of a run with the part whose record says what scored it; the score as far as the reader may know it."""

    row: int
    row_id: str | None
    part: BatchPart
    score: float | None
    closed: str | None


def row_decisions(run: BatchRun, text: str, account: Account) -> list[RowDecision]:
    """Which version, digest, approval and policy scored a row, by its id; by its number from 0 where data have no ids."""
    from mrm.prediction.queries import scores  # noqa: PLC0415  pyarrow loads when a row is asked for

    closed = account.lacks(DOWNLOAD_BATCH, run)
    return [
        RowDecision(each.row, each.row_id, each.part, None if closed else each.score, closed)
        for each in scores.find_row(run, list(parts_of(run)), text)
    ]


def batch_named(text: str, account: Account) -> BatchRun | None:
    """A run by its reference or its id, as far as it is open to the account."""
    number = text.rpartition("-")[2]
    if text.upper().startswith("BS-") and number.isdigit():
        return batches_visible_to(account).filter(number=int(number)).first()
    try:
        return batches_visible_to(account).filter(pk=UUID(text)).first()
    except ValueError:
        return None
