"""Named changes to validations and findings."""

from mrm.validation.services.finding import (
    accept_finding,
    accept_risk,
    bear_risk,
    begin_finding,
    close,
    plan_finding,
    raise_finding,
    rebut_finding,
    remediate_finding,
    resume_finding,
    send_back,
    uphold_finding,
    watch,
    withdraw,
    withdraw_finding,
)
from mrm.validation.services.signed import SIGNED, bearing
from mrm.validation.services.validation import add_evidence, conclude, request, settle_outcome, take, write_plan

__all__ = [
    "SIGNED",
    "accept_finding",
    "accept_risk",
    "add_evidence",
    "bear_risk",
    "bearing",
    "begin_finding",
    "close",
    "conclude",
    "plan_finding",
    "raise_finding",
    "rebut_finding",
    "remediate_finding",
    "request",
    "resume_finding",
    "send_back",
    "settle_outcome",
    "take",
    "uphold_finding",
    "watch",
    "withdraw",
    "withdraw_finding",
    "write_plan",
]
