"""The only door to governed data: open an action, change rows, close it with one event.

An action runs in a transaction that PostgreSQL knows by its event id; rows changed outside one are
refused by the trigger, and a forged id fails at COMMIT. Actions nest: each inner action has its own
event, and all of them are written together when the outermost closes.
"""

import functools
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any, ParamSpec, TypeVar
from unicodedata import normalize

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string
from psycopg.errors import error_from_result
from psycopg.pq import Escaping, ExecStatus
from psycopg.pq.abc import PGconn

from mrm.audit import personal
from mrm.audit.models import Outcome
from mrm.audit.own import OwnTransaction
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
SETTING = "mrm.audit_event"  # by which the database knows the open action
APPEND = b"SELECT audit_append($1)"
# the end of a transaction that is an action's own: one message, unless something is to be kept before COMMIT
CLOSE = b"SAVEPOINT closing;SELECT audit_append(%b, true);COMMIT"
ANSWERED = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
REOPEN = b"ROLLBACK TO closing"
TOO_LONG = "MRM01"  # the database's word for an event that no entry of the published log can hold
TO_BE_KEPT = "MRM02"  # and for one that comes with something to keep elsewhere
UUID_FIXED = 0xF << 76 | 0x3 << 62  # the bits that tell version and variant
UUID_VERSION_7 = 0x7 << 76 | 0x2 << 62


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): in the order of time, so that what is written together lies together."""
    chance = int.from_bytes(secrets.token_bytes(10)) & ~UUID_FIXED
    text = f"{time.time_ns() // 1_000_000 << 80 | UUID_VERSION_7 | chance:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(slots=True)
class Action:
    """An open action: what will become the event."""

    verb: str
    actor: Identity
    reason: str
    subject: models.Model | None
    details: dict[str, Any] = field(default_factory=dict)
    outcome: str = Outcome.DONE
    id: str = field(default_factory=new_id)


@dataclass(slots=True)
class _Door:
    """The actions of one transaction: the open ones as a stack, the closed ones in order."""

    database: BaseDatabaseWrapper
    own: OwnTransaction | None = None
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


class recorded:  # noqa: N801  read as a verb; a generator would do the same at twice the price, on every save
    """Open an action by hand; the verb must be registered."""

    __slots__ = ("action", "block", "outermost")

    def __init__(self, verb: str, *, actor: Actor, reason: str = "", subject: models.Model | None = None) -> None:
        if verb not in SENTENCES:
            raise KeyError(f"audit verb {verb} has no sentence")
        self.action = Action(verb, actor.identity, reason, subject)
        if not self.action.actor.key:
            raise ValueError(f"{verb}: an action without an actor")

    def __enter__(self) -> Action:
        door = _door.get()
        self.outermost = door is None
        self.block = _outermost(self.action) if door is None else _within(door, self.action)
        self.block.__enter__()
        return self.action

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.block.__exit__(kind, error, trace)
        except Refused as refusal:
            self._told(refusal)
            raise
        self._told(error)

    def _told(self, error: BaseException | None) -> None:
        """What was refused is recorded; bad input and a record that somebody else changed are not refusals."""
        if self.outermost and isinstance(error, Refused) and not isinstance(error, Invalid | Stale):
            _record_refusal(self.action, error)


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


class _outermost:  # noqa: N801  a generator would do the same at twice the price, on every save
    """The transaction of an action that no other holds, and the end at which its events are written."""

    __slots__ = ("door", "token", "transaction")

    def __init__(self, action: Action) -> None:
        database = connections[DEFAULT_DB_ALIAS]
        stands_alone = database.get_autocommit() and not database.in_atomic_block
        own = OwnTransaction(database, SETTING, action.id) if stands_alone else None
        self.door = _Door(database, own, [action])
        self.transaction = own or transaction.atomic()

    def __enter__(self) -> None:
        self.transaction.__enter__()
        self.token = _door.set(self.door)
        if self.door.own is None:
            try:
                _tell_database(self.door, self.door.open[0].id)
            except BaseException as error:
                self.__exit__(type(error), error, error.__traceback__)
                raise

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        door = self.door
        try:
            if error is None:
                door.closed.append(door.open[0])
                _write(door, closing=door.own is not None and not door.database.needs_rollback)
        except BaseException as failed:
            self.transaction.__exit__(type(failed), failed, failed.__traceback__)
            raise
        else:
            self.transaction.__exit__(kind, error, trace)
        finally:
            _door.reset(self.token)


@contextmanager
def _within(door: _Door, action: Action) -> Iterator[None]:
    kept = len(door.closed)
    door.open.append(action)
    try:
        with transaction.atomic():
            _tell_database(door, action.id)
            yield
            door.closed.append(action)
            _tell_database(door, door.open[-2].id)
    except BaseException:
        del door.closed[kept:]
        raise
    finally:
        door.open.pop()


def _tell_database(door: _Door, event: str) -> None:
    _exchange(door, f"SET LOCAL {SETTING} = '{event}'".encode())


def _exchange(door: _Door, statement: bytes, *parameters: bytes) -> bytes | None:
    """One message and the first value of its answer, without a cursor, which costs more than the statements here."""
    if parameters and door.own:
        door.own.open()
    with door.database.wrap_database_errors:
        driver: PGconn = door.database.connection.pgconn
        if door.own:
            statement = door.own.take_opening() + statement
        result = driver.exec_params(statement, parameters) if parameters else driver.exec_(statement)
        if result.status not in ANSWERED:
            raise error_from_result(result)
        return result.get_value(0, 0) if result.status == ExecStatus.TUPLES_OK else None


def _append(door: _Door, events: bytes, *, closing: bool) -> bytes | None:
    """Append, and COMMIT in the same message when the transaction ends here; what is to be kept elsewhere first.

    What ends the transaction after that finds nothing to do.
    """
    if not closing:
        return _exchange(door, APPEND, events)
    try:
        return _exchange(door, CLOSE % Escaping(door.database.connection.pgconn).escape_literal(events))
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != TO_BE_KEPT:
            raise
    _exchange(door, REOPEN)
    return _exchange(door, APPEND, events)


def _record_refusal(action: Action, refusal: Refused) -> None:
    if action.subject is None or action.subject.pk is None:
        return
    refused = Action(action.verb, action.actor, action.reason, action.subject, {"reasons": list(refusal.reasons)})
    refused.outcome = Outcome.REFUSED
    with _outermost(refused):
        pass


def _write(door: _Door, *, closing: bool) -> None:
    """Chain and append the events of one transaction: one round trip, in which the database puts the pieces together."""
    actions = door.closed
    events = "\n".join(line for action in actions for line in _lines(action))
    if any(map(_is_owed, actions)):
        transaction.on_commit(import_string(settings.AUDIT_DOORBELL), robust=True)
    try:
        answer = _append(door, events.encode(), closing=closing)
        for kept in json.loads(answer) if answer else ():
            if "sha256" in kept:
                blobs.put([kept["content"].encode()], expected=kept["sha256"])
            else:
                with door.database.cursor() as cursor:
                    personal.seal(kept["content"], cursor)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") != TOO_LONG:
            raise
        raise Refused(
            f"{actions[-1].verb}: reason and details are too long to be recorded; 60,000 characters are enough."
        ) from error


def _is_owed(action: Action) -> bool:
    return action.outcome == Outcome.DONE and action.verb in REACTING


def _lines(action: Action) -> Iterable[str]:
    """Id, object, whether somebody reacts, and the canonical JSON of the event in three pieces, as `audit_append` takes
    them.

    Between the pieces the database puts the time, the row changes, and the place in the object's chain, so that nobody
    has to ask for them first. Keys are sorted: actor, at, changes, details, id, object, outcome and those after it.
    """
    subject = action.subject
    if subject is None:
        raise ValueError(f"{action.verb}: an event needs a subject")
    target = getattr(subject, "audit_object", subject)
    kind, key = target._meta.label_lower, str(target.pk)
    type_, itself = (kind, key) if target is subject else (subject._meta.label_lower, str(subject.pk))
    label = str(subject)[:300]
    if whose := getattr(subject, "audit_person", ""):
        (label,) = personal.commit(whose, label)
    request = str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64]
    details = canonical(action.details).decode() if action.details else "{}"
    end = (
        f',"type":"{kind}"}},"outcome":"{action.outcome}","reason":{_text(action.reason)},"request_id":{_text(request)},'
        f'"subject":{{"id":{_text(itself)},"label":{_text(label)},"type":"{type_}"}},"v":1,"verb":"{action.verb}"}}'
    )
    return (
        action.id,
        kind,
        key,
        "owed" if _is_owed(action) else "",
        _head(action.actor),
        f',"details":{details},"id":"{action.id}","object":{{"id":{_text(key)},"prev":"',
        end,
    )


def _text(value: str) -> str:
    """Canonical JSON of a text."""
    return encode_basestring(value if value.isascii() else normalize("NFC", value))


@functools.lru_cache(maxsize=256)
def _head(actor: Identity) -> str:
    """The same for every event of an actor. A person's names were committed to when his account was opened."""
    names = [actor.key, actor.name, actor.on_behalf_of or ""]
    if actor.person:
        names = personal.commit(actor.person, *names)
    key, name, on_behalf_of = names
    told = {"key": key, "name": name, "roles": actor.roles, "person": actor.person or "", "on_behalf_of": on_behalf_of}
    return f'{{"actor":{canonical(told).decode()},"at":"'
