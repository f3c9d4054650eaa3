"""Propose a role that signs, and grant what was signed for."""

from mrm.entitlement.services.proposal import ProposalSubject, propose

__all__ = ["ProposalSubject", "propose"]
