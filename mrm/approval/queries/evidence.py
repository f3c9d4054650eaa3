"""What stands behind a version, and the gates that it opens."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from mrm.approval.queries.inspected import inspection_clauses, inspection_gate
from mrm.evaluation import queries as evaluation
from mrm.evaluation.models import Inspection, Run
from mrm.inventory import policies as inventory_policies
from mrm.inventory import queries as inventory
from mrm.inventory.models import Pack, Version, VersionDataset
from mrm.signoff.models import Gate, GateState
from mrm.validation.models import Finding, RiskAcceptance, Validation, ValidationOutcome
from mrm.validation.workflow import OPEN_STATES, ValidationState

KINDS = (
    ("performance", "Outcomes analysis"),
    ("bias", "Fairness tests"),
    ("explainability", "Explainability tests"),
)
MEASURES = {
    "auc": "area under the ROC curve",
    "gini": "Gini",
    "ks": "Kolmogorov–Smirnov",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "ece": "calibration error",
    "log_loss": "log loss",
    "air": "adverse impact ratio",
    "smd": "standardised mean difference",
    "tpr_gap": "true-positive-rate gap",
    "fpr_gap": "false-positive-rate gap",
    "additivity": "additivity of explanations",
    "psi": "population stability index",
    "jensen_shannon": "Jensen–Shannon distance from the training data",
}
_HEAVY = ("figures", "crosscheck", "explanation", "pins")
_WORST = ("fail", "watch", "insufficient", "pass")


@dataclass(frozen=True)
class Evidence:
    """What stands behind a version: validation, runs by kind, inspection, open findings, data, the rules of the record."""

    version: Version
    concluded: Validation | None
    runs: Mapping[str, Run]
    findings: Sequence[Finding]
    uses: Sequence[VersionDataset]
    packs: Sequence[Pack]
    exceptions: Mapping[str, RiskAcceptance] = field(default_factory=dict)
    inspection: Inspection | None = None


def subject_versions() -> QuerySet[Version]:
    return Version.objects.select_related("model__unit", "model__owner", "model__developer", "developer", "artifact")


def evidence_of(versions: Sequence[Version]) -> dict[uuid.UUID, Evidence]:
    """The evidence of many versions, by a number of queries that does not grow with them."""
    packs = list(inventory.field_packs())
    validations = _concluded(versions)
    runs = _runs(versions)
    findings: dict[uuid.UUID, list[Finding]] = {}
    for entry in _open_findings(versions):
        findings.setdefault(entry.validation.version.model_id, []).append(entry)
    linked: dict[uuid.UUID, list[VersionDataset]] = {}
    for use in VersionDataset.objects.filter(version__in=versions).select_related("dataset").order_by("id"):
        linked.setdefault(use.version_id, []).append(use)
    exceptions = exceptions_of([version.model_id for version in versions])
    inspections = evaluation.latest_inspections([version.artifact_id for version in versions if version.artifact_id])
    return {
        version.pk: Evidence(
            version,
            validations.get(version.pk),
            runs.get(version.pk, {}),
            findings.get(version.model_id, []),
            linked.get(version.pk, []),
            packs,
            {clause: each for (model, clause), each in exceptions.items() if model == version.model_id},
            inspections.get(version.artifact_id or ""),
        )
        for version in versions
    }


def _concluded(versions: Sequence[Version]) -> dict[uuid.UUID, Validation]:
    """The last concluded validation of exactly the artifact that each version has now."""
    found = Validation.objects.filter(version__in=versions, status=ValidationState.CONCLUDED).select_related(
        "validator"
    )
    artifacts = {version.pk: version.artifact_id or "" for version in versions}
    return {
        entry.version_id: entry
        for entry in found.order_by("concluded_at")
        if entry.artifact_sha256 == artifacts[entry.version_id]
    }


def _runs(versions: Sequence[Version]) -> dict[uuid.UUID, dict[str, Run]]:
    """The latest completed run of each kind on exactly the artifact that each version has now."""
    artifacts = {version.pk: version.artifact_id for version in versions}
    done = evaluation.evidence().filter(version__in=versions).select_related("dataset")
    found: dict[uuid.UUID, dict[str, Run]] = {}
    for run in done.defer("results", *_HEAVY).order_by("finished_at"):
        if run.artifact_sha256 == artifacts[run.version_id]:
            found.setdefault(run.version_id, {}).update(dict.fromkeys(run.kinds, run))
    return found


def _open_findings(versions: Sequence[Version]) -> QuerySet[Finding]:
    """Findings on any version of the models that are not closed: a new version does not wash them off."""
    models = {version.model_id for version in versions}
    return Finding.objects.filter(validation__version__model__in=models, status__in=OPEN_STATES).select_related(
        "owner", "validation__version"
    )


def judged(evidence: Evidence) -> list[dict[str, Any]]:
    """Overall results that have a limit, and of measures by group or column the worst of each attribute."""
    runs = Run.objects.filter(pk__in={run.pk for run in evidence.runs.values()}).defer(*_HEAVY)
    results = [result for run in runs for result in run.results if result["threshold_text"]]
    overall = [result for result in results if not result["attribute"] and not result["group"]]
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for result in results:
        if (result["attribute"] or result["group"]) and result["status"] in _WORST:
            key = (result["measure"], result["attribute"])
            worst[key] = min(worst.get(key, result), result, key=_badness)
    found = [*overall, *worst.values()]
    return sorted(
        found, key=lambda result: _WORST.index(result["status"]) if result["status"] in _WORST else len(_WORST)
    )


def _badness(result: dict[str, Any]) -> tuple[int, float]:
    """By status; of columns, whose measures are all distances, the farther first."""
    return _WORST.index(result["status"]), 0.0 if result["attribute"] else -(result["value"] or 0.0)


def gates_of(evidence: Evidence) -> list[Gate]:
    """Everything that must hold before a version may be approved, in the order of its life."""
    found = [
        _validated(evidence),
        *(_run(evidence, kind, title) for kind, title in KINDS),
        _no_serious_finding(evidence),
        *(_complete(evidence, pack) for pack in evidence.packs),
        _stored(evidence.version),
        inspection_gate(evidence.version, evidence.inspection),
    ]
    return [_excepted(gate, evidence.exceptions.get(gate.clause)) for gate in found]


def _excepted(gate: Gate, exception: RiskAcceptance | None) -> Gate:
    """A gate that a standing exception stands in for."""
    if exception is None or gate.state != GateState.MISSING:
        return gate
    told = f"{exception.ref}, {exception.request.ref}, until {exception.until:%Y-%m-%d}"
    return replace(gate, state=GateState.WAIVED, detail=told, url=exception.request.get_absolute_url())


def clauses(models: Collection[uuid.UUID] = ()) -> dict[str, str]:
    """What an exception may be from: the gates that may be waived, with their titles, and inspections on the models."""
    fields = {f"fields-{pack.key}": f"Record complete for {pack.title}" for pack in inventory.field_packs()}
    return dict(KINDS) | fields | inspection_clauses(models)


def exceptions_of(models: Sequence[uuid.UUID]) -> dict[tuple[uuid.UUID, str], RiskAcceptance]:
    """The exceptions in force today, by model and clause."""
    found = RiskAcceptance.objects.filter(
        model__in=models, finding=None, ended_at=None, until__gte=timezone.localdate()
    ).select_related("request")
    return {(each.model_id, each.clause): each for each in found}


def _state(holds: bool) -> GateState:
    return GateState.MET if holds else GateState.MISSING


def _validated(evidence: Evidence) -> Gate:
    found = evidence.concluded
    fit = found is not None and found.outcome != ValidationOutcome.NOT_FIT
    return Gate(
        "validation",
        "Independent validation",
        _state(fit),
        f"{found.ref}, {found.get_outcome_display().lower()}" if found else "No outcome for this artifact yet.",
        url=(found or evidence.version).get_absolute_url(),
        as_of=found.concluded_at.date().isoformat() if found and found.concluded_at else "",
    )


def _run(evidence: Evidence, kind: str, title: str) -> Gate:
    run = evidence.runs.get(kind)
    return Gate(
        kind,
        title,
        _state(run is not None),
        f"{run.ref} on {run.dataset.name}, {run.dataset.rows:,} rows" if run else "No run on this artifact yet.",
        url=(run or evidence.version).get_absolute_url(),
        as_of=run.finished_at.date().isoformat() if run and run.finished_at else "",
        waivable=True,
        clause=kind,
    )


def _no_serious_finding(evidence: Evidence) -> Gate:
    barring = [entry for entry in evidence.findings if entry.severity in {"critical", "high"}]
    title = "No critical or high finding open"
    if barring:
        names = ", ".join(f"{entry.ref} ({entry.severity})" for entry in barring)
        return Gate("findings", title, GateState.MISSING, names, barring[0].get_absolute_url())
    count = len(evidence.findings)
    return Gate(
        "findings", title, GateState.MET, f"{count} open, none critical or high" if count else "None open", "#findings"
    )


def _complete(evidence: Evidence, pack: Pack) -> Gate:
    version = evidence.version
    facts = inventory.model_facts(version.model)
    facts |= {"version": version.label, "data_sources": [use.dataset.source for use in evidence.uses]}
    missing = inventory_policies.missing_fields(pack.content, facts, "approval")
    return Gate(
        f"fields-{pack.key}",
        f"Record complete for {pack.title}",
        _state(not missing),
        f"Empty: {', '.join(missing)}" if missing else f"{pack.key} {pack.version}",
        url=version.model.get_absolute_url(),
        waivable=True,
        clause=f"fields-{pack.key}",
    )


def _stored(version: Version) -> Gate:
    artifact = version.artifact
    return Gate(
        "artifact",
        "Artifact stored under its digest",
        _state(artifact is not None),
        f"{artifact.filename}, {artifact.size:,} bytes, {artifact.sha256[:12]}…" if artifact else "No artifact.",
        url=version.get_absolute_url(),
    )
