"""The only door to governed data: open an action, change rows, close it with one event.

An action runs in a transaction that PostgreSQL knows by its event id; rows changed outside one are
refused by the trigger, and a forged id fails at COMMIT. Actions nest: each inner action has its own
event, and all of them are written together when the outermost closes.
"""

import functools
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import connection, models, transaction
from django.utils.module_loading import import_string

from mrm.audit.models import Outcome
from mrm.core import blobs
from mrm.core.actors import Actor, Identity
from mrm.core.canonical import canonical
from mrm.core.refusal import Invalid, Refused, Stale
from mrm.core.registry import Registry

P = ParamSpec("P")
R = TypeVar("R")

SENTENCES: Registry[str] = Registry("audit verb")
# the verbs that somebody reacts to: their events go to the outbox as well
REACTING: set[str] = set()
LARGEST_PAYLOAD = 65_535  # what the length before an entry of the published log can say
APPENDED_AT_ONCE = 500


@dataclass
class Action:
    """An open action: what will become the event."""

    verb: str
    actor: Identity
    reason: str
    subject: models.Model | None
    details: dict[str, Any] = field(default_factory=dict)
    outcome: str = Outcome.DONE
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass
class _Door:
    """The actions of one transaction: the open ones as a stack, the closed ones in order."""

    open: list[Action] = field(default_factory=list)
    closed: list[Action] = field(default_factory=list)


_door: ContextVar[_Door | None] = ContextVar("mrm_audit_door", default=None)


