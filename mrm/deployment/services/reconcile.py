"""In the worker: gate, fetch, push, look again, probe, record. Safe to repeat after any interruption."""

import dataclasses
import datetime as dt
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from django.utils import timezone

from mrm.connectors.errors import ConnectorError, Integrity, Invalid, OutcomeUnknown
from mrm.connectors.protocol import Cap, Connector, Desired, Observed, Op, Result
from mrm.core import blobs
from mrm.core.actors import Actor
from mrm.core.refusal import Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Operation, Revision, RevisionKind, Sync, Variant
from mrm.deployment.policies import Drift, Kind, differences
from mrm.deployment.services import statement
from mrm.deployment.services.incidents import CLOCK
from mrm.deployment.services.operations import close_lost, note, send
from mrm.deployment.services.probe import probe
from mrm.deployment.services.record import desired_of, fail, read_revision, record_observation, settle
from mrm.deployment.services.standing import tell_standings
from mrm.deployment.services.target import contact
from mrm.deployment.workflow import OperationState, RevisionState
from mrm.jobs import services as jobs
from mrm.jobs.alone import alone as one_at
from mrm.jobs.kinds import Later

Report = Callable[[str, int, int], None]
STEPS = 5


def reconcile(revision_id: str, progress: Report) -> None:
    """Bring one revision about. What was pushed before an interruption is recognised, not pushed twice."""
    with alone(read_revision(revision_id).deployment_id):
        revision = read_revision(revision_id)
        if revision.status != RevisionState.PENDING:
            return
        try:
            verification = _brought_about(revision, "apply", revision.requested_by, progress)
        except Refused as refusal:
            fail(revision, error=str(refusal), actor=revision.requested_by)
            raise
        progress("Recording", STEPS, STEPS)
        close_lost(revision, actor=revision.requested_by)
        settle(revision, verification=verification, actor=revision.requested_by)


def heal(revision_id: str, progress: Report) -> None:
    """Apply again the revision in force, where somebody changed the place by hand."""
    with alone(read_revision(revision_id).deployment_id):
        revision = read_revision(revision_id)
        if revision.status != RevisionState.APPLIED or revision.kind == RevisionKind.STOP:
            return
        found = _brought_about(revision, "heal", CLOCK, progress)
        progress("Recording", STEPS, STEPS)
        record_observation(revision.deployment, seen=found["observed"], drift=[], sync=Sync.IN_SYNC, actor=CLOCK)


def alone(deployment_id: UUID | str) -> AbstractContextManager[None]:
    """One worker at a time per deployment."""
    return one_at(f"deployment {deployment_id}")


def _brought_about(revision: Revision, purpose: str, actor: Actor, progress: Report) -> dict[str, Any]:
    """What was seen afterwards; trouble that may pass puts the work off, everything else refuses it."""
    try:
        if refusal := queries.why_not_now(revision):
            raise Refused(f"The push was refused. {refusal}")
        with contact(revision.deployment.target) as place:
            if revision.kind == RevisionKind.STOP:
                return _take_out(place, revision, actor, progress)
            return _push(place, revision, purpose, actor, progress)
    except (Integrity, Invalid) as error:
        raise Refused(str(error)) from error
    except ConnectorError as error:
        raise Later(f"{revision.deployment.target} did not do it yet: {error}", _pause(error)) from error


def _push(place: Connector, revision: Revision, purpose: str, actor: Actor, progress: Report) -> dict[str, Any]:
    progress("Checking the approval", 0, STEPS)
    _gate_or_take_back(place, revision, purpose, actor)
    if purpose == "apply" and (refusal := queries.why_backup_not_there(revision)):
        raise Refused(f"The push was refused. {refusal}")
    progress("Checking the bytes", 1, STEPS)
    for variant in revision.variants.all():
        blobs.fetch(variant.artifact_sha256).unlink()
    desired = desired_of(revision, place.caps)
    observed = place.observe(desired.endpoint)
    if purpose == "heal" or _to_bring(desired, observed, place):
        progress("Pushing", 2, STEPS)
        _apply(place, desired, observed, revision, purpose, actor)
    progress("Looking at what runs", 3, STEPS)
    observed = place.observe(desired.endpoint)
    if tell_standings(place, revision, observed):  # an approval may hold again that the place knows as fallen
        observed = place.observe(desired.endpoint)
    if found := _to_bring(desired, observed, place):
        raise ConnectorError(_told(found), permanent=False)
    progress("Scoring the golden rows", 4, STEPS)
    proofs = _proofs(place, revision)
    _gate_or_take_back(place, revision, purpose, actor)  # an approval may have fallen while it was sent
    return {
        "observed": dataclasses.asdict(observed),
        "declared_only": Cap.DECLARED_ONLY in place.caps,
        "verified_at": timezone.now().isoformat(),
        **proofs,
    }


def _to_bring(desired: Desired, observed: Observed, place: Connector) -> list[Drift]:
    """What applying is to bring about; a version that is passed over comes back by a person alone."""
    found = differences(desired, observed, place.caps)
    return [each for each in found if each.kind != Kind.PASSED_OVER]


def _proofs(place: Connector, revision: Revision) -> dict[str, Any]:
    """What shows that each version is the approved one: the champion's as the revision's own, the others by label."""
    found = {each.version.label: _proof(place, revision, each) for each in revision.variants.all()}
    assert revision.version is not None
    champion = found.pop(revision.version.label)
    return {**champion, "others": found} if found else champion


