"""After this, do that: what follows a committed event, from the queue."""

import datetime as dt
from collections.abc import Callable

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mrm.approval.models import Approval
from mrm.audit.models import Event, Undispatched
from mrm.audit.trail import REACTING
from mrm.deployment import services as deployment
from mrm.discovery import services as discovery
from mrm.evaluation import services as evaluation
from mrm.reporting import services as reporting
from mrm.signoff import services as signoff

log = structlog.get_logger(__name__)
BATCH = 200


def _look_again(_event: Event) -> None:
    signoff.look_again_at_all()


def _watch_what_runs(event: Event) -> None:
    """An approval fell, or holds again: what runs on it hears so at once, not when the clock comes round."""
    deployment.watch(version=Approval.objects.select_related("version").get(pk=event.subject_id).version)


def _list_anew(event: Event) -> None:
    discovery.list_anew(event.subject_id)


# each reaction may run more than once and must not mind
REACTIONS: dict[str, list[Callable[[Event], None]]] = {
    "inventory.attach_artifact": [evaluation.inspect_after_attach],
    "approval.grant": [reporting.file_after_approval],
    "approval.withdraw": [_watch_what_runs],
    "approval.suspend": [_watch_what_runs],
    "approval.expire": [_watch_what_runs],
    "approval.resume": [_watch_what_runs],
    "deployment.change_target": [_list_anew],
    # a vote that no longer counts opens its stage again: the requests are listed anew for the roles they wait for
    "access.revoke": [_look_again],
    "access.deactivate": [_look_again],
    "signoff.end_delegation": [_look_again],
}
REACTING.update(REACTIONS)


def dispatch_all() -> int:
    """Run what is owed, event by event; one that fails waits longer each time and holds nobody up."""
    done = 0
    while batch := _batch():
        for owed in batch:
            done += _dispatch(owed)
    return done


def _batch() -> list[Undispatched]:
    now = timezone.now()
    ready = Undispatched.objects.filter(Q(not_before=None) | Q(not_before__lte=now))
    return list(ready.filter(event__verb__in=REACTIONS).prefetch_related("event")[:BATCH])


def _dispatch(owed: Undispatched) -> int:
    try:
        with transaction.atomic():
            mine = Undispatched.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=owed.pk).first()
            if mine is None:
                return 0
            for reaction in REACTIONS[owed.event.verb]:
                reaction(owed.event)
            mine.delete()
        return 1
    except Exception as error:
        log.exception("reaction failed", verb=owed.event.verb, event_id=str(owed.event_id), error=str(error))
        waiting = timezone.now() + dt.timedelta(seconds=min(3600, 5 * 2**owed.attempts))
        Undispatched.objects.filter(pk=owed.pk).update(attempts=owed.attempts + 1, not_before=waiting)
        return 0
