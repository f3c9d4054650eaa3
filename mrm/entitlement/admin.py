from mrm.audit.records import show
from mrm.entitlement.models import Item, Proposal, Review

show(Item, Proposal, Review)
