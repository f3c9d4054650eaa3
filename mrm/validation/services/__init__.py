"""Named changes to validations and findings."""

from mrm.validation.services.finding import (
    accept_finding,
    begin_finding,
    plan_finding,
    raise_finding,
    rebut_finding,
    remediate_finding,
    return_finding,
    uphold_finding,
    verify_finding,
    withdraw_finding,
)
from mrm.validation.services.validation import add_evidence, conclude, request, take, write_plan

__all__ = [
    "accept_finding",
    "add_evidence",
    "begin_finding",
    "conclude",
    "plan_finding",
    "raise_finding",
    "rebut_finding",
    "remediate_finding",
    "request",
    "return_finding",
    "take",
    "uphold_finding",
    "verify_finding",
    "withdraw_finding",
    "write_plan",
]
