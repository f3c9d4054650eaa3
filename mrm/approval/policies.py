"""Whether an approval may be relied on, today and for these bytes."""

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrm.approval.models import Approval


def in_force(approval: "Approval", today: dt.date) -> str | None:
    """Why the approval does not hold today, or None."""
    if approval.status != "valid":
        return f"The approval of {approval.version} is {approval.get_status_display().lower()}."
    if approval.valid_until < today:
        return f"The approval of {approval.version} expired on {approval.valid_until.isoformat()}."
    late = [condition for condition in approval.conditions.all() if not condition.met_on and condition.due < today]
    if late:
        return f"The condition “{late[0].text}” was due on {late[0].due.isoformat()} and is not met."
    return None


def same_bytes(approval: "Approval", sha256: str) -> str | None:
    """Why these bytes are not the approved ones, or None."""
    if approval.artifact_sha256 != sha256:
        return f"The approval is for artifact {approval.artifact_sha256[:12]}…, these bytes are {sha256[:12]}…."
    return None
