"""The states of a validation and of a finding, as the findings policy names them."""

from django.db import models

from mrm.core.workflow import Move, Workflow
from mrm.validation import policies


class ValidationState(models.TextChoices):
    REQUESTED = "requested", "Requested"
    UNDER_WAY = "under_way", "Under way"
    CONCLUDED = "concluded", "Concluded"
    ABANDONED = "abandoned", "Abandoned"


class FindingState(models.TextChoices):
    OPEN = "open", "Open"
    REBUTTED = "rebutted", "Rebutted"
    ACCEPTED = "accepted", "Accepted"
    PLANNED = "planned", "Plan agreed"
    IN_PROGRESS = "in_progress", "In progress"
    EVIDENCE = "evidence_submitted", "Evidence submitted"
    CLOSED = "closed", "Closed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    RISK_ACCEPTED = "risk_accepted", "Risk accepted"


_V = ValidationState
_CHALLENGER = (policies.a_person, policies.independent, policies.the_validator, policies.outcome_not_asked)
VALIDATION = Workflow(
    "validation",
    Move("take", (_V.REQUESTED,), _V.UNDER_WAY, (policies.a_person, policies.independent), label="Take on"),
    Move("plan", (_V.UNDER_WAY,), _V.UNDER_WAY, _CHALLENGER, label="Write the plan"),
    Move("add_evidence", (_V.UNDER_WAY,), _V.UNDER_WAY, _CHALLENGER, label="Add evidence"),
    Move("raise_finding", (_V.UNDER_WAY,), _V.UNDER_WAY, _CHALLENGER, label="Raise a finding"),
    Move(
        "conclude",
        (_V.UNDER_WAY,),
        _V.CONCLUDED,
        (*_CHALLENGER, policies.has_plan, policies.has_evidence),
        label="Conclude",
    ),
)

_F = FindingState
_OWNER = (policies.behind_the_model,)
_VERIFIER = (policies.a_person, policies.not_his_own_work)
FINDING = Workflow(
    "validation",
    Move("accept_finding", (_F.OPEN,), _F.ACCEPTED, _OWNER, label="Accept"),
    Move("rebut_finding", (_F.OPEN,), _F.REBUTTED, (*_OWNER, policies.rebutted_once), label="Rebut"),
    Move("uphold_finding", (_F.REBUTTED,), _F.OPEN, _VERIFIER, label="Uphold"),
    Move(
        "withdraw_finding",
        (_F.OPEN, _F.REBUTTED),
        _F.WITHDRAWN,
        (*_VERIFIER, policies.nothing_asked),
        label="Propose to withdraw",
    ),
    Move("plan_finding", (_F.ACCEPTED,), _F.PLANNED, _OWNER, label="Agree a plan"),
    Move("begin_finding", (_F.PLANNED,), _F.IN_PROGRESS, _OWNER, label="Begin"),
    Move(
        "remediate_finding",
        (_F.ACCEPTED, _F.PLANNED, _F.IN_PROGRESS),
        _F.EVIDENCE,
        _OWNER,
        label="Submit remediation",
    ),
    Move(
        "accept_risk",
        (_F.OPEN, _F.ACCEPTED, _F.PLANNED, _F.IN_PROGRESS),
        _F.RISK_ACCEPTED,
        (*_OWNER, policies.nothing_asked),
        label="Propose to accept the risk",
    ),
    Move("resume_finding", (_F.RISK_ACCEPTED,), _F.ACCEPTED, (*_OWNER,), label="Take up again"),
    Move("return_finding", (_F.EVIDENCE,), _F.IN_PROGRESS, (policies.has_remediation,), label="Send back"),
    Move("verify_finding", (_F.EVIDENCE,), _F.CLOSED, (policies.has_remediation,), label="Close"),
)
# what the signatures on a remediation bring about, and nobody by himself
BY_SIGNATURE = frozenset({"return_finding", "verify_finding"})
OPEN_STATES = tuple(state for state in FindingState.values if state not in {_F.CLOSED, _F.WITHDRAWN, _F.RISK_ACCEPTED})
