"""The model card of a bill of materials: what the version is for, what it takes and gives, how it did, on whom it weighs."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from mrm.core.canonical import plain
from mrm.evaluation.models import Run
from mrm.evaluation.queries import TITLES
from mrm.inventory.models import Dataset, ModelKind, Version
from mrm.measures.registry import MEASURES
from mrm.validation.models import Finding

_OUTPUTS = {
    ModelKind.CLASSIFICATION: "a probability",
    ModelKind.REGRESSION: "an amount",
    ModelKind.LOSS: "a share or an amount lost",
}
_BESIDE = ("n", "status", "threshold_text", "reason", "method", "reference")
_Results = list[tuple[Run, dict[str, Any]]]


def model_card(
    version: Version, data: Iterable[Dataset], runs: Iterable[Run], findings: Iterable[Finding]
) -> dict[str, Any]:
    """The card in the names of CycloneDX 1.6; what it has no field for travels as properties."""
    overall, groups = _divided(runs)
    return filled({
        "modelParameters": _parameters(version, list(data)),
        "quantitativeAnalysis": {"performanceMetrics": [_metric(run, each) for run, each in overall]},
        "considerations": _considerations(version, groups, findings),
        "properties": [_beside(run, each) for run, each in overall],
    })  # fmt: skip


def filled(given: dict[str, Any]) -> dict[str, Any]:
    """Without what the record says nothing about: an empty text or list would read as a statement."""
    kept = {key: filled(value) if isinstance(value, dict) else value for key, value in given.items()}
    return {key: value for key, value in kept.items() if value not in ("", None, [], {})}


def _parameters(version: Version, data: list[Dataset]) -> dict[str, Any]:
    types = {column["name"]: column.get("type", "") for each in data for column in each.manifest.get("columns", [])}
    return {
        "approach": {"type": "supervised" if version.target else ""},
        "task": version.get_model_kind_display(),
        "architectureFamily": version.artifact.get_kind_display() if version.artifact else "",
        "modelArchitecture": version.methodology,
        "datasets": [{"ref": ref} for ref in dict.fromkeys(each.ref for each in data)],
        "inputs": [{"format": f"{name}: {types.get(name) or 'type not recorded'}"} for name in version.features],
        "outputs": [{"format": _output(version)}],
    }


def _output(version: Version) -> str:
    about = f" of {version.target}" if version.target else ""
    cutoff = "" if version.cutoff is None else f", decided at the cut-off {version.cutoff.normalize():f}"
    return f"one score for each row: {_OUTPUTS[ModelKind(version.model_kind)]}{about}{cutoff}"


def _considerations(version: Version, groups: _Results, findings: Iterable[Finding]) -> dict[str, Any]:
    model = version.model
    return {
        "useCases": [each for each in (version.intended_use, *map(str, model.approved_uses)) if each],
        "technicalLimitations": [
            *map(str, model.limitations),
            *(f"Domain of use: {each}" for each in version.domain_of_use),
        ],
        "ethicalConsiderations": [
            filled({
                "name": f"{finding.ref}: {finding.title} ({finding.get_severity_display().lower()},"
                f" {finding.get_status_display().lower()})",
                "mitigationStrategy": finding.remediation or finding.plan,
            })
            for finding in findings
        ],
        "fairnessAssessments": list(_assessments(groups)),
    }  # fmt: skip


def _divided(runs: Iterable[Run]) -> tuple[_Results, _Results]:
    """The performance of the whole population, and what was found of groups; of a measure the latest run speaks."""
    found: dict[tuple[str, str], tuple[Run, list[dict[str, Any]]]] = {}
    for run in runs:
        own: dict[tuple[str, str], tuple[Run, list[dict[str, Any]]]] = {}
        for each in run.results:
            own.setdefault((each["measure"], each["attribute"]), (run, []))[1].append(each)
        found |= own
    told = [(run, each) for run, results in found.values() for each in results]
    groups = [(run, each) for run, each in told if each["attribute"]]
    return [(run, each) for run, each in told if not each["attribute"] and _of_performance(each["measure"])], groups


def _of_performance(measure: str) -> bool:
    return measure in MEASURES and "performance" in MEASURES[measure].kinds


def _metric(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    bounds = {"lowerBound": _number(result["lower"]), "upperBound": _number(result["upper"])}
    return filled({
        "type": result["measure"],
        "value": _number(result["value"]),
        "slice": ", ".join(each for each in (run.dataset.ref, result["group"], _counted(result)) if each),
        "confidenceInterval": bounds,
    })  # fmt: skip


def _beside(run: Run, result: dict[str, Any]) -> dict[str, str]:
    """Number of rows, status and limits of a metric, for which the format has no field, as JSON."""
    told = filled({name: result[name] for name in _BESIDE})
    name = ":".join(each for each in ("mrm:metric", run.ref, result["measure"], result["group"]) if each)
    return {"name": name, "value": json.dumps(plain(told), sort_keys=True, ensure_ascii=False)}


def _assessments(groups: _Results) -> Iterator[dict[str, Any]]:
    """One for each group that was compared, with every result on it."""
    found: dict[tuple[str, str], list[str]] = {}
    for run, each in groups:
        found.setdefault((each["attribute"], each["group"]), []).append(_line(run, each))
    for (attribute, group), lines in found.items():
        yield {"groupAtRisk": f"{attribute}: {group}" if group else attribute, "harms": "\n".join(lines)}


def _line(run: Run, result: dict[str, Any]) -> str:
    value, ends = _number(result["value"]), (_number(result["lower"]), _number(result["upper"]))
    facts = (
        f"{TITLES.get(result['measure'], result['measure'])}: {value or 'no value'}",
        f"feature {result['detail']['feature']}" if result["detail"].get("feature") else "",
        f"against {result['reference']}" if result["reference"] else "",
        f"interval {ends[0]} to {ends[1]}" if all(ends) else "",
        _counted(result),
        f"{result['status']} ({result['threshold_text']})" if result["threshold_text"] else result["status"],
        result["reason"],
        run.ref,
    )
    return ", ".join(fact for fact in facts if fact)


def _counted(result: dict[str, Any]) -> str:
    return "" if result["n"] is None else f"n = {result['n']}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
