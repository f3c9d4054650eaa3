from mrm.audit.records import show
from mrm.entitlement.models import Proposal

show(Proposal)
