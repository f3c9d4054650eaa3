"""Ask for a champion to be compared with challengers, keep what came of it, or why nothing did."""

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.canonical import digest
from mrm.core.refusal import Invalid
from mrm.evaluation import policies, queries
from mrm.evaluation.models import Comparison
from mrm.evaluation.services.run import SEED, check_data, check_decision, keep_figure, linked
from mrm.evaluation.workflow import COMPARISON, RunState
from mrm.inventory.models import Dataset, DatasetRole, Version
from mrm.jobs import services as jobs

if TYPE_CHECKING:
    from mrm.measures.evaluation.comparison import Comparison as Outcome


@audited("evaluation.compare", "started {subject} with {challengers} on {dataset}")
def compare(
    champion: Version, *, challengers: list[Version], dataset: Dataset, settings: dict[str, Any], actor: Account
) -> Comparison:
    """Pin the contenders, each with its bytes, features and cut-off, and ask a worker to score them on the same rows."""
    permit(actor, "evaluation.compare", champion)
    contenders = [champion, *challengers]
    if reason := policies.why_not_compared(champion, challengers):
        raise Invalid(reason, fields={"challengers": [reason]})
    for version in contenders:
        if closed := queries.why_not_run_here(version.artifact):
            raise Invalid(f"{version}: {closed}.", fields={"challengers": [f"{version}: {closed}."]})
    check_data(champion, dataset)
    check_decision(settings)
    _check_columns(contenders, dataset, settings)
    reference = linked(champion, DatasetRole.TRAINING)
    made = Comparison.objects.create(
        champion=champion,
        contenders=[_pinned(version, settings) for version in contenders],
        dataset=dataset,
        protected=linked(champion, DatasetRole.PROTECTED),
        reference=reference if reference != dataset else None,
        settings={"seed": SEED, **settings},
        requested_by=actor,
    )
    made.refresh_from_db()
    jobs.request(
        "evaluation.compare",
        label=f"Comparison of {champion}"[:200],
        subject=made,
        actor=actor,
        comparison=str(made.pk),
    )
    describe(dataset=dataset.name, challengers=", ".join(version.label for version in challengers))
    return made


def _pinned(version: Version, settings: dict[str, Any]) -> dict[str, Any]:
    cutoff = settings["cutoff"] if version.cutoff is None else str(version.cutoff.normalize())
    return {
        "version": str(version.pk), "name": version.label, "artifact_sha256": version.artifact_id,
        "features": list(version.features), "cutoff": cutoff,
    }  # fmt: skip


def _check_columns(contenders: list[Version], dataset: Dataset, settings: dict[str, Any]) -> None:
    for version in contenders:
        wanted = [settings["label"], *version.features]
        if absent := [column for column in wanted if column not in dataset.columns]:
            raise Invalid(
                f"{dataset} has no column {', '.join(absent)}, which {version} needs.",
                fields={"dataset": [f"No column {', '.join(absent)}."]},
            )


@audited("evaluation.complete_comparison", "completed {subject}")
def complete_comparison(comparison: Comparison, *, outcome: "Outcome", actor: Actor) -> Comparison:
    """Keep results and figure with their digest."""
    comparison = _locked(comparison)
    COMPARISON.move(comparison, "complete_comparison", actor)
    comparison.results = [result.as_dict() for result in outcome.results]
    comparison.figures = [keep_figure(figure) for figure in outcome.figures]
    comparison.pins, comparison.finished_at = outcome.pins, timezone.now()
    comparison.digest = digest({"results": comparison.results, "pins": comparison.pins, "figures": comparison.figures})
    comparison.save()
    describe(digest=comparison.digest)
    return comparison


@audited("evaluation.fail_comparison", "could not complete {subject}: {error}")
def fail_comparison(comparison: Comparison, *, error: str, actor: Actor) -> Comparison:
    """Keep why nothing came of it, in words that say what to do."""
    comparison = _locked(comparison)
    COMPARISON.move(comparison, "fail_comparison", actor)
    comparison.error, comparison.finished_at = error, timezone.now()
    comparison.save(update_fields=["status", "error", "finished_at"])
    describe(error=error)
    return comparison


@audited("evaluation.cancel_comparison", "cancelled {subject}")
def cancel_comparison(comparison: Comparison, *, actor: Account) -> Comparison:
    """Stop what nobody waits for any more."""
    comparison = _locked(comparison)
    COMPARISON.apply(comparison, "cancel_comparison", actor)
    comparison.finished_at = timezone.now()
    comparison.save(update_fields=["status", "finished_at"])
    jobs.abandon(comparison)
    return comparison


def give_up_comparison(comparison_id: str, sentence: str) -> None:
    """Record that a comparison did not end well, unless it ended meanwhile."""
    found = Comparison.objects.select_related("requested_by").get(pk=comparison_id)
    if found.status == RunState.QUEUED:
        fail_comparison(found, error=sentence, actor=found.requested_by)


def _locked(comparison: Comparison) -> Comparison:
    return (
        Comparison.objects.select_for_update(of=("self",)).select_related("champion__model__unit").get(pk=comparison.pk)
    )
