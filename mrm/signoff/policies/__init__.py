"""Who may sign and what the signatures amount to: pure functions over a pinned policy and a history."""

from mrm.signoff.policies.check import Staff, fault_of
from mrm.signoff.policies.clock import Clock, clock
from mrm.signoff.policies.difference import Piece, difference
from mrm.signoff.policies.evaluate import Need, Verdict, evaluate, holds_for
from mrm.signoff.policies.history import (
    FOR,
    Ballot,
    Candidate,
    Delegation,
    Duty,
    Edit,
    Escalation,
    History,
    Party,
    Pause,
)
from mrm.signoff.policies.methods import METHODS, method_allowed, methods_of
from mrm.signoff.policies.sentences import changed_sentences, sentences
from mrm.signoff.policies.signer import Signer, may_sign, open_roles, others_may_sign, roles_asked, waited_for
from mrm.signoff.policies.standing import EXCLUDED, PARTS, barred, is_material, void
from mrm.signoff.policies.words import words

__all__ = [
    "EXCLUDED",
    "FOR",
    "METHODS",
    "PARTS",
    "Ballot",
    "Candidate",
    "Clock",
    "Delegation",
    "Duty",
    "Edit",
    "Escalation",
    "History",
    "Need",
    "Party",
    "Pause",
    "Piece",
    "Signer",
    "Staff",
    "Verdict",
    "barred",
    "changed_sentences",
    "clock",
    "difference",
    "evaluate",
    "fault_of",
    "holds_for",
    "is_material",
    "may_sign",
    "method_allowed",
    "methods_of",
    "open_roles",
    "others_may_sign",
    "roles_asked",
    "sentences",
    "void",
    "waited_for",
    "words",
]
