"""In the worker: convert an artifact in the confined process, and compare both models on the same rows."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.evaluation import policies
from mrm.evaluation.models import Conversion
from mrm.evaluation.queries.records import why_not_run_here
from mrm.evaluation.services.conversion import complete_conversion, give_up_conversion
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Artifact
from mrm.measures.parity import convert_artifact
from mrm.measures.results import EvaluationFailed


def carry_out(conversion_id: str, progress: Callable[[str, int, int], None]) -> None:
    """Convert in this worker; one that ended before is left as it is, so a second call changes nothing."""
    found = Conversion.objects.select_related("source__model", "dataset", "requested_by").get(pk=conversion_id)
    if found.status != RunState.QUEUED:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="mrm-convert-") as folder:
            _convert(found, Path(folder), progress)
    except (EvaluationFailed, Refused) as fault:
        give_up_conversion(conversion_id, str(fault))
        raise Refused(str(fault)) from fault


def _convert(found: Conversion, folder: Path, progress: Callable[[str, int, int], None]) -> None:
    artifact, source = Artifact.objects.get(pk=found.source_sha256), found.source
    if closed := why_not_run_here(artifact):
        raise Refused(f"{closed}.")
    made = convert_artifact(
        blobs.fetch(artifact.sha256, folder),
        artifact.kind,
        artifact.sha256,
        blobs.fetch(found.dataset.sha256, folder),
        folder,
        source.features,
        float(source.cutoff) if source.cutoff is not None else None,
        progress=lambda done, total: progress("Converting and comparing", done, total),
    )
    if different := policies.why_not_alike(made.parity.largest, float(found.tolerance), made.parity.rows):
        raise Refused(different)
    complete_conversion(found, found=made, chunks=[made.path.read_bytes()], actor=found.requested_by)
