"""Proposals of roles that sign, and reviews of access."""

from mrm.entitlement.models.proposal import Proposal
from mrm.entitlement.models.review import Item, Review

__all__ = ["Item", "Proposal", "Review"]
