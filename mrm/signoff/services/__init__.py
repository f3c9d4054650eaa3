"""Ask for a signature, sign, act on the verdict; and what people do beside the votes."""

from mrm.signoff.services.aside import answer, ask, escalate, escalate_overdue, recuse
from mrm.signoff.services.asking import comment, lapse, look_again_at_all, settle, settle_due, submit, withdraw
from mrm.signoff.services.delegation import delegate, end_delegation
from mrm.signoff.services.policy import PolicyChange, change_policy, fault_in, load_policy
from mrm.signoff.services.proposal import ProposalSubject, kind_of, must_be_signed, propose
from mrm.signoff.services.several import Decided, Given, Laid, compose_each, read_each, sign_each
from mrm.signoff.services.signing import compose, sign, vote

__all__ = [
    "Decided",
    "Given",
    "Laid",
    "PolicyChange",
    "ProposalSubject",
    "answer",
    "ask",
    "change_policy",
    "comment",
    "compose",
    "compose_each",
    "delegate",
    "end_delegation",
    "escalate",
    "escalate_overdue",
    "fault_in",
    "kind_of",
    "lapse",
    "load_policy",
    "look_again_at_all",
    "must_be_signed",
    "propose",
    "read_each",
    "recuse",
    "settle",
    "settle_due",
    "sign",
    "sign_each",
    "submit",
    "vote",
    "withdraw",
]
