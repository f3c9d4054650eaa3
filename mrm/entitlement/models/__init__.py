"""Proposals of roles that sign."""

from mrm.entitlement.models.proposal import Proposal

__all__ = ["Proposal"]
