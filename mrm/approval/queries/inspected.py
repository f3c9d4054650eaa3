"""The inspection of an artifact as a gate: what stands in for it is an exception from just this outcome of these bytes."""

import uuid
from collections.abc import Collection

from mrm.evaluation import queries as evaluation
from mrm.evaluation.models import Inspection
from mrm.evaluation.workflow import InspectionOutcome
from mrm.inventory.models import Version
from mrm.signoff.models import Gate, GateState

TITLE = "Artifact inspected, with nothing found"
KEY = "inspection"
_DIGITS = 28  # of the digest, which with the longest outcome fill the name of a clause


def clause_of(found: Inspection) -> str:
    """The clause that an exception names: another outcome, or other bytes, is another clause."""
    return f"{found.outcome}-{found.artifact_id[:_DIGITS]}"


def inspection_clauses(models: Collection[uuid.UUID]) -> dict[str, str]:
    """What an exception may be from on these models: the artifacts of theirs that an inspection did not find clean."""
    artifacts = Version.objects.filter(model__in=models).exclude(artifact=None).values_list("artifact", flat=True)
    found = evaluation.latest_inspections(set(artifacts)).values() if models else ()
    return {
        clause_of(each): f"{TITLE}: {each.artifact.filename}, {each.artifact_id[:12]}…, is {each.outcome}"
        for each in found
        if each.outcome != InspectionOutcome.CLEAN
    }


def inspection_gate(version: Version, found: Inspection | None) -> Gate:
    """Whether what is to be used was looked through, and what was found."""
    why_not = (
        evaluation.why_artifact_not_passed(version.artifact.filename, found) if version.artifact else "No artifact."
    )
    return Gate(
        KEY,
        TITLE,
        GateState.MISSING if why_not else GateState.MET,
        why_not or (f"{found.found}, clean by {found.told_tools}" if found else ""),
        url=f"{version.get_absolute_url()}#inspection",
        as_of=found.made_at.date().isoformat() if found else "",
        clause=clause_of(found) if found and why_not else "",
    )
