"""In the worker: score every contender on the same rows and compare. Loads the numeric libraries."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings as site

from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.evaluation.models import Comparison
from mrm.evaluation.queries.records import why_not_run_here
from mrm.evaluation.services.comparing import complete_comparison, give_up_comparison
from mrm.evaluation.services.letters import use_own_type
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Artifact
from mrm.measures.engine import Engine
from mrm.measures.evaluation import RunSpec
from mrm.measures.evaluation.comparison import Contender, compare
from mrm.measures.results import EvaluationFailed


def carry_out(comparison_id: str, progress: Callable[[str, int, int], None]) -> None:
    """Compare in this worker; one that ended before is left as it is, so a second call changes nothing."""
    found = Comparison.objects.select_related("champion__model", "dataset", "protected", "reference").get(
        pk=comparison_id
    )
    if found.status != RunState.QUEUED:
        return
    use_own_type()
    try:
        with tempfile.TemporaryDirectory(prefix="mrm-compare-") as folder:
            outcome = compare(_contenders(found, Path(folder)), progress)
            complete_comparison(found, outcome=outcome, actor=found.requested_by)
    except (EvaluationFailed, Refused, ValueError) as fault:
        # measures raise ValueError, with a sentence, where settings do not fit the data
        give_up_comparison(comparison_id, str(fault))
        raise Refused(str(fault)) from fault


def _contenders(found: Comparison, folder: Path) -> list[Contender]:
    settings = found.settings
    dataset = blobs.fetch(found.dataset.sha256, folder)
    protected = blobs.fetch(found.protected.sha256, folder) if found.protected else None
    reference = blobs.fetch(found.reference.sha256, folder) if found.reference else None
    out = []
    for number, pinned in enumerate(found.contenders):
        artifact, own = Artifact.objects.get(pk=pinned["artifact_sha256"]), folder / str(number)
        if closed := why_not_run_here(artifact):
            raise Refused(f"{pinned['name']}: {closed}.")
        own.mkdir()
        spec = RunSpec(
            artifact=blobs.fetch(artifact.sha256, own),
            kind=artifact.kind,
            artifact_sha256=artifact.sha256,
            dataset=dataset,
            dataset_sha256=found.dataset.sha256,
            protected=protected,
            protected_sha256=found.protected.sha256 if found.protected else None,
            reference=reference,
            reference_sha256=found.reference.sha256 if found.reference else None,
            label=settings["label"],
            features=tuple(pinned["features"]),
            positive=settings.get("positive", 1),
            cutoff=float(pinned["cutoff"]),
            favourable=settings["favourable"],
            references=settings.get("references", {}),
            kinds=frozenset({"performance", "stability"}),
            seed=int(settings["seed"]),
            engine=Engine(**site.TABLE_ENGINE),
            folder=own,
        )
        out.append(Contender(pinned["name"], spec))
    return out
