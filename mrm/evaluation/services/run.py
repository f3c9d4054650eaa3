"""Ask for a run, keep what it found, or why it did not end well."""

import math
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.canonical import digest
from mrm.core.refusal import Invalid, Refused
from mrm.evaluation import policies, queries
from mrm.evaluation.models import Run
from mrm.evaluation.queries.numbers import drawn_size
from mrm.evaluation.workflow import FLOW, RunState
from mrm.inventory.models import Dataset, DatasetRole, ModelKind, Pack, PackKind, Version
from mrm.inventory.policies import why_not_reasons
from mrm.jobs import services as jobs
from mrm.measures import registry

if TYPE_CHECKING:
    from mrm.measures.evaluation import RunOutcome

KINDS = registry.KINDS
SIDES = ("below", "at_or_above")
SEED = 20260101
LEARNERS = ("logistic", "boosting")
MOST_SEGMENTS = 2
MOST_TOLERANCE = 0.2
# a model of amounts decides nothing by itself
NO_DECISION: dict[str, Any] = {"cutoff": None, "favourable": "", "positive": None, "references": {}}
# stability and alternatives need the training data; the others tell more by them
AGAINST_TRAINING = frozenset({"stability", "alternatives", "explainability", "quality", "soundness"})


@audited("evaluation.start", "started {subject} on {dataset}")
def start(
    version: Version,
    *,
    dataset: Dataset,
    kinds: list[str],
    settings: dict[str, Any],
    actor: Account,
    suite: Pack | None = None,
    reasons: Pack | None = None,
) -> Run:
    """Pin what is run on what, by which suite and seed, and ask a worker for it.

    Without a suite, by the first that fits; without a dictionary of reason codes, under the first that fits, if any.
    """
    permit(actor, "evaluation.start", version)
    if version.artifact is None:
        raise Refused(f"{version} has no artifact yet; attach one first.")
    protected, reference = linked(version, DatasetRole.PROTECTED), linked(version, DatasetRole.TRAINING)
    _check(version, dataset, kinds, settings, protected)
    _check_reference(dataset, kinds, reference)
    suite = _suite(version, suite, actor)
    reasons = _reasons(version, reasons) if "explainability" in kinds else None
    _check_tests(version, suite, kinds, settings)
    undecided = {} if version.model_kind == ModelKind.CLASSIFICATION else NO_DECISION
    run = Run.objects.create(
        version=version,
        dataset=dataset,
        protected=protected if {"bias", "alternatives"} & set(kinds) else None,
        reference=reference if reference != dataset and AGAINST_TRAINING & set(kinds) else None,
        suite=suite,
        reasons=reasons,
        artifact_sha256=version.artifact.sha256,
        endpoint=version.scoring_endpoint if settings.get("endpoint") else {},
        kinds=kinds,
        settings={
            "seed": SEED,
            **settings,
            **undecided,
            "features": list(version.features),
            "model_kind": version.model_kind,
            "domain": list(version.domain_of_use),
        },
        requested_by=actor,
    )
    run.refresh_from_db()
    jobs.request("evaluation.run", label=f"Evaluation of {version}", subject=run, actor=actor, run=str(run.pk))
    describe(
        dataset=dataset.name,
        suite=str(suite),
        reasons=str(reasons or ""),
        kinds=kinds,
        endpoint=run.endpoint.get("address", ""),
    )
    return run


def _suite(version: Version, chosen: Pack | None, actor: Account) -> Pack:
    if chosen is None:
        fitting = queries.suites_for(version)
        if not fitting:
            raise Refused(f"No test suite in force fits {version.model}; a policy administrator loads one.")
        return fitting[0]
    if chosen.kind != PackKind.TEST_SUITE or not chosen.current:
        raise Invalid(f"{chosen} is not a test suite in force.", fields={"suite": ["Choose a suite in force."]})
    model = version.model
    reason = policies.why_not_suite(
        chosen.content, tier=model.tier, regimes=model.regimes, model_kind=version.model_kind
    )
    if reason := reason or policies.why_not_by(chosen.content, version, actor):
        raise Invalid(reason, fields={"suite": [reason]})
    return chosen


def _reasons(version: Version, chosen: Pack | None) -> Pack | None:
    if chosen is None:
        return next(iter(queries.dictionaries_for(version)), None)
    if chosen.kind != PackKind.REASON_CODES or not chosen.current:
        raise Invalid(
            f"{chosen} is not a dictionary of reason codes in force.", fields={"reasons": ["Choose one in force."]}
        )
    if reason := why_not_reasons(chosen.content, version.features):
        raise Invalid(reason, fields={"reasons": [reason]})
    return chosen


