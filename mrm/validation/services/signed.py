"""What of a validation and of a finding is signed for: the outcome, the closing, the withdrawal, an accepted risk."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from mrm.core.actors import Actor
from mrm.core.refusal import Invalid, Refused
from mrm.inventory.queries import model_parts
from mrm.signoff.models import Change, Decision, Gate, GateState, Proposal, Request, Vote, add_part
from mrm.signoff.services import ProposalSubject
from mrm.validation import queries
from mrm.validation.models import Finding, Validation, ValidationOutcome
from mrm.validation.services.finding import bear_risk, close, send_back, withdraw
from mrm.validation.services.validation import check_outcome, settle_outcome
from mrm.validation.workflow import FINDING, OPEN_STATES, VALIDATION, FindingState


class Outcome(ProposalSubject):
    """The outcome of a validation, signed by a second validator."""

    kind, action, permission = "validation_outcome", "sign_validation", "validation.conclude"
    title = "Outcome of"

    def records(self, targets: Sequence[str]) -> Mapping[str, Validation]:
        return queries.validations_to_sign(targets)

    def record_tier(self, record: Validation) -> str:
        return record.version.model.tier

    def check(self, record: Validation, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        if reasons := VALIDATION.closed(record, "conclude", actor):
            raise Refused(*reasons)
        outcome, risk = str(content.get("outcome", "")), str(content.get("residual_risk", ""))
        check_outcome(record, outcome, str(content.get("conclusion", "")), risk)
        return {"outcome": outcome, "residual_risk": risk, "conclusion": str(content["conclusion"]).strip()}

    def bound(self, record: Validation, proposal: Proposal) -> Mapping[str, Any]:
        return {
            "artifact": record.artifact_sha256,
            "plan": record.plan,
            "evidence": [
                f"{each.pillar}: {each.title} {each.sha256 or (each.run.digest if each.run else '')}".strip()
                for each in record.evidence.all()
            ],
            "open_findings": sorted(
                f"{each.ref} {each.severity}" for each in record.findings.all() if each.status in OPEN_STATES
            ),
        }

    def parts(self, record: Validation, proposal: Proposal) -> Mapping[str, Any]:
        found = model_parts(record.version.model)
        add_part(found, record.parties(), "contributor", "contributed to this version")
        add_part(found, [record.validator_id], "validator", "validated this")
        add_part(found, {each.added_by_id for each in record.evidence.all()}, "validator", "validated this")
        return found

    def gates_of(self, record: Validation, proposal: Proposal) -> list[Gate]:
        same = record.version.artifact_id == record.artifact_sha256
        pillars = sorted({each.get_pillar_display() for each in record.evidence.all()})
        return [
            Gate(
                "artifact",
                "The artifact is the one that was handed to validation",
                GateState.MET if same else GateState.MISSING,
                f"SHA-256 {record.artifact_sha256[:12]}…",
                url=record.get_absolute_url(),
            ),
            Gate(
                "evidence",
                "The outcome rests on evidence",
                GateState.MET if pillars else GateState.MISSING,
                ", ".join(pillars) or "None yet.",
                url=f"{record.get_absolute_url()}#evidence",
            ),
        ]

    def differences(self, record: Validation, proposal: Proposal) -> list[Change]:
        given = proposal.content
        return [
            Change("Outcome", "", ValidationOutcome(given["outcome"]).label, material=True),
            Change("Residual risk", record.version.model.residual_risk, given["residual_risk"], material=True),
            Change("Conclusion", "", given["conclusion"], material=True),
        ]

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        found = self.record(proposal)
        model = found.version.model
        return [
            ("Model", model.ref, model.get_absolute_url()),
            ("Validation", found.ref, found.get_absolute_url()),
            ("Validator", str(found.validator or ""), ""),
        ]

    def carry_out(self, record: Validation, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        settle_outcome(record, proposal=proposal, request=request, actor=actor)


class OfFinding(ProposalSubject):
    """A step of a finding that others sign for: those behind the model and the finding are parties."""

    action = "close_finding"

    def records(self, targets: Sequence[str]) -> Mapping[str, Finding]:
        return queries.findings_to_sign(targets)

    def record_tier(self, record: Finding) -> str:
        return record.validation.version.model.tier

    def parts(self, record: Finding, proposal: Proposal) -> Mapping[str, Any]:
        found = model_parts(record.validation.version.model)
        add_part(found, record.validation.parties(), "contributor", "contributed to this version")
        add_part(found, [record.owner_id], "contributor", "answers this finding")
        add_part(found, [record.remediated_by_id], "contributor", "did the work on this finding")
        add_part(found, [record.raised_by_id], "validator", "raised this finding")
        return found

    def facts(self, proposal: Proposal) -> list[tuple[str, str, str]]:
        found = self.record(proposal)
        model = found.validation.version.model
        return [
            ("Model", model.ref, model.get_absolute_url()),
            ("Finding", f"{found.ref}, {found.get_severity_display().lower()}", found.get_absolute_url()),
            ("Owner", found.owner.name, ""),
        ]


class Closure(OfFinding):
    """The closing of a finding by somebody who did not do the work: the signature is the verification."""

    kind, permission, title = "finding_closure", "validation.remediate_finding", "Closing of"

    def check(self, record: Finding, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        if record.status != FindingState.EVIDENCE:
            raise Refused(f"{record.ref} has no remediation to verify; submit it first, and it is put to the signers.")
        return {}

    def bound(self, record: Finding, proposal: Proposal) -> Mapping[str, Any]:
        return {
            "severity": record.severity,
            "remediation": record.remediation,
            "evidence": record.remediation_sha256,
        }

    def differences(self, record: Finding, proposal: Proposal) -> list[Change]:
        proof = (
            f"{record.remediation_filename}, SHA-256 {record.remediation_sha256}" if record.remediation_sha256 else ""
        )
        return [
            Change("State", FindingState.EVIDENCE.label, FindingState.CLOSED.label, material=True),
            Change("What was found", "", record.description),
            Change("What was done", "", record.remediation, material=True),
            *([Change("Proof", "", proof, material=True)] if proof else []),
        ]

    def carry_out(self, record: Finding, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        vote = _deciding(request, Decision.APPROVE)
        close(record, verification=vote.rationale, by=vote.person, proposal=proposal, request=request, actor=actor)

    def turned_down(self, record: Finding, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        vote = _deciding(request, Decision.RETURN, Decision.REJECT)
        send_back(record, reason=vote.rationale, actor=actor)

    def withdrawn(self, proposal: Proposal, *, actor: Actor) -> None:
        super().withdrawn(proposal, actor=actor)
        send_back(self.record(proposal), reason="The remediation was taken back.", actor=actor)


def _deciding(request: Request, *decisions: str) -> Vote:
    """The last vote of the kind: its words are those of the step."""
    return request.votes.filter(decision__in=decisions).select_related("person").latest("signed_at", "id")


class Withdrawal(OfFinding):
    """A finding taken back by a validator, which another signs."""

    kind, permission, title = "finding_withdrawal", "validation.withdraw_finding", "Withdrawal of"

    def check(self, record: Finding, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        if reasons := FINDING.closed(record, "withdraw_finding", actor):
            raise Refused(*reasons)
        return {}

    def bound(self, record: Finding, proposal: Proposal) -> Mapping[str, Any]:
        return {"severity": record.severity, "rebuttal": record.rebuttal}

    def differences(self, record: Finding, proposal: Proposal) -> list[Change]:
        return [
            Change("State", record.get_status_display(), FindingState.WITHDRAWN.label, material=True),
            Change("What was found", "", record.description),
            *([Change("Rebuttal", "", record.rebuttal)] if record.rebuttal else []),
        ]

    def carry_out(self, record: Finding, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        withdraw(record, proposal=proposal, request=request, actor=actor)


class Acceptance(OfFinding):
    """The risk of a finding, borne by the business for a time with something to compensate it."""

    kind, permission, title = "risk_acceptance", "validation.accept_risk", "Accepted risk of"
    action = "accept_risk"

    def check(self, record: Finding, content: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        if reasons := FINDING.closed(record, "accept_risk", actor):
            raise Refused(*reasons)
        return bearing(content)

    def bound(self, record: Finding, proposal: Proposal) -> Mapping[str, Any]:
        return {"severity": record.severity, "clause": record.ref}

    def differences(self, record: Finding, proposal: Proposal) -> list[Change]:
        return [
            Change("State", record.get_status_display(), FindingState.RISK_ACCEPTED.label, material=True),
            Change("What was found", "", record.description),
            Change("What compensates it", "", proposal.content["compensation"], material=True),
            Change("Until", "", proposal.content["until"], material=True),
        ]

    def carry_out(self, record: Finding, proposal: Proposal, request: Request, *, actor: Actor) -> None:
        bear_risk(record, proposal=proposal, request=request, actor=actor)


def bearing(content: Mapping[str, Any]) -> dict[str, str]:
    """What a risk is borne with: what compensates it, and until when; an end is ahead, and no more than a year."""
    words, until = str(content.get("compensation", "")).strip(), str(content.get("until", ""))
    if not words:
        raise Invalid("Say what compensates the risk.", fields={"compensation": ["Needed."]})
    today = timezone.localdate()
    try:
        day = dt.date.fromisoformat(until)
    except ValueError as error:
        raise Invalid("until: a day such as 2027-05-31 is needed.", fields={"until": ["Not a date."]}) from error
    if not today < day <= today + dt.timedelta(days=365):
        sentence = f"until: {until} is not within a year from tomorrow on; a risk is accepted for a time, and renewed."
        raise Invalid(sentence, fields={"until": ["Within a year, from tomorrow on."]})
    return {"compensation": words, "until": until}


SIGNED = (Outcome(), Closure(), Withdrawal(), Acceptance())
