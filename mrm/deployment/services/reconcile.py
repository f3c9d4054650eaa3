"""In the worker: gate, fetch, push, look again, probe, record. Safe to repeat after any interruption."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.utils import timezone

from mrm.approval import queries as approval
from mrm.connectors.errors import ConnectorError, Integrity, Invalid, OutcomeUnknown
from mrm.connectors.protocol import Cap, Connector, Desired, Observed, Op
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.deployment import queries
from mrm.deployment.models import Deployment, Revision, RevisionKind
from mrm.deployment.services.probe import probe
from mrm.deployment.services.record import desired_of, differences, fail, read_revision, settle
from mrm.deployment.services.target import connect
from mrm.deployment.workflow import RevisionState
from mrm.jobs.kinds import Later

Report = Callable[[str, int, int], None]
STEPS = 5


def reconcile(revision_id: str, progress: Report) -> None:
    """Bring one revision about. What was pushed before an interruption is recognised, not pushed twice."""
    revision = read_revision(revision_id)
    with _Alone(revision.deployment):
        revision = read_revision(revision_id)
        if revision.status != RevisionState.PENDING:
            return
        try:
            verification = (
                _take_out(revision, progress) if revision.kind == RevisionKind.STOP else _push(revision, progress)
            )
        except Refused as refusal:
            fail(revision, error=str(refusal), actor=revision.requested_by)
            raise
        except (Integrity, Invalid) as error:
            fail(revision, error=str(error), actor=revision.requested_by)
            raise Refused(str(error)) from error
        except ConnectorError as error:
            raise Later(f"{revision.deployment.target} did not do it yet: {error}", _pause(error)) from error
        progress("Recording", STEPS, STEPS)
        settle(revision, verification=verification, actor=revision.requested_by)


class _Alone:
    """One worker at a time per deployment, by a lock that dies with the connection."""

    def __init__(self, deployment: Deployment) -> None:
        self.key = f"deployment {deployment.pk}"

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 1))", [self.key])
            if not cursor.fetchone()[0]:
                raise Later("Another worker is busy at this place.", 2.0)

    def __exit__(self, *exc: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 1))", [self.key])


def _push(revision: Revision, progress: Report) -> dict[str, Any]:
    progress("Checking the approval", 0, STEPS)
    version = revision.version
    assert version is not None
    if refusal := approval.why_not_usable(version, revision.artifact_sha256):
        raise Refused(f"The push was refused. {refusal}")
    if refusal := queries.why_not_released(revision):
        raise Refused(f"The push was refused. {refusal}")
    progress("Checking the bytes", 1, STEPS)
    blobs.fetch(revision.artifact_sha256).unlink()
    desired, place = desired_of(revision), connect(revision.deployment.target)
    observed = place.observe(desired.endpoint)
    if differences(desired, observed, place.caps):
        progress("Pushing", 2, STEPS)
        _apply(place, desired, observed, revision)
    progress("Looking at what runs", 3, STEPS)
    observed = place.observe(desired.endpoint)
    if found := differences(desired, observed, place.caps):
        raise ConnectorError("; ".join(found), permanent=False)
    progress("Scoring the golden rows", 4, STEPS)
    return {
        "observed": dataclasses.asdict(observed),
        "digest": revision.artifact_sha256 if Cap.OBSERVE_DIGEST in place.caps else "",
        "declared_only": Cap.DECLARED_ONLY in place.caps,
        "probe": probe(place, revision),
        "verified_at": timezone.now().isoformat(),
    }


def _apply(place: Connector, desired: Desired, observed: Observed, revision: Revision) -> None:
    op = Op(
        id=str(revision.pk), idempotency_key=f"{desired.deployment}:{desired.revision}:{desired.fingerprint()[:16]}"
    )
    try:
        result = place.apply(desired, op=op, expect_etag=observed.etag if Cap.ETAG in place.caps else None)
    except OutcomeUnknown as error:
        raise Later(f"The place did not answer in time; we look before we push again. {error}", 2.0) from error
    while not result.done:
        time.sleep(result.poll_after or 1.0)
        result = place.poll(result.handle or "")


def _take_out(revision: Revision, progress: Report) -> dict[str, Any]:
    progress("Taking it out", 2, STEPS)
    place, endpoint = connect(revision.deployment.target), revision.deployment.endpoint
    op = Op(id=str(revision.pk), idempotency_key=f"{revision.deployment_id}:{revision.number}:stop")
    place.delete(endpoint, op=op)
    progress("Looking at what runs", 3, STEPS)
    observed = place.observe(endpoint)
    if any(variant.managed for variant in observed.variants):
        raise ConnectorError("The place still serves it.", permanent=False)
    return {"observed": dataclasses.asdict(observed), "verified_at": timezone.now().isoformat()}


def _pause(error: ConnectorError) -> float:
    return float(getattr(error, "retry_after", None) or 3.0)