def linked(version: Version, role: DatasetRole) -> Dataset | None:
    link = version.datasets.filter(role=role).select_related("dataset").last()
    return link.dataset if link else None


def _compared_with(kinds: list[str], dataset: Dataset, reference: Dataset | None) -> Dataset | None:
    """The training data, for the kinds that look at them; other data than those that are tested."""
    return reference if {"stability", "alternatives", "explainability"} & set(kinds) and reference != dataset else None


def _check_reference(dataset: Dataset, kinds: list[str], reference: Dataset | None) -> None:
    if {"stability", "alternatives"} & set(kinds) and reference == dataset:
        raise Invalid(
            f"{dataset} are the training data themselves; stability compares other data with them, alternatives are judged on others.",
            fields={"dataset": ["Choose data the model was not trained on."]},
        )


def _check(
    version: Version, dataset: Dataset, kinds: list[str], settings: dict[str, Any], protected: Dataset | None
) -> None:
    if not kinds or set(kinds) - set(KINDS):
        raise Invalid(f"Choose among {', '.join(KINDS)}.", fields={"kinds": ["Choose at least one."]})
    roles = set(version.datasets.values_list("role", flat=True))
    for kind in kinds:
        if reason := policies.why_kind_closed(kind, version.model_kind, roles):
            raise Invalid(reason, fields={"kinds": [reason]})
    _check_settings(version, dataset, settings, protected)
    if reason := policies.why_not_scored_there(version, settings):
        raise Invalid(reason, fields={"endpoint": [reason]})
    wanted = [settings["label"], *version.features]
    if settings.get("predictions"):
        wanted = [settings["label"], settings["predictions"]]
    elif not settings.get("endpoint") and (closed := queries.why_not_run_here(version.artifact)):
        raise Invalid(
            f"{closed}: name the column that holds its predictions, or score through its endpoint.",
            fields={"predictions": ["Name the column with the model's predictions."]},
        )
    if absent := [column for column in wanted if column not in dataset.columns]:
        raise Invalid(
            f"{dataset} has no column {', '.join(absent)}; it has {', '.join(dataset.columns[:12])}.",
            fields={"dataset": [f"No column {', '.join(absent)}."]},
        )
    if not version.features:
        raise Invalid("The version does not name its features; add them to the draft first.")


def _check_settings(version: Version, dataset: Dataset, settings: dict[str, Any], protected: Dataset | None) -> None:
    check_data(version, dataset)
    if version.model_kind == ModelKind.CLASSIFICATION:
        check_decision(settings)
    _check_strata(version, dataset, settings)
    _check_search(settings)
    known = set(protected.columns) if protected else set()
    if strange := sorted(set(settings.get("references") or {}) - known):
        raise Invalid(
            f"The protected data hold no {', '.join(strange)}; a reference group cannot be named for it.",
            fields={"references": [f"No attribute {', '.join(strange)}."]},
        )


def check_data(version: Version, dataset: Dataset) -> None:
    """A version is tested on data that are linked to it, and never on protected attributes."""
    if (
        dataset.holds_protected
        or not version.datasets.filter(dataset=dataset).exclude(role=DatasetRole.PROTECTED).exists()
    ):
        raise Invalid(
            f"{dataset} is not linked to {version} as data to run on; link it first.",
            fields={"dataset": ["Choose a data set linked to this version."]},
        )


def check_decision(settings: dict[str, Any]) -> None:
    """What turns a score into a decision; a model of amounts has none."""
    if settings.get("favourable") not in SIDES:
        raise Invalid("Say which side of the cut-off is favourable.", fields={"favourable": ["Below, or at or above."]})
    try:
        finite = math.isfinite(float(settings["cutoff"]))
    except (KeyError, TypeError, ValueError):
        finite = False
    if not finite:
        raise Invalid("The cut-off is a number on the scale of the score.", fields={"cutoff": ["A number is needed."]})


def _check_tests(version: Version, suite: Pack, kinds: list[str], settings: dict[str, Any]) -> None:
    """Each kind has a test that the suite names; what the run names of the data fits the tests it is for."""
    for kind in kinds:
        if reason := policies.why_not_kind(suite.content, kind, version.model_kind):
            raise Invalid(reason, fields={"kinds": [reason]})
    given = settings.get("parameters") or {}
    for name, parameters in given.items():
        if reason := policies.why_not_parameters(name, parameters, version.features):
            raise Invalid(reason, fields={"parameters": [reason]})


