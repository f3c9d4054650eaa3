"""The independent challenge as a report tells it: plan, evidence, findings with their stories, outcome."""

from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries import OF_PRESENT_ENDPOINT
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version
from mrm.validation.models import Evidence, Finding, Validation
from mrm.validation.queries import open_findings


def validations(version: Version) -> list[dict[str, Any]]:
    found = version.validations.select_related("validator", "requested_by").order_by("number")
    return [_validation(validation) for validation in found]


def relied_on(version: Version, kind: str) -> Run | None:
    """The latest run of a kind that evidence of the version names, on exactly the bytes it has now."""
    named = Run.objects.filter(evidence__validation__version=version, status=RunState.DONE, kinds__contains=[kind])
    named = named.filter(OF_PRESENT_ENDPOINT)
    return named.filter(artifact_sha256=version.artifact_id or "").order_by("-number").first()


def earlier_findings(version: Version) -> list[dict[str, Any]]:
    """Findings on other versions of the model that are not closed: a new version does not wash them off."""
    found = open_findings(version).exclude(validation__version=version).order_by("number")
    return [_finding(finding) for finding in found]


def _validation(validation: Validation) -> dict[str, Any]:
    evidence = validation.evidence.select_related("run", "added_by").order_by("pillar", "added_at", "pk")
    findings = validation.findings.select_related("owner", "raised_by", "remediated_by", "verified_by").order_by(
        "number"
    )
    return {
        "ref": validation.ref,
        "kind": validation.get_kind_display(),
        "status": validation.get_status_display(),
        "validator": validation.validator.name if validation.validator else "",
        "requested_by": validation.requested_by.name,
        "requested_at": validation.requested_at,
        "plan": validation.plan,
        "outcome": validation.get_outcome_display() if validation.outcome else "",
        "outcome_key": validation.outcome,
        "conclusion": validation.conclusion,
        "residual_risk": validation.residual_risk,
        "artifact_sha256": validation.artifact_sha256,
        "concluded_at": validation.concluded_at,
        "evidence": [_evidence(entry) for entry in evidence],
        "findings": [_finding(finding) for finding in findings],
    }


def _evidence(entry: Evidence) -> dict[str, Any]:
    return {
        "pillar": entry.get_pillar_display(),
        "title": entry.title,
        "text": entry.text,
        "run": entry.run.ref if entry.run else "",
        "run_digest": entry.run.digest if entry.run else "",
        "sha256": entry.sha256,
        "filename": entry.filename,
        "added_by": entry.added_by.name,
        "added_at": entry.added_at,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "ref": finding.ref,
        "title": finding.title,
        "description": finding.description,
        "severity": finding.get_severity_display(),
        "tier_at_issue": finding.tier_at_issue,
        "status": finding.get_status_display(),
        "open": finding.is_open,
        "owner": finding.owner.name,
        "raised_by": finding.raised_by.name,
        "raised_at": finding.raised_at,
        "due": finding.due,
        "first_due": finding.first_due,
        "story": [
            {"step": step, "text": text, "by": by}
            for step, text, by in (
                ("Answer", finding.response, ""),
                ("Rebuttal", finding.rebuttal, ""),
                ("Plan", finding.plan, ""),
                ("Remediation", finding.remediation, finding.remediated_by.name if finding.remediated_by else ""),
                ("Verification", finding.verification, finding.verified_by.name if finding.verified_by else ""),
            )
            if text
        ],
        "remediation_sha256": finding.remediation_sha256,
        "closed_at": finding.closed_at,
    }
