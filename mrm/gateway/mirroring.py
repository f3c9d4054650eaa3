"""Requests shown to shadows, whose answers go to the log and to nobody else."""

import time
from dataclasses import dataclass
from functools import partial

from . import feeds
from .approvals import Approvals
from .asking import fresh_id
from .case import Case, record_of
from .endpoint import Loaded
from .metrics import Metrics
from .refusal import Refused
from .shadow import Shadows
from .spool import Spool
from .tensors import encode


@dataclass(frozen=True)
class Mirrors:
    """Everything that a mirrored request touches."""

    shadows: Shadows
    approvals: Approvals
    metrics: Metrics
    spool: Spool

    def send(self, case: Case) -> None:
        """Offer an answered request to each shadow whose share it falls into and whose approval stands."""
        for shadow in case.endpoint.mirrors(case.unit):
            if not self.approvals.fallen(shadow.variant.approval_id):
                self.shadows.offer(partial(self._scored, case, shadow))

    def _scored(self, case: Case, shadow: Loaded) -> None:
        began, status, outputs, outcome, reason = time.perf_counter(), "200", [], "served", ""
        try:
            model = shadow.require()
            taken, names = feeds.feeds(case.body, model.inputs, shadow.variant.features), model.output_names
            arrays = model.run_within(taken, names, case.endpoint.seconds)
            outputs = [encode(name, array) for name, array in zip(names, arrays, strict=True)]
        except Refused as refused:
            status, outcome, reason = str(refused.status), "failed", refused.message
        seconds = time.perf_counter() - began
        self.metrics.record((case.endpoint.name, shadow.variant.version, shadow.variant.role, status), seconds)
        self.spool.offer(record_of(case, shadow, fresh_id(), seconds, outcome, outputs, reason=reason, parent=case.id))