def audited(verb: str, sentence: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a service an audited action; `sentence` follows the actor's name in the timeline.

    The service takes a keyword-only `actor` and, when it wants, a `reason`; what it returns is the
    subject of the event. A refusal is recorded too, after its changes are rolled back.
    """
    SENTENCES.add(verb, sentence)

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(service)
        def action(*args: P.args, **kwargs: P.kwargs) -> R:
            actor = kwargs["actor"]
            first = args[0] if args and isinstance(args[0], models.Model) else None
            with recorded(verb, actor=actor, reason=kwargs.get("reason", ""), subject=first) as opened:  # type: ignore[arg-type]
                result = service(*args, **kwargs)
                if isinstance(result, models.Model):
                    opened.subject = result
                return result

        return action

    return decorate


@contextmanager
def recorded(verb: str, *, actor: Actor, reason: str = "", subject: models.Model | None = None) -> Iterator[Action]:
    """Open an action by hand; the verb must be registered."""
    if verb not in SENTENCES:
        raise KeyError(f"audit verb {verb} has no sentence")
    action = Action(verb, actor.identity, reason, subject)
    if not action.actor.key:
        raise ValueError(f"{verb}: an action without an actor")
    try:
        with _opened(action):
            yield action
    except (Invalid, Stale):
        raise
    except Refused as refusal:
        if _door.get() is None:
            _record_refusal(action, refusal)
        raise


def describe(**details: Any) -> None:
    """Add details to the event of the innermost open action."""
    door = _door.get()
    if door is None or not door.open:
        raise RuntimeError("no audited action is open")
    door.open[-1].details.update(details)


def register_verb(verb: str, sentence: str) -> None:
    """Register a verb that is recorded by hand."""
    SENTENCES.add(verb, sentence)


@contextmanager
def _opened(action: Action) -> Iterator[None]:
    door = _door.get()
    token = None
    if door is None:
        door = _Door()
        token = _door.set(door)
    kept = len(door.closed)
    door.open.append(action)
    try:
        with transaction.atomic():
            _tell_database(action.id)
            yield
            door.closed.append(action)
            if token:
                _write(door.closed)
            else:
                _tell_database(door.open[-2].id)
    except BaseException:
        del door.closed[kept:]
        raise
    finally:
        door.open.pop()
        if token:
            _door.reset(token)


def _tell_database(event: uuid.UUID | str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mrm.audit_event', %s, true)", [str(event)])


def _record_refusal(action: Action, refusal: Refused) -> None:
    if action.subject is None or action.subject.pk is None:
        return
    refused = Action(action.verb, action.actor, action.reason, action.subject, {"reasons": list(refusal.reasons)})
    refused.outcome = Outcome.REFUSED
    with transaction.atomic():
        _write([refused])


def _write(actions: Sequence[Action]) -> None:
    """Chain and append the events of one transaction; objects are locked in one fixed order."""
    keys = [_object_key(action) for action in actions]
    moment, heads, changes = _closing_facts([str(action.id) for action in actions], keys)
    payloads = []
    for action, key in zip(actions, keys, strict=True):
        seq, previous = heads.get(key, (0, ""))
        place = {"type": key[0], "id": key[1], "seq": seq + 1, "prev": previous}
        payloads.append(_payload(action, place, moment, changes.get(str(action.id), [])))
        heads[key] = (seq + 1, hashlib.sha256(b"\x00" + payloads[-1]).hexdigest())
    owed = [str(action.id) for action in actions if action.outcome == Outcome.DONE and action.verb in REACTING]
    _append(payloads, owed)
    if owed:
        transaction.on_commit(import_string(settings.AUDIT_DOORBELL), robust=True)


def _append(payloads: Sequence[bytes], owed: Sequence[str]) -> None:
    texts = [payload.decode() for payload in payloads]
    with connection.cursor() as cursor:
        for start in range(0, len(texts), APPENDED_AT_ONCE):
            part = texts[start : start + APPENDED_AT_ONCE]
            last = start + APPENDED_AT_ONCE >= len(texts)
            # one parameter for each: an array literal would quote every quote of the JSON once more
            places = ", ".join(["%s"] * len(part))
            cursor.execute(f"SELECT audit_append(ARRAY[{places}], %s::uuid[])", [*part, list(owed) if last else []])


def _object_key(action: Action) -> tuple[str, str]:
    if action.subject is None:
        raise ValueError(f"{action.verb}: an event needs a subject")
    target = getattr(action.subject, "audit_object", action.subject)
    return target._meta.label_lower, str(target.pk)


def _closing_facts(
    events: list[str], keys: list[tuple[str, str]]
) -> tuple[str, dict[tuple[str, str], tuple[int, str]], dict[str, list[dict[str, Any]]]]:
    objects = sorted(set(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_close(%s::uuid[], %s::text[], %s::text[])::text",
            [events, [kind for kind, _ in objects], [key for _, key in objects]],
        )
        facts = json.loads(cursor.fetchone()[0], parse_float=str)
    heads = {(kind, key): (seq, head) for kind, key, seq, head in facts["heads"]}
    changes: dict[str, list[dict[str, Any]]] = {}
    for change in facts["changes"]:
        changes.setdefault(change.pop("event"), []).append(change)
    return facts["at"], heads, changes


def _payload(action: Action, place: dict[str, Any], at: str, changes: list[dict[str, Any]]) -> bytes:
    """The canonical bytes that are stored and hashed; large row changes are held by their digest."""
    subject, actor = action.subject, action.actor
    assert subject is not None
    content = {
        "v": 1,
        "id": action.id,
        "at": at,
        "verb": action.verb,
        "outcome": action.outcome,
        "actor": {
            "key": actor.key,
            "name": actor.name,
            "roles": actor.roles,
            "person": actor.person or "",
            "on_behalf_of": actor.on_behalf_of or "",
        },
        "reason": action.reason,
        "request_id": str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64],
        "subject": {"type": subject._meta.label_lower, "id": str(subject.pk), "label": str(subject)[:300]},
        "object": place,
        "details": action.details,
        "changes": changes,
    }
    payload = canonical(content)
    if len(payload) > LARGEST_PAYLOAD:
        held = blobs.put_bytes(canonical(changes))
        payload = canonical({**content, "changes": {"count": len(changes), "sha256": held.sha256}})
    if len(payload) > LARGEST_PAYLOAD:
        raise Refused(f"{action.verb}: reason and details are too long to be recorded; 60,000 characters are enough.")
    return payload