def _proof(place: Connector, revision: Revision, variant: Variant) -> dict[str, Any]:
    return {
        "digest": variant.artifact_sha256 if Cap.OBSERVE_DIGEST in place.caps else "",
        "probe": probe(place, variant, revision.deployment.endpoint),
        "statements": statement.make(revision, variant),
    }


def _gate(revision: Revision) -> None:
    """Asked again just before every push, also of what is applied anew, and of every version in it."""
    for each in revision.variants.all():
        refusal = queries.why_not_served(revision.deployment, each.version, each.artifact_sha256, each.role)
        if not refusal and revision.kind != RevisionKind.FAILOVER:
            refusal = queries.why_not_by(revision.requested_by, each.version, each.approval)
        if refusal:
            raise Refused(f"The push was refused. {refusal}")
    if refusal := queries.why_not_released(revision):
        raise Refused(f"The push was refused. {refusal}")
    statement.check(queries.verified_as(revision))


def _gate_or_take_back(place: Connector, revision: Revision, purpose: str, actor: Actor) -> None:
    """What may run no longer does not stay where an attempt has put it, also one whose worker died."""
    try:
        _gate(revision)
    except Refused as refusal:
        if purpose == "apply" and revision.operations.exists() and _take_back(place, revision, actor):
            raise Refused(f"{refusal} What was sent before that was taken out again.") from refusal
        raise


def _take_back(place: Connector, revision: Revision, actor: Actor) -> bool:
    """Take out what was sent, unless the place shows what is in force; that is brought about again by a worker."""
    former = _in_force(revision)
    observed = place.observe(revision.deployment.endpoint)
    if former is not None and not _to_bring(desired_of(former, place.caps), observed, place):
        return False
    if not any(variant.managed for variant in observed.variants):
        return False
    _deleted(place, revision, "undo", observed, actor)
    if former is not None:
        jobs.request(
            "deployment.heal", label=f"Bring {former} back", subject=former, actor=CLOCK, revision=str(former.pk)
        )
    return True


def _in_force(revision: Revision) -> Revision | None:
    """What served there before, where something did."""
    found = queries.current(revision.deployment)
    return read_revision(str(found.pk)) if found is not None and found.version is not None else None


def _apply(
    place: Connector, desired: Desired, observed: Observed, revision: Revision, purpose: str, actor: Actor
) -> None:
    before, begun = observed.fingerprint(), revision.operations.exists()
    if refusal := policies.still_as_planned(revision.planned_on, before, begun):
        raise Refused(refusal)
    key = f"{desired.deployment}:{desired.revision}:{desired.fingerprint()[:16]}"
    operation = send(revision, purpose=purpose, key=key, before=before, actor=actor)
    etag = observed.etag if Cap.ETAG in place.caps else None
    result = _carried_out(place, operation, lambda op: place.apply(desired, op=op, expect_etag=etag), actor)
    after = place.observe(desired.endpoint).fingerprint()
    note(operation, state=OperationState.DONE, message=result.message, after=after, actor=actor)


def _take_out(place: Connector, revision: Revision, actor: Actor, progress: Report) -> dict[str, Any]:
    progress("Taking it out", 2, STEPS)
    observed = _deleted(place, revision, "stop", place.observe(revision.deployment.endpoint), actor)
    progress("Looking at what runs", 3, STEPS)
    return {"observed": dataclasses.asdict(observed), "verified_at": timezone.now().isoformat()}


def _deleted(place: Connector, revision: Revision, purpose: str, before: Observed, actor: Actor) -> Observed:
    """What is seen once the endpoint is taken out."""
    endpoint, key = revision.deployment.endpoint, f"{revision.deployment_id}:{revision.number}:{purpose}"
    operation = send(revision, purpose=purpose, key=key, before=before.fingerprint(), actor=actor)
    _carried_out(place, operation, lambda op: place.delete(endpoint, op=op), actor)
    observed = place.observe(endpoint)
    note(operation, state=OperationState.DONE, after=observed.fingerprint(), actor=actor)
    if any(variant.managed for variant in observed.variants):
        raise ConnectorError("The place still serves it.", permanent=False)
    return observed


def _carried_out(place: Connector, operation: Operation, send_it: Callable[[Op], Result], actor: Actor) -> Result:
    """Send a change and wait until the place says that it is done; how it ended is written down, also when it failed.

    Nothing that is wanted anew waits for it: a stop least of all.
    """
    within = dt.timedelta(minutes=place.most_minutes)
    planned_on = operation.revision.planned_on
    op = Op(str(operation.pk), operation.key, deadline=timezone.now() + within, seen=planned_on)
    try:
        result = send_it(op)
        while not result.done:
            time.sleep(min(result.poll_after or 1.0, op.remaining() or 0.0))
            if not op.remaining():
                raise OutcomeUnknown(f"It was not done within {place.most_minutes:g} minutes.")
            if read_revision(str(operation.revision_id)).status == RevisionState.SUPERSEDED:
                raise OutcomeUnknown("Something else is wanted there by now; it is not waited for any longer.")
            result = place.poll(result.handle or "")
    except OutcomeUnknown as error:
        note(operation, state=OperationState.UNKNOWN, message=str(error), actor=actor)
        raise
    except ConnectorError as error:
        note(operation, state=OperationState.FAILED, message=str(error), actor=actor)
        raise
    return result


def _told(found: list[Drift]) -> str:
    return "; ".join(each.sentence for each in found)


def _pause(error: ConnectorError) -> float:
    return float(getattr(error, "retry_after", None) or 3.0)
