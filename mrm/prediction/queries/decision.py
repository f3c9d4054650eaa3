"""Which version, digest, approval and policy decided a request: one answer with all that it rested on."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.approval.models import Approval, Condition
from mrm.deployment.models import Deployment, Revision
from mrm.inventory.models import Version
from mrm.prediction.models import Outcome, Prediction
from mrm.prediction.policies import differs, not_in_force
from mrm.prediction.queries.finding import VIEW_INPUTS, shadows_of
from mrm.prediction.queries.revisions import approved_of, revisions_by_number, variant_of
from mrm.signoff.models import Vote


@dataclass(frozen=True)
class Decision:
    """One answer: who approved what answered, and in what it differs from what was approved."""

    prediction: Prediction
    deployment: Deployment | None
    revision: Revision | None
    approval: Approval | None
    mismatch: str | None
    out_of_force: str | None
    # what the request gave and what was answered, as far as the log keeps it and the reader may know it
    inputs: Any
    outputs: Any
    closed: str | None
    shadows: list[Prediction] = field(default_factory=list)

    @property
    def version(self) -> Version | None:
        """The version on record, where the revision knows the one that answered."""
        variant = variant_of(self.revision, self.prediction.version)
        return variant.version if variant else None

    @property
    def proof(self) -> dict[str, Any]:
        """What was verified of the version when the revision was applied."""
        return self.revision.proof_of(self.prediction.version) if self.revision else {}

    @property
    def votes(self) -> list[Vote]:
        return list(self.approval.request.votes.all()) if self.approval else []

    @property
    def conditions(self) -> list[Condition]:
        return list(self.approval.conditions.all()) if self.approval else []

    @property
    def inputs_shown(self) -> str:
        return json.dumps(self.inputs, indent=2, ensure_ascii=False)

    @property
    def outputs_shown(self) -> str:
        return json.dumps(self.outputs, indent=2, ensure_ascii=False)


def decisions(rows: Iterable[Prediction], account: Account) -> list[Decision]:
    """The answers with what they rested on; a few queries, however many rows."""
    listed = list(rows)
    known = Deployment.objects.select_related("model__unit", "target__environment").in_bulk(
        [row.deployment_id for row in listed if row.deployment_id]
    )
    revisions = revisions_by_number({(row.deployment_id, row.revision or 0) for row in listed if row.deployment_id})
    approvals = _approvals().in_bulk([row.approval_id for row in listed if row.approval_id])
    return [_decision(row, known, revisions, approvals, account) for row in listed]


def _decision(
    row: Prediction,
    known: dict[UUID, Deployment],
    revisions: dict[tuple[UUID, int], Revision],
    approvals: dict[UUID, Approval],
    account: Account,
) -> Decision:
    deployment = known.get(row.deployment_id) if row.deployment_id else None
    revision = revisions.get((row.deployment_id, row.revision or 0)) if row.deployment_id else None
    approval = approvals.get(row.approval_id) if row.approval_id else None
    closed = account.lacks(VIEW_INPUTS, deployment.model if deployment else None)
    return Decision(
        prediction=row,
        deployment=deployment,
        revision=revision,
        approval=approval,
        mismatch=_mismatch(row, revision),
        out_of_force=_out_of_force(row, approval),
        inputs=None if closed else _told(row.inputs),
        outputs=None if closed else _told(row.outputs),
        closed=closed,
        shadows=shadows_of(row, account) if not row.parent else [],
    )


def _mismatch(row: Prediction, revision: Revision | None) -> str | None:
    if row.outcome != Outcome.SERVED:
        return None
    wanted = approved_of(revision)
    return differs(row.revision or 0, row.version, row.digest, str(row.approval_id or ""), wanted)


def _out_of_force(row: Prediction, approval: Approval | None) -> str | None:
    if row.outcome != Outcome.SERVED:
        return None
    if approval is None:
        return "The log names no approval that is on record here."
    return not_in_force(row.at, approval.granted_at, approval.expires_at, approval.suspended_at, approval.ended_at)


def _approvals() -> QuerySet[Approval]:
    return Approval.objects.select_related("request__policy", "version__model").prefetch_related(
        "conditions__owner", "request__votes__person"
    )


def _told(text: str) -> Any:
    return json.loads(text) if text else None