def _check_strata(version: Version, dataset: Dataset, settings: dict[str, Any]) -> None:
    """Legitimate factors and the period are columns of the data set, and neither outcome, score nor key."""
    segments, period = list(settings.get("segments") or []), settings.get("period") or ""
    taken = {"row_id", settings.get("label"), settings.get("predictions")}
    free = [name for name in dataset.columns if name not in taken]
    for field, names in (("segments", segments), ("period", [period] if period else [])):
        if strange := [name for name in names if name not in free]:
            reason = f"{', '.join(map(str, strange))} cannot be used so: choose among {', '.join(free[:12])}."
            raise Invalid(reason, fields={field: [reason]})
    if len(set(segments)) != len(segments) or len(segments) > MOST_SEGMENTS:
        reason = (
            f"Name at most {MOST_SEGMENTS} legitimate factors, each once: more would leave too few people in each cell."
        )
        raise Invalid(reason, fields={"segments": [reason]})
    if period in segments:
        reason = f"{period} is named as a legitimate factor and as the period; it can be one of them."
        raise Invalid(reason, fields={"period": [reason]})


def _check_search(settings: dict[str, Any]) -> None:
    """What may be given up is set before the search, and the kind of model by which candidates are fitted."""
    if settings.get("learner", "logistic") not in LEARNERS:
        reason = f"Candidates are fitted by {' or '.join(LEARNERS)}."
        raise Invalid(reason, fields={"learner": [reason]})
    try:
        tolerance = float(settings.get("tolerance", 0.01))
    except (TypeError, ValueError):
        tolerance = math.nan
    if not 0 <= tolerance <= MOST_TOLERANCE:
        reason = f"The loss of the area under the curve that is accepted lies between 0 and {MOST_TOLERANCE:g}, for example 0.01."
        raise Invalid(reason, fields={"tolerance": [reason]})


@audited("evaluation.complete", "completed {subject}: {summary}")
def complete(run: Run, *, outcome: "RunOutcome", actor: Actor) -> Run:
    """Keep results and figures with their digests."""
    run = Run.objects.select_for_update(of=("self",)).select_related("version__model").get(pk=run.pk)
    FLOW.move(run, "complete", actor)
    run.results = [result.as_dict() for result in outcome.results]
    run.figures = [keep_figure(figure) for figure in outcome.figures]
    run.crosscheck, run.explanation, run.pins = outcome.crosscheck, outcome.explanation, outcome.pins
    run.digest = digest({"results": run.results, "pins": run.pins, "figures": run.figures})
    run.finished_at = timezone.now()
    run.save()
    counts = run.counted()
    summary = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no results"
    describe(summary=summary, digest=run.digest)
    return run


def keep_figure(figure: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in figure.items() if name not in {"light", "dark"}}
    kept["width"], kept["height"] = drawn_size(figure["light"])
    for theme in ("light", "dark"):
        kept[theme] = blobs.put_bytes(figure[theme].encode()).sha256
    return kept


@audited("evaluation.fail", "could not complete {subject}: {error}")
def fail(run: Run, *, error: str, actor: Actor) -> Run:
    """Keep why a run did not end well, in words that say what to do."""
    run = Run.objects.select_for_update(of=("self",)).select_related("version__model").get(pk=run.pk)
    FLOW.move(run, "fail", actor)
    run.error, run.finished_at = error, timezone.now()
    run.save(update_fields=["status", "error", "finished_at"])
    describe(error=error)
    return run


@audited("evaluation.cancel", "cancelled {subject}")
def cancel(run: Run, *, actor: Actor) -> Run:
    """Stop a run that nobody waits for any more."""
    permit(actor, "evaluation.cancel", run)
    run = Run.objects.select_for_update(of=("self",)).select_related("version__model").get(pk=run.pk)
    FLOW.move(run, "cancel", actor)
    run.finished_at = timezone.now()
    run.save(update_fields=["status", "finished_at"])
    jobs.abandon(run)
    return run


def give_up(run_id: str, sentence: str) -> None:
    """Record that a run did not end well, unless it ended meanwhile."""
    run = Run.objects.select_related("requested_by").get(pk=run_id)
    if run.status == RunState.QUEUED:
        fail(run, error=sentence, actor=run.requested_by)
