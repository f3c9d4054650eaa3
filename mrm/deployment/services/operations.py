"""Attempts to change a place: each is written down before anything is sent, and how it ended after that."""

from django.utils import timezone

from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor
from mrm.core.refusal import Refused
from mrm.deployment import queries
from mrm.deployment.models import Operation, Revision
from mrm.deployment.workflow import OPERATIONS, OperationState

LOST = "Its worker ended before an answer was written down; it is looked at the place before anything is sent again."


@audited("deployment.send", "sent {revision} to {place}, attempt {attempt}")
def send(revision: Revision, *, purpose: str, key: str, before: str, actor: Actor) -> Operation:
    """Write an attempt down; one that never ended is closed first, as of unknown outcome."""
    revision = Revision.objects.select_for_update(of=("self",)).select_related("deployment__target").get(pk=revision.pk)
    if lost := queries.unanswered(revision):
        _end(lost, OperationState.UNKNOWN, LOST)
    attempt = revision.operations.filter(purpose=purpose).count() + 1
    describe(revision=str(revision), place=revision.deployment.target.name, attempt=attempt, before=before, key=key)
    return Operation.objects.create(revision=revision, purpose=purpose, key=key, attempt=attempt, before=before)


@audited("deployment.note", "noted of {subject}: {answer}")
def note(operation: Operation, *, state: OperationState, actor: Actor, message: str = "", after: str = "") -> Operation:
    """Write down how an attempt ended, and what the place looks like after it."""
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    if reasons := OPERATIONS.closed(operation, f"note_{state}", actor):
        raise Refused(*reasons)
    describe(answer=message or state.label, before=operation.before, after=after)
    return _end(operation, state, message, after)


def close_lost(revision: Revision, *, actor: Actor) -> None:
    """Write down of an attempt whose worker ended that nobody was told how it went."""
    if lost := queries.unanswered(revision):
        note(lost, state=OperationState.UNKNOWN, message=LOST, actor=actor)


def _end(operation: Operation, state: OperationState, message: str, after: str = "") -> Operation:
    operation.status, operation.message, operation.after = state, message, after
    operation.ended_at = timezone.now()
    operation.save(update_fields=["status", "message", "after", "ended_at"])
    return operation
