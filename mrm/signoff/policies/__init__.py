"""Who may sign and what the signatures amount to: pure functions over a pinned policy and a history."""

from mrm.signoff.policies.difference import Piece, difference
from mrm.signoff.policies.evaluate import Ballot, History, Need, Verdict, evaluate
from mrm.signoff.policies.signer import Signer, may_sign, open_roles, others_may_sign

__all__ = [
    "Ballot",
    "History",
    "Need",
    "Piece",
    "Signer",
    "Verdict",
    "difference",
    "evaluate",
    "may_sign",
    "open_roles",
    "others_may_sign",
]
