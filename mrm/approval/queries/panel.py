"""The approval of a version as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import policies
from mrm.approval.models import Approval
from mrm.approval.queries.evidence import evidence_of, gates_of
from mrm.approval.queries.standing import approvals_of
from mrm.approval.workflow import STANDING
from mrm.inventory.models import Model, Version
from mrm.inventory.workflow import VersionState
from mrm.signoff import queries as signoff
from mrm.signoff.models import Gate, GateState, Request, RequestState

SIGNABLE = (VersionState.VALIDATED, VersionState.APPROVED, VersionState.ACTIVE)


@dataclass(frozen=True)
class Panel:
    """The approval of a version for its page. `why_not` says why it cannot be submitted now."""

    version: Version
    gates: Sequence[Gate]
    request: Request | None
    approvals: Sequence[Approval]
    why_not: str | None
    why_not_withdraw: str | None
    why_not_meet: str | None
    why_not_reopen: str | None
    broken: str | None
    may_except: bool = False

    @property
    def returned(self) -> bool:
        return self.request is not None and self.request.status == RequestState.RETURNED

    @property
    def missing(self) -> list[Gate]:
        return [gate for gate in self.gates if gate.state == GateState.MISSING]

    @property
    def valid(self) -> Approval | None:
        return next((entry for entry in self.approvals if entry.status in STANDING), None)


def last_request(version: Version) -> Request | None:
    """The request on the use of the version that was made last."""
    return Request.objects.filter(subject_kind="version_use", subject_key=str(version.pk)).order_by("-number").first()


def panel(version: Version, account: Account) -> Panel:
    """Everything about the approval of one version, as this account may act on it."""
    asked, evidence = last_request(version), evidence_of([version])[version.pk]
    approvals = list(approvals_of(version))
    valid = next((entry for entry in approvals if entry.status in STANDING), None)
    if asked and asked.status == RequestState.OPEN:
        why_not: str | None = f"{asked.ref} is before the signers already."
    elif version.status not in SIGNABLE:
        why_not = (
            f"This version is {version.get_status_display().lower()}; a validated version is put before the signers."
        )
    else:
        why_not = account.lacks("approval.submit", version)
    return Panel(
        version,
        signoff.in_order(gates_of(evidence)),
        asked,
        approvals,
        why_not,
        account.lacks("approval.withdraw", version),
        account.lacks("approval.meet_condition", version),
        account.lacks("approval.reopen", version) or policies.may_reopen(version, asked, evidence.concluded),
        policies.in_force(valid, timezone.localdate()) if valid else None,
        may_except=account.lacks("approval.ask_exception", version) is None,
    )


def seal(model: Model) -> Approval | None:
    """The approval that stands over the model's page: the valid one granted last."""
    return (
        Approval.objects.filter(version__model=model, status__in=STANDING)
        .select_related("version__model", "request__policy")
        .prefetch_related("conditions")
        .first()
    )
