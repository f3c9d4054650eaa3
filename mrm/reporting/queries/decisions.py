"""Decisions with every signature, and the permissions and conditions that came of them."""

from typing import Any

from mrm.access.roles import Role
from mrm.approval.models import Approval
from mrm.approval.workflow import ApprovalState
from mrm.inventory.models import Version
from mrm.signoff.models import Decision, Request, Vote
from mrm.signoff.policies import METHODS

SUBJECT = "version_use"
CARRYING = {Decision.APPROVE, Decision.CONDITIONS}


def decisions(version: Version) -> list[dict[str, Any]]:
    """Every request to use the version, with the signatures as they were made."""
    asked = Request.objects.filter(subject_kind=SUBJECT, subject_key=str(version.pk))
    return [_request(request) for request in asked.select_related("policy", "submitted_by__person").order_by("number")]


def approvals(version: Version) -> list[dict[str, Any]]:
    found = Approval.objects.filter(version=version).select_related("request__policy").order_by("granted_at")
    return [_approval(approval) for approval in found]


def decisive(asked: list[dict[str, Any]], granted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The signatures that carry the permission in force, or else those of the last decision."""
    valid = [approval["request"] for approval in granted if approval["state"] == ApprovalState.VALID]
    ref = valid[-1] if valid else (asked[-1]["ref"] if asked else "")
    return [
        vote
        for request in asked
        if request["ref"] == ref
        for vote in request["votes"]
        if not valid or vote["key"] in CARRYING
    ]


def signers(version: Version) -> list[str]:
    """Who signed for the permission in force, in the order of signing."""
    carrying = Vote.objects.filter(
        request__approval__version=version, request__approval__status=ApprovalState.VALID, decision__in=CARRYING
    )
    return list(dict.fromkeys(carrying.order_by("signed_at", "pk").values_list("printed_name", flat=True)))


def _request(request: Request) -> dict[str, Any]:
    return {
        "ref": request.ref,
        "policy": str(request.policy),
        "policy_title": request.policy.title,
        "policy_digest": request.policy.digest,
        "status": request.get_status_display(),
        "submitted_by": request.submitted_by.name,
        "submitted_at": request.submitted_at,
        "note": request.note,
        "decided_at": request.decided_at,
        "subject_digest": request.subject_digest,
        "votes": [_vote(vote) for vote in request.votes.order_by("signed_at", "pk")],
    }


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "name": vote.printed_name,
        "role": Role(vote.role).label if vote.role in Role.values else vote.role,
        "unit": vote.unit_path,
        "key": vote.decision,
        "decision": vote.get_decision_display(),
        "rationale": vote.rationale,
        "conditions": [sorted(condition.items()) for condition in vote.conditions],
        "meaning": vote.meaning,
        "method": METHODS[vote.method],
        "signed_at": vote.signed_at,
        "subject_digest": vote.subject_digest,
        "statement": vote.statement,
        "statement_digest": vote.statement_digest,
    }


def _approval(approval: Approval) -> dict[str, Any]:
    conditions = approval.conditions.select_related("owner", "met_by").order_by("due", "pk")
    return {
        "request": approval.request.ref,
        "state": approval.status,
        "status": approval.get_status_display(),
        "artifact_sha256": approval.artifact_sha256,
        "environments": approval.approved_for,
        "granted_at": approval.granted_at,
        "valid_until": approval.valid_until,
        "ended_at": approval.ended_at,
        "ended_reason": approval.ended_reason,
        "conditions": [
            {
                "text": condition.text,
                "gate": condition.gate,
                "owner": condition.owner.name,
                "due": condition.due,
                "evidence": condition.evidence,
                "asked_by": condition.asked_by,
                "met_on": condition.met_on,
                "met_note": condition.met_note,
                "met_by": condition.met_by.name if condition.met_by else "",
            }
            for condition in conditions
        ],
    }
