"""What a report says of one run of tests: pins, limits, results and figures as they were kept."""

from typing import Any

from mrm.evaluation.models import Run

_PINS = (
    "artifact_sha256",
    "dataset_sha256",
    "protected_sha256",
    "reference_sha256",
    "seed",
    "network",
    "endpoint",
    "versions",
    "code",
)


def evaluation_facts(run: Run) -> dict[str, Any]:
    """The run as plain values; figures by the digests of their drawings."""
    named = (("name", "title", "alt", "header", "rows"), ("width", "height"))
    return {
        "ref": run.ref,
        "kinds": run.kinds,
        "finished_at": run.finished_at,
        "asked_by": run.requested_by.name,
        "dataset": {
            "ref": run.dataset.ref,
            "name": run.dataset.name,
            "rows": run.dataset.rows,
            "sha256": run.dataset.sha256,
        },
        "suite": {"title": run.suite.title, "version": run.suite.version, "digest": run.suite.digest},
        "thresholds": run.suite.content["thresholds"],
        "settings": _settings(run.settings),
        "pins": {name: run.pins.get(name) for name in _PINS},
        "counts": run.counted(),
        "worst": run.worst(),
        "results": run.results,
        "crosscheck": run.crosscheck,
        "explanation": run.explanation,
        "figures": [
            {**{name: figure.get(name) for group in named for name in group}, "sha256": figure["light"]}
            for figure in run.figures
        ],
        "digest": run.digest,
    }


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Names of attributes are the bank's own words, so they travel as values, never as keys."""
    return {**settings, "references": sorted((settings.get("references") or {}).items())}
