"""In the worker: have an artifact looked through by the confined process, and keep what it says."""

import datetime as dt
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from mrm.core import blobs
from mrm.core.actors import System
from mrm.core.refusal import Refused
from mrm.evaluation import queries
from mrm.evaluation.models import Inspection
from mrm.evaluation.services.inspection import record_inspection, untold
from mrm.inventory.models import Artifact, Version
from mrm.measures import modelscan
from mrm.measures.inspection.report import joined
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import inspect_artifact


def carry_out(arguments: Mapping[str, str], progress: Callable[[str, int, int], None]) -> None:
    """Inspect one artifact, unless that was done since it was asked for: a second call changes nothing."""
    made = queries.inspection_of(arguments["sha256"])
    if made and made.made_at >= dt.datetime.fromisoformat(arguments["since"]):
        return
    progress("Inspecting", 0, 0)
    version = Version.objects.select_related("model__unit").get(pk=arguments["version"])
    inspect(version, Artifact.objects.get(pk=arguments["sha256"]))


def inspect(version: Version, artifact: Artifact) -> Inspection:
    """Look the stored bytes through, and keep what was found."""
    return record_inspection(version, artifact=artifact, report=look(artifact), actor=System("evaluation"))


def look(artifact: Artifact) -> dict[str, Any]:
    """What the confined process says of the bytes; when it says nothing, that it could not tell."""
    limits: Mapping[str, int] = settings.INSPECTION
    kept = {name: limits[name] for name in ("size", "unpacked", "nodes")}
    try:
        with tempfile.TemporaryDirectory(prefix="mrm-inspect-") as folder:
            path = blobs.fetch(artifact.sha256, Path(folder))
            found = inspect_artifact(path, artifact.kind, artifact.sha256, kept, limits["seconds"], limits["memory_mb"])
            return _with_modelscan(found, path, limits)
    except (EvaluationFailed, Refused) as fault:
        return untold(str(fault))


def _with_modelscan(report: dict[str, Any], path: Path, limits: Mapping[str, int]) -> dict[str, Any]:
    """The report with what ModelScan says of the same verified bytes; or with the word why it says nothing."""
    found, program = report["found"], settings.MODELSCAN["program"]
    with path.open("rb") as source:
        why = modelscan.why_not_asked(found, source.read(16), report["facts"].get("names"))
    if why is None and modelscan.installed(program):
        look = modelscan.scan(program, path, found, seconds=limits["seconds"], memory_mb=limits["memory_mb"])
        return joined(report, look)
    if why is None and settings.MODELSCAN["required"]:
        return joined(report, modelscan.missing())
    told = f"was not run: {why or 'not installed'}"
    return {**report, "facts": {**report["facts"], "modelscan": told}}
