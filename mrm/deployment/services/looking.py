"""At intervals: look at every place, compare with what is wanted, and do what the environment's policy says follows."""

import dataclasses
import datetime as dt
import random
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import Cap, Connector, Observed
from mrm.core.refusal import Refused
from mrm.deployment import queries
from mrm.deployment.models import Deployment, DriftPolicy, Look, Revision, Sync, Target
from mrm.deployment.policies import FAILING, HEALABLE, Drift, Kind, differences
from mrm.deployment.services import golden
from mrm.deployment.services.control import fail_over
from mrm.deployment.services.incidents import CLOCK, open_incident
from mrm.deployment.services.reconcile import alone
from mrm.deployment.services.record import desired_of, record_observation
from mrm.deployment.services.standing import VALID, tell_standings
from mrm.deployment.services.target import contact
from mrm.deployment.workflow import RevisionState
from mrm.jobs import services as jobs
from mrm.jobs.alone import AGAIN_IN_S
from mrm.jobs.kinds import Later

UNSEEN = 3  # so many looks without an answer are an incident of their own
HEALS = 3  # so often within an hour a place is brought right by itself; then somebody must look
Report = Callable[[str, int, int], None]


def look_at_due(progress: Report) -> int:
    """Look at every deployment whose turn it is; one that fails or is busy holds nobody up."""
    due = list(
        Deployment.objects.filter(look__due__lte=timezone.now()).order_by("look__due").values_list("pk", flat=True)
    )
    for done, key in enumerate(due, start=1):
        try:
            look(str(key), ask_approval=False)
        except Later:
            continue
        progress("Looking at what runs", done, len(due))
    return len(due)


def look(deployment_id: str, *, ask_approval: bool = True) -> Deployment:
    """Look at one place, keep what changed, and act on it. What is being applied is left to who applies it.

    Whether what is wanted may still run is asked of every live revision on a clock of its own (`watch`): a pass over
    all places takes that answer as it stands.
    """
    with alone(deployment_id):
        deployment = Deployment.objects.select_related("model__unit", "target__environment").get(pk=deployment_id)
        live = deployment.revisions.filter(status__in=[RevisionState.PENDING, RevisionState.APPLIED])
        by_state = {each.status: each for each in live.order_by("number").prefetch_related(queries.SERVED)}
        if RevisionState.PENDING in by_state:
            return deployment
        wanted = by_state.get(RevisionState.APPLIED)
        drift = _withdrawn(wanted) if ask_approval else _withdrawn_before(deployment)
        _look(deployment, wanted, drift, ask_approval)
    return deployment


def _look(deployment: Deployment, wanted: Revision | None, drift: list[Drift], ask_approval: bool) -> None:
    seen = deployment.observed
    unseen = 0
    try:
        observed, found = _compared(deployment, wanted, ask_approval or bool(drift))
        seen, drift = dataclasses.asdict(observed), drift + found
        sync = Sync.DRIFTED if drift else Sync.IN_SYNC
    except (ConnectorError, Refused) as error:  # a secret that is no longer set is a place that cannot be seen
        unseen = _turn(deployment).unseen + 1
        sync = Sync.UNKNOWN
        sentence = f"The place could not be looked at {unseen} times in a row. {error}"
        known = [each for each in deployment.drift if each["kind"] == Kind.UNOBSERVABLE]
        if unseen >= UNSEEN:
            drift.append(Drift(Kind.UNOBSERVABLE, known[0]["sentence"] if known else sentence))
    _next_turn(deployment, unseen)
    if _changed(deployment, seen, drift, sync):
        record_seen(deployment, seen, drift, sync)
    for each in drift:
        open_incident(deployment, each, seen=seen, revision=wanted)
    if drift and wanted is not None:
        _follow(deployment, wanted, drift)


def record_seen(deployment: Deployment, seen: dict[str, Any], drift: list[Drift], sync: str) -> None:
    """Keep what was seen, unless the place got other settings while it was looked at: then it is looked at by those."""
    with transaction.atomic():
        place = Target.objects.select_for_update(no_key=True).values_list("revision", flat=True)
        if place.get(pk=deployment.target_id) != deployment.target.revision:
            raise Later(f"{deployment.target} got other settings while it was looked at.", AGAIN_IN_S)
        record_observation(deployment, seen=seen, drift=drift, sync=sync, actor=CLOCK)


