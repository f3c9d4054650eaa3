"""A place says that something changed there: it is looked at early. What it says beside that is not read."""

import datetime as dt
from collections.abc import Mapping

from django.core.cache import cache
from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.connectors.protocol import Cap
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Forbidden, Refused
from mrm.core.secrets import secret
from mrm.deployment.models import Target
from mrm.deployment.services import look_early, offered_by
from mrm.discovery import policies
from mrm.discovery.models import Call, Caller
from mrm.discovery.policies import Told
from mrm.discovery.services.listing import ask_soon

PLACES = System("places")
SHORTEST = 16  # characters of a secret that cannot be guessed from the calls it signed
MOST = 30  # calls of a place that are heard, or refused on record, within a minute


@audited("discovery.set_caller", "set who may say that something changed at {subject}: {secret}")
def set_caller(target: Target, *, secret_name: str, actor: Account) -> Target:
    """Name the secret that the calls of a place are signed with; without one, none is heard."""
    permit(actor, "discovery.set_caller", target)
    name = secret_name.strip()
    # a name that is not set, or is a key of this system, is refused in its own words
    if name and len(secret(name)) < SHORTEST:
        raise Refused(f"The secret {name} is too short to sign with: give it {SHORTEST} characters or more.")
    Caller.objects.update_or_create(target=target, defaults={"secret": name, "set_by": actor, "set_at": timezone.now()})
    describe(secret=name or "nobody")
    return target


def too_many(caller: Caller) -> bool:
    """Whether the place called so often within this minute that it is not listened to until the next."""
    key = f"discovery.calls:{caller.pk}:{int(timezone.now().timestamp()) // 60}"
    if cache.add(key, 1, timeout=120):
        return False
    return int(cache.incr(key)) > MOST


def hear(caller: Caller, *, headers: Mapping[str, str], path: str, body: bytes) -> Target:
    """Look early at what a place says has changed; whoever cannot prove to be the place is refused, on record."""
    return _hear(caller.target, caller=caller, told=policies.told_by(headers, path, body), actor=PLACES)


@audited("discovery.hear", "heard from {subject} that something changed there")
def _hear(target: Target, *, caller: Caller, told: Told | None, actor: Actor) -> Target:
    """Check the signature, remember the number, and have the place looked at and listed, once for many calls."""
    now = timezone.now()
    if refusal := policies.not_heard(told, secret(caller.secret), now.timestamp()):
        raise Forbidden(refusal)
    assert told is not None
    caller.calls.filter(at__lt=now - dt.timedelta(seconds=2 * policies.WINDOW)).delete()
    _, new = Call.objects.get_or_create(caller=caller, number=told.number)
    if refusal := policies.heard_before(not new):
        raise Refused(refusal)
    looked = look_early(target)
    if Cap.INVENTORY in offered_by(target):
        ask_soon(target)
    describe(number=told.number, endpoints=looked)
    return target
