"""Many events at once, as the application would have written them: edits of records, chained by record."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mrm.core.canonical import canonical, timestamp

TABLE, KIND = "inventory_model", "inventory.model"
NAMES = uuid.UUID("3b6f7f43-8f0e-4c5a-9f2b-0a54d1f1c001")
ROLES = ["owner", "developer"]
MARK = "@"  # stands for a value in the form; no other text of it holds this sign
PEOPLE = 40


@dataclass
class Record:
    """A record that is edited again and again: its key, its name, and the end of its chain."""

    key: str
    label: str
    seq: int = 0
    prev: str = ""
    value: str = ""


@dataclass(frozen=True)
class Written:
    """One event: the payload, its leaf hash, and what the columns beside it say."""

    id: str
    at: str
    person: int
    record: Record
    seq: int
    prev: str
    before: str
    after: str
    payload: bytes
    digest: str
    born: bool = False


def _form(born: bool) -> list[str]:
    """The canonical payload of an edit or a registration, cut where values go."""
    if born:
        row: dict[str, Any] = {"id": MARK, "name": MARK, "tier": "2", "unit_id": str(NAMES), "use_summary": MARK}
        before, after, op = None, row, "insert"
    else:
        before, after, op = {"use_summary": MARK}, {"use_summary": MARK}, "update"
    content = {
        "v": 1, "id": MARK, "at": MARK, "verb": "inventory.register" if born else "inventory.edit", "outcome": "done",
        "actor": {"key": MARK, "name": MARK, "roles": ROLES, "person": MARK, "on_behalf_of": ""},
        "reason": "", "request_id": MARK, "subject": {"type": KIND, "id": MARK, "label": MARK},
        "object": {"type": KIND, "id": MARK, "seq": MARK, "prev": MARK},
        "details": {} if born else {"fields": "use summary"},
        "changes": [{"table": TABLE, "row": MARK, "op": op, "before": before, "after": after}],
    }  # fmt: skip
    return canonical(content).decode().replace(f'"seq":"{MARK}"', f'"seq":{MARK}').split(MARK)


BORN, EDIT = _form(True), _form(False)


def person(number: int) -> tuple[str, str, str]:
    """Account, name and key of one of the people who edit."""
    return f"person-{number:02d}", f"Person {number:02d}", str(uuid.uuid5(NAMES, str(number)))


PERSONS = [person(number) for number in range(PEOPLE)]


def edits(
    records: list[Record], count: int, began: dt.datetime, step: dt.timedelta = dt.timedelta(milliseconds=10)
) -> Iterator[Written]:
    """`count` events in turn on each record, a step apart; a record without a chain is born by its first."""
    for number in range(count):
        record = records[number % len(records)]
        yield _event(record, str(uuid.uuid4()), timestamp(began + number * step), number)


def _event(record: Record, key: str, at: str, number: int) -> Written:
    who, name, person_key = PERSONS[number % PEOPLE]
    born = not record.seq
    before, after = record.value, f"Decides about consumer credit, wording {number}"
    seq, prev = record.seq + 1, record.prev
    request = key[::-1]
    if born:
        values: tuple[str, ...] = (
            who, name, person_key, at, record.key, record.label, after, record.key, key, record.key, prev, str(seq),
            request, record.key, record.label,
        )  # fmt: skip
        form = BORN
    else:
        values = (
            who, name, person_key, at, after, before, record.key, key, record.key, prev, str(seq), request, record.key,
            record.label,
        )  # fmt: skip
        form = EDIT
    parts = [form[0]]
    for value, rest in zip(values, form[1:], strict=True):
        parts += (value, rest)
    payload = "".join(parts).encode()
    digest = hashlib.sha256(b"\x00" + payload).hexdigest()
    record.seq, record.prev, record.value = seq, digest, after
    return Written(key, at, number % PEOPLE, record, seq, prev, before, after, payload, digest, born)


def born(count: int) -> list[Record]:
    """Records that are not there yet."""
    return [Record(str(uuid.uuid5(NAMES, f"record {number}")), f"Model {number:05d}") for number in range(count)]


def is_canonical(events: Iterable[Written]) -> bool:
    """Whether the forms give what the application's own writer gives."""
    import json

    return all(canonical(json.loads(event.payload)) == event.payload for event in events)
