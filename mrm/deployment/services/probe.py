"""The golden rows: what the approved bytes answer here, the place must answer too."""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mrm.connectors.protocol import Cap, Connector
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.deployment.models import Variant, VariantRole
from mrm.deployment.services import golden
from mrm.inventory.models import Dataset, DatasetRole, Version
from mrm.jobs.kinds import Later
from mrm.measures.process import CannotScore
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import score

ROWS = 8
RESTART_PAUSE = 60.0


def probe(place: Connector, variant: Variant, endpoint: str) -> dict[str, Any]:
    """Score the same rows here and there: rows, largest difference and both answers, or why it was not done."""
    version = variant.version
    source = _rows_from(version)
    if Cap.PREDICT not in place.caps:
        return {"done": False, "why": "This place does not answer predictions to us."}
    if Cap.DECLARED_ONLY in place.caps and variant.role != VariantRole.CHAMPION:
        return {"done": False, "why": "This place answers by its endpoint only, so this version is not asked apart."}
    if source is None:
        return {"done": False, "why": "The version has no test data to take golden rows from."}
    try:
        rows, expected = _local(version, source)
    except CannotScore as reason:
        return {"done": False, "why": str(reason)}
    except EvaluationFailed as failure:
        raise Refused(f"The golden rows could not be scored here. {failure}") from failure
    answered = golden.ask(place, variant, endpoint, rows)
    largest = golden.distance(expected, answered)
    if largest > golden.TOLERANCE:
        raise _otherwise(place, version.label, largest)
    return {
        "done": True,
        "rows": len(expected),
        "rows_sha256": golden.keep(rows),
        "largest_difference": largest,
        "here": expected,
        "there": answered,
    }


def _otherwise(place: Connector, label: str, largest: float) -> Exception:
    """A place that only declares what it serves may still run the former model: then we look again later."""
    sentence = golden.otherwise(label, largest)
    if Cap.DECLARED_ONLY in place.caps:
        return Later(f"{sentence} Its scoring server loads a model when it starts: start it again.", RESTART_PAUSE)
    return Refused(sentence)


def _rows_from(version: Version) -> Dataset | None:
    links = version.datasets.exclude(role=DatasetRole.PROTECTED).select_related("dataset")
    by_role = {link.role: link.dataset for link in links}
    return by_role.get(DatasetRole.TEST) or next(iter(by_role.values()), None)


def _local(version: Version, source: Dataset) -> tuple[dict[str, list[float]], list[float]]:
    assert version.artifact is not None
    with tempfile.TemporaryDirectory(prefix="mrm-probe-") as name:
        folder = Path(name)
        data = pq.read_table(blobs.fetch(source.sha256, folder), columns=list(version.features)).slice(0, ROWS)
        golden = folder / "golden.parquet"
        pq.write_table(data, golden)
        artifact = blobs.fetch(version.artifact.sha256, folder)
        done = score(
            artifact,
            version.artifact.kind,
            version.artifact.sha256,
            golden,
            folder / "scores.parquet",
            version.features,
        )
        scores = pq.read_table(done.path, columns=["score"])["score"].to_pylist()
    columns = {column: [float(value) for value in data[column].to_pylist()] for column in version.features}
    return columns, [float(value) for value in scores]
