"""The life of an integrity finding: it is opened once, and explained; it never goes away."""

from mrm.audit.models import FindingStatus
from mrm.core.workflow import Move, Workflow

FLOW = Workflow("audit", Move("explain_finding", (FindingStatus.OPEN,), FindingStatus.EXPLAINED, label="Explain"))
