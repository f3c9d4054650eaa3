"""Whether an approval may be relied on, today and for these bytes."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrm.approval.models import Approval, Condition
    from mrm.inventory.models import Version
    from mrm.signoff.models import Request
    from mrm.validation.models import Validation


def in_force(approval: "Approval", today: dt.date) -> str | None:
    """Why the approval does not hold today, or None."""
    if approval.status == "suspended":
        return f"The approval of {approval.version} is suspended. {approval.suspended_because}"
    if approval.status != "valid":
        return f"The approval of {approval.version} is {approval.get_status_display().lower()}."
    if approval.valid_until < today:
        return f"The approval of {approval.version} expired on {approval.valid_until.isoformat()}."
    late = overdue(approval, today)
    if late:
        return f"The condition “{late[0].text}” was due on {late[0].due.isoformat()} and is not met."
    return None


def overdue(approval: "Approval", today: dt.date) -> list["Condition"]:
    """The conditions whose day has passed without anybody having accepted their evidence."""
    return [condition for condition in approval.conditions.all() if not condition.met_on and condition.due < today]


def may_review(approval: "Approval", person: str, shut: Mapping[str, str]) -> str | None:
    """Why the person does not review an emergency use: it is done once, and by nobody who opened it or is a party."""
    if approval.kind != "emergency":
        return "Only an emergency use is reviewed afterwards."
    if approval.reviewed_at:
        return "This emergency use was reviewed before."
    if person in shut:
        return f"You may not review this: its review is for somebody who took no part, and you {shut[person]}."
    return None


def same_bytes(approval: "Approval", sha256: str) -> str | None:
    """Why these bytes are not the approved ones, or None."""
    if approval.artifact_sha256 != sha256:
        return f"The approval is for artifact {approval.artifact_sha256[:12]}…, these bytes are {sha256[:12]}…."
    return None


def may_reopen(version: "Version", asked: "Request | None", concluded: "Validation | None") -> str | None:
    """Why the version is not opened again for work, or None: only what the signers returned goes back to its makers.

    `asked` is the last request on the version, `concluded` the last outcome for its present artifact.
    """
    if version.status != "validated":
        return f"{version} is {version.get_status_display().lower()}; a validated version is opened again for work."
    if asked is None:
        return f"{version} was never put before the signers; a version that they returned is opened again for work."
    if asked.status != "returned":
        state = asked.get_status_display().lower()
        return f"{asked.ref} on {version} is {state}; a version that was returned is opened again for work."
    if concluded and concluded.concluded_at and asked.decided_at and concluded.concluded_at > asked.decided_at:
        return f"{version} was validated again since {asked.ref} was returned: put it before the signers."
    return None
