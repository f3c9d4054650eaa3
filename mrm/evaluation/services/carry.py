"""In the worker: compute what a run asks for. Loads the numeric libraries, so the web process never imports it."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from django.conf import settings as site

from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.evaluation.models import Run
from mrm.evaluation.policies import suite_tests
from mrm.evaluation.queries.records import KEYS, why_not_run_here
from mrm.evaluation.services.letters import use_own_type
from mrm.evaluation.services.remote import answers_of
from mrm.evaluation.services.run import complete, give_up
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Artifact, ModelKind
from mrm.measures.engine import Engine
from mrm.measures.evaluation import RunSpec
from mrm.measures.evaluation import run as measure
from mrm.measures.evidence import FairnessSettings
from mrm.measures.registry import TESTS, settled
from mrm.measures.results import EvaluationFailed

# kinds that ask for the scores of the training data as well
NEED_REFERENCE = frozenset({"stability", "soundness", "alternatives"})


def carry_out(run_id: str, progress: Callable[[str, int, int], None]) -> None:
    """Compute in this worker; a run that ended before is left as it is, so a second call changes nothing."""
    run = Run.objects.select_related(
        "version__model", "version__artifact", "dataset", "protected", "reference", "suite", "reasons"
    ).get(pk=run_id)
    if run.status != RunState.QUEUED:
        return
    # the bytes that are pinned, whatever the version holds by now
    pinned = Artifact.objects.get(pk=run.artifact_sha256)
    if not _scored_elsewhere(run) and (closed := why_not_run_here(pinned)):
        give_up(run_id, f"{closed}.")
        raise Refused(f"{closed}.")
    use_own_type()
    try:
        with tempfile.TemporaryDirectory(prefix="mrm-run-") as folder:
            spec = _spec(run, Path(folder))
            if run.endpoint:
                spec = _answered(run, spec, progress)
            outcome = measure(spec, progress)
            progress("Keeping the results", 0, 0)
            for answers in filter(None, (spec.answers, spec.reference_answers)):
                blobs.put_file(answers)
            complete(run, outcome=outcome, actor=run.requested_by)
    except (EvaluationFailed, Refused) as fault:
        give_up(run_id, str(fault))
        raise Refused(str(fault)) from fault
    except ValueError as fault:
        # the measures say so when settings do not fit the data, as a reference group that nobody is in
        give_up(run_id, f"The settings do not fit the data: {fault}")
        raise Refused(str(fault)) from fault


def _scored_elsewhere(run: Run) -> bool:
    return bool(run.settings.get("predictions") or run.endpoint)


def _answered(run: Run, spec: RunSpec, progress: Callable[[str, int, int], None]) -> RunSpec:
    """With the scores of a model that answers elsewhere; of the training data too, where tests look at them."""
    reference = spec.reference if NEED_REFERENCE & spec.kinds else None
    limits = None if spec.predicts_amounts else spec.score_range
    found = answers_of(run.endpoint, spec.dataset, reference, spec.features, limits, spec.folder, progress)
    return replace(
        spec, answers=found.dataset, reference_answers=found.reference, endpoint=found.said, asked_elsewhere=found.ask
    )


def _spec(run: Run, folder: Path) -> RunSpec:
    settings, seed = run.settings, int(run.settings["seed"])
    return RunSpec(
        artifact=None if _scored_elsewhere(run) else blobs.fetch(run.artifact_sha256, folder),
        kind=Artifact.objects.get(pk=run.artifact_sha256).kind,
        artifact_sha256=run.artifact_sha256,
        dataset=blobs.fetch(run.dataset.sha256, folder),
        dataset_sha256=run.dataset.sha256,
        protected=blobs.fetch(run.protected.sha256, folder) if run.protected else None,
        protected_sha256=run.protected.sha256 if run.protected else None,
        reference=blobs.fetch(run.reference.sha256, folder) if run.reference else None,
        reference_sha256=run.reference.sha256 if run.reference else None,
        label=settings["label"],
        features=tuple(settings.get("features") or run.version.features),
        positive=settings.get("positive", 1),
        event_name=settings.get("event_name", "Event"),
        cutoff=float(settings.get("cutoff") or "nan"),
        favourable=settings.get("favourable") or "below",
        model_kind=settings.get("model_kind", ModelKind.CLASSIFICATION),
        tests=_tests(run),
        domain=tuple(settings.get("domain") or ()),
        required=frozenset(name for name, each in suite_tests(run.suite.content).items() if each.get("required")),
        fairness=_groups(run, seed),
        segments=tuple(settings.get("segments") or ()),
        period=settings.get("period") or None,
        learner=settings.get("learner") or "logistic",
        tolerance=float(settings.get("tolerance", 0.01)),
        reasons=run.reasons.content if run.reasons else None,
        thresholds=run.suite.content["thresholds"],
        kinds=frozenset(run.kinds),
        seed=seed,
        engine=Engine(**site.TABLE_ENGINE),
        workers=site.TABLE_ENGINE["threads"],
        predictions=settings.get("predictions") or None,
        folder=folder,
    )


def _tests(run: Run) -> dict[str, dict[str, Any]]:
    """The tests that the suite names, each with its parameters: the suite's, and those that came with the run."""
    given = run.settings.get("parameters") or {}
    return {
        name: settled(TESTS[name], each.get("parameters", {}), given.get(name))
        for name, each in suite_tests(run.suite.content).items()
    }


def _groups(run: Run, seed: int) -> FairnessSettings:
    """Who is compared with whom, by the choice of who asked; how many people that needs, by the suite."""
    wanted = dict(run.suite.content.get("groups", {}))
    named = (run.settings.get("parameters") or {}).get("memberships", {}).get("columns", [])
    apart = {*KEYS, *(each["column"] for each in named)}
    attributes = [name for name in run.protected.columns if name not in apart] if run.protected else []
    crossed = tuple(combinations(attributes, 2)) if wanted.pop("intersections", "none") == "pairs" else ()
    return FairnessSettings(references=run.settings.get("references", {}), intersections=crossed, seed=seed, **wanted)
