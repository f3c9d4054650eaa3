"""Whether an approval may be relied on, today, for these bytes and in this environment."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrm.approval.models import Approval, Condition
    from mrm.inventory.models import Version
    from mrm.signoff.models import Request
    from mrm.validation.models import Validation

# what an approval may be given for beside an environment of its own; an environment's key has no colon
EVERY_OF_KIND = {
    "any:production": "any production environment",
    "any:test": "any test environment",
    "any:shadow": "a shadow in any production environment",
}


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


@dataclass(frozen=True)
class Where:
    """Where a version is to be used: an environment of a kind, and whether as a shadow there, which answers nobody."""

    key: str
    name: str
    kind: str
    shadow: bool = False

    @property
    def names(self) -> set[str]:
        """Each of the names under which an approval may hold here."""
        also = {"any:shadow"} if self.shadow and self.kind == "production" else set()
        return {self.key, f"any:{self.kind}"} | also


def in_environment(approval: "Approval", where: Where) -> str | None:
    """Why the approval does not hold in an environment, or None; one that names none was given for every one."""
    if not approval.environments or not where.names.isdisjoint(approval.environments):
        return None
    part = " as a shadow" if where.shadow else ""
    return (
        f"{approval.request.ref} approved {approval.version} for {approval.approved_for}, not for {where.name}{part}:"
        " ask for an approval that names it."
    )


def known_environments(asked: Iterable[str], known: Mapping[str, str]) -> str | None:
    """An approval names environments that there are, and at least one."""
    asked = list(asked)
    if not asked:
        return "Say for which environments the approval is to hold."
    if unknown := [each for each in asked if each not in known]:
        return f"There is no environment {unknown[0]} to approve for; there are {', '.join(known)}."
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
