"""What a report can be made about: a version that holds an artifact, or a run that found what the report is on."""

from collections.abc import Mapping

from mrm.evaluation.models import Run
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version

PUBLIC_AUDIT = "us-nyc-ll144"
# the test that a run must have carried out for a report of that kind
_NEEDS: Mapping[str, str] = {"bias": "bias", "bias_summary": "bias", "explainability": "explainability"}


def why_not_about(kind: str, version: Version, run: Run | None) -> str | None:
    """Why no document of this kind can be made about the version, or about one of its runs; None if it can."""
    if version.artifact_id is None:
        return f"{version} has no artifact yet; there is nothing to report on."
    if kind not in _NEEDS:
        return None if run is None else "A compliance report is about the version, not about one run."
    if run is None:
        return "Name the run that the report is about."
    if run.version_id != version.pk:
        return f"{run.ref} is a run of another version than {version}."
    return _why_not_on(kind, run)


def why_no_bill(version: Version) -> str | None:
    """Why the version has no bill of materials, or None: a bill lists bytes."""
    if version.artifact_id is None:
        return f"{version} has no artifact yet; attach one, and its bill of materials lists its bytes."
    return None


def _why_not_on(kind: str, run: Run) -> str | None:
    if run.status != RunState.DONE:
        return f"{run.ref} is {run.get_status_display().lower()}; a report is about a run that is completed."
    if _NEEDS[kind] not in run.kinds:
        return f"{run.ref} holds no {_NEEDS[kind]} tests; start a run with them."
    if kind == "explainability" and not run.explanation:
        return f"{run.ref} could not explain the scores; its page says why."
    if kind == "bias_summary" and run.suite.content.get("applies", {}).get("regime") != PUBLIC_AUDIT:
        return f"{run.ref} was not judged by the suite of New York's bias audit; start one under it."
    return None
