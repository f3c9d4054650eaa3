"""The only door to governed data: open an action, change rows, close it with one event.

An action runs in a transaction that PostgreSQL knows by its event id; rows changed outside one are
refused by the trigger, and a forged id fails at COMMIT. Actions nest: each inner action has its own
event, and all of them are written together when the outermost closes.
"""

import functools
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.utils.module_loading import import_string

from mrm.audit import personal
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
APPENDED_AT_ONCE = 200
LOCK = "SELECT audit_lock(%s::uuid[], %s::text[], %s::text[])"
TOO_LONG = "MRM01"  # the database's word for an event that no entry of the published log can hold


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


def veiled(person: Any, value: str) -> str:
    """A person's name or other personal value, for the details of the event that is open: its commitment."""
    return personal.commit(str(person), value)[0]


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
    """Chain and append the events of one transaction: one round trip, in which the database puts the pieces together."""
    entries = [_pieces(action) for action in actions]
    owed = [str(action.id) for action in actions if action.outcome == Outcome.DONE and action.verb in REACTING]
    try:
        with connection.cursor() as cursor:
            if len(entries) > APPENDED_AT_ONCE:
                cursor.execute(LOCK, [list(column) for column in list(zip(*entries, strict=True))[:3]])
            for start in range(0, len(entries), APPENDED_AT_ONCE):
                part = entries[start : start + APPENDED_AT_ONCE]
                last = start + APPENDED_AT_ONCE >= len(entries)
                columns = [piece for column in zip(*part, strict=True) for piece in column]
                cursor.execute(_append_statement(len(part)), [*columns, owed if last else []])
                for sha256, content in cursor.fetchall():
                    if sha256:
                        blobs.put([content.encode()], expected=sha256)
                    else:
                        personal.seal(content, cursor)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != TOO_LONG:
            raise
        raise Refused(
            f"{actions[-1].verb}: reason and details are too long to be recorded; 60,000 characters are enough."
        ) from error
    if owed:
        transaction.on_commit(import_string(settings.AUDIT_DOORBELL), robust=True)


@functools.lru_cache
def _append_statement(count: int) -> str:
    """A parameter for each piece: an array literal would quote every quote of the JSON once more."""
    places = ", ".join(["%s"] * count)
    arrays = ", ".join(f"ARRAY[{places}]::{kind}[]" for kind in ("uuid", "text", "text", "text", "text", "text"))
    return f"SELECT * FROM audit_append({arrays}, %s::uuid[])"


def _object_key(action: Action) -> tuple[str, str]:
    if action.subject is None:
        raise ValueError(f"{action.verb}: an event needs a subject")
    target = getattr(action.subject, "audit_object", action.subject)
    return target._meta.label_lower, str(target.pk)


def _pieces(action: Action) -> tuple[str, str, str, str, str, str]:
    """Id, object, and the canonical JSON of the event in three pieces.

    Between them the database puts the time, the row changes, and the place in the object's chain, so that nobody
    has to ask for them first. Keys are sorted: actor, at, changes, details, id, object, outcome and those after it.
    """
    subject = action.subject
    kind, key = _object_key(action)
    assert subject is not None
    label = str(subject)[:300]
    if whose := getattr(subject, "audit_person", ""):
        (label,) = personal.commit(whose, label)
    tail = {
        "outcome": action.outcome,
        "reason": action.reason,
        "request_id": str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64],
        "subject": {"type": subject._meta.label_lower, "id": str(subject.pk), "label": label},
        "v": 1,
        "verb": action.verb,
    }
    details = canonical(action.details).decode() if action.details else "{}"
    middle = f',"details":{details},"id":"{action.id}","object":{{"id":{json.dumps(key)},"prev":"'
    end = f',"type":"{kind}"}},{canonical(tail).decode()[1:]}'
    return str(action.id), kind, key, _head(action.actor), middle, end


@functools.lru_cache(maxsize=256)
def _head(actor: Identity) -> str:
    """The same for every event of an actor. A person's names were committed to when his account was opened."""
    names = [actor.key, actor.name, actor.on_behalf_of or ""]
    if actor.person:
        names = personal.commit(actor.person, *names)
    key, name, on_behalf_of = names
    told = {"key": key, "name": name, "roles": actor.roles, "person": actor.person or "", "on_behalf_of": on_behalf_of}
    return f'{{"actor":{canonical(told).decode()},"at":"'