def _withdrawn(wanted: Revision | None) -> list[Drift]:
    gone = queries.must_withdraw(wanted) if wanted is not None else None
    return [gone] if gone else []


def _withdrawn_before(deployment: Deployment) -> list[Drift]:
    told = [each["sentence"] for each in deployment.drift if each["kind"] == Kind.WITHDRAWN]
    return [Drift(Kind.WITHDRAWN, sentence) for sentence in told]


def _compared(deployment: Deployment, wanted: Revision | None, ask: bool) -> tuple[Observed, list[Drift]]:
    with contact(deployment.target) as place:
        observed = place.observe(deployment.endpoint)
        if wanted is None and deployment.revisions.filter(status=RevisionState.AWAITING).exists():
            return observed, []  # it was found serving and is to be taken over, once others have signed
        if wanted is None or wanted.version_id is None:
            served = [each.version for each in observed.variants if each.managed]
            text = f"The place serves {', '.join(served)}, and nothing is wanted there."
            return observed, [Drift(Kind.ORPHAN, text)] if served else []
        observed = _heard(place, wanted, observed, ask)
        found = differences(desired_of(wanted, place.caps), observed, place.caps)
        if not found and Cap.PREDICT in place.caps and (other := golden.differs(place, wanted)):
            found.append(other)
        if moved := queries.backup_moved(wanted):
            found.append(Drift(Kind.BACKUP, moved))
        return observed, found


def _heard(place: Connector, wanted: Revision, observed: Observed, ask: bool) -> Observed:
    """What the place shows once it knows how its approvals stand.

    A pass over all places asks that of those alone of which something was said, here or there.
    """
    fallen_there = any(each.standing not in (None, VALID) for each in observed.variants)
    told = (ask or fallen_there) and tell_standings(place, wanted, observed)
    return place.observe(wanted.deployment.endpoint) if told else observed


def _turn(deployment: Deployment) -> Look:
    return Look.objects.get_or_create(deployment=deployment)[0]


def _next_turn(deployment: Deployment, unseen: int) -> None:
    """Each at a moment of its own, so that a thousand places are not asked at once."""
    every = deployment.target.environment.look_every
    due = timezone.now() + dt.timedelta(seconds=every * random.uniform(0.9, 1.1))  # noqa: S311  spreads the load
    facts = {"at": timezone.now(), "due": due, "unseen": unseen}
    if not Look.objects.filter(deployment=deployment).update(**facts):
        Look.objects.get_or_create(deployment=deployment, defaults=facts)


def _changed(deployment: Deployment, seen: dict[str, Any], drift: Iterable[Drift], sync: str) -> bool:
    """A look that finds what the last one found leaves no event; its time is kept beside the record."""
    told = [each.told() for each in drift]
    plain = _without_etag(seen)
    return (deployment.sync, deployment.drift, _without_etag(deployment.observed)) != (sync, told, plain)


def _without_etag(seen: dict[str, Any]) -> dict[str, Any]:
    variants = [dict(each) for each in seen.get("variants", ())]
    return {**{name: value for name, value in seen.items() if name != "etag"}, "variants": variants}


def _follow(deployment: Deployment, wanted: Revision, drift: list[Drift]) -> None:
    """What the environment's policy says follows a difference; by default nothing but the incident."""
    kinds, policy = {each.kind for each in drift}, deployment.target.environment.drift_policy
    if policy == DriftPolicy.HEAL and kinds <= HEALABLE:
        _heal_soon(deployment, wanted)
    elif policy == DriftPolicy.FAILOVER and kinds & FAILING:
        fail_over(deployment, because=next(each for each in drift if each.kind in FAILING))


def _heal_soon(deployment: Deployment, wanted: Revision) -> None:
    since = timezone.now() - dt.timedelta(hours=1)
    if wanted.operations.filter(purpose="heal", sent_at__gte=since).count() >= HEALS:
        return
    jobs.request(
        "deployment.heal",
        label=f"Bring {deployment} right",
        subject=wanted,
        actor=CLOCK,
        most_attempts=1,
        revision=str(wanted.pk),
    )
