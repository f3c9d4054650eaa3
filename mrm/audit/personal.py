"""Personal values in the trail: committed in the events, sealed beside them, opened for who reads.

The database computes the commitments (migrations/personal.sql), so that no way of writing goes past them. What is
committed for the first time is sealed here as the action closes: AES-256-GCM (NIST SP 800-38D) under a key derived from
the person's. Whoever reads events gets the values; when a key is gone, the words that say so.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, models

M = TypeVar("M", bound=models.Model)
MARK = "personal:"
ERASED = "Erased person"
# how long a process keeps what it opened; an erased value is gone from every process after this
KEPT_S = 30.0
MOST_KEPT = 10_000
NONCE = 12
_BESIDE = ""  # no column is called so
OPENED = """
SELECT d.commitment, d.sealed, k.key FROM audit_disclosure AS d JOIN audit_personalkey AS k ON k.person = d.person
 WHERE d.commitment = ANY(%s) AND k.key IS NOT NULL
"""

_kept: dict[str, tuple[str, float]] = {}


def erased_name(person: str) -> str:
    """What stands in place of an erased person's names; the database lets it into the trail as it is."""
    return f"erased-{person[:8]}"


def commit(person: str, *values: str) -> list[str]:
    """The commitments of a person's values inside an open action; empty values stay as they are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_commit(%s, v) FROM unnest(%s::text[]) AS v", [person, list(values)])
        return [found for (found,) in cursor.fetchall()]


def seal(unsealed: str, cursor: Any) -> None:
    """Seal what the database says was committed for the first time: lines of commitment, person and value."""
    entries = {entry["commitment"]: entry for entry in map(json.loads, unsealed.splitlines())}
    cursor.execute(
        "SELECT person, key FROM audit_personalkey WHERE person = ANY(%s)",
        [[entry["person"] for entry in entries.values()]],
    )
    keys = {person: bytes(key) for person, key in cursor.fetchall() if key}
    rows = [
        (commitment, entry["person"], _seal(keys[entry["person"]], commitment, entry["value"]))
        for commitment, entry in entries.items()
        if entry["person"] in keys
    ]
    cursor.executemany(
        "INSERT INTO audit_disclosure (commitment, person, sealed) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", rows
    )


def opened(commitments: Iterable[str]) -> dict[str, str]:
    """What the commitments stand for; those of erased persons read as such. One query for what is not known yet."""
    wanted = set(commitments)
    now = time.monotonic()
    found = {each: kept[0] for each in wanted if (kept := _kept.get(each)) and kept[1] > now}
    if missing := sorted(wanted - found.keys()):
        with connection.cursor() as cursor:
            cursor.execute(OPENED, [missing])
            fresh = {told: unseal(bytes(key), told, bytes(sealed)) for told, sealed, key in cursor.fetchall()}
        if len(_kept) > MOST_KEPT:
            _kept.clear()
        _kept.update({told: (value, now + KEPT_S) for told, value in fresh.items()})
        found |= fresh
    return {each: found.get(each, ERASED) for each in wanted}


def forget() -> None:
    """Drop what this process has opened."""
    _kept.clear()


def unseal(key: bytes, commitment: str, sealed: bytes) -> str:
    """The value, which must be the one committed to."""
    try:
        value = AESGCM(_sealing_key(key)).decrypt(sealed[:NONCE], sealed[NONCE:], commitment.encode())
    except InvalidTag:
        value = b""
    if MARK + hashlib.sha256(salt(key, value) + value).hexdigest() != commitment:
        return "unreadable: the sealed value is not the one committed to"
    return value.decode()


def salt(key: bytes, value: bytes) -> bytes:
    """What an auditor needs beside the value to test its commitment."""
    return hashlib.sha256(key + hashlib.sha256(value).digest()).digest()


def is_commitment(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(MARK)


def commitments(value: Any) -> Iterator[str]:
    """Every commitment in a value as JSON has it."""
    if is_commitment(value):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from commitments(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from commitments(each)


def commitments_in(payload: bytes) -> Iterator[str]:
    """Every commitment in canonical bytes."""
    return (found.decode() for found in re.findall(rb"personal:[0-9a-f]{64}", payload))


def replaced(value: Any, names: dict[str, str]) -> Any:
    """The value with every commitment opened."""
    if is_commitment(value):
        return names.get(value, ERASED)
    if isinstance(value, dict):
        return {key: replaced(each, names) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replaced(each, names) for each in value)
    return value


class OpeningQuerySet(models.QuerySet[M]):
    """Reads records of the trail with personal values opened, whichever way they are read; one query at most."""

    def _fetch_all(self) -> None:
        fresh = self._result_cache is None
        super()._fetch_all()
        if fresh and self._result_cache:
            self._result_cache = self._opened(self._result_cache)

    def _opened(self, rows: list[Any]) -> list[Any]:
        told = [_fields(row) for row in rows]
        found = set(commitments(told))
        if not found:
            return rows
        names = opened(found)
        return [_with(row, fields, names) for row, fields in zip(rows, told, strict=True)]


def _fields(row: Any) -> Any:
    """What may hold personal values: a row as it is, or a record's columns and those of the records read with it."""
    if not isinstance(row, models.Model):
        return row
    beside = {name: _columns(other) for name, other in row._state.fields_cache.items() if other}
    return {**_columns(row), _BESIDE: beside}


def _columns(record: models.Model) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if isinstance(value, str | dict)}


def _with(row: Any, fields: Any, names: dict[str, str]) -> Any:
    if not isinstance(row, models.Model):
        return replaced(fields, names)
    for name, columns in fields.pop(_BESIDE).items():
        _open(row._state.fields_cache[name], columns, names)
    _open(row, fields, names)
    return row


def _open(record: models.Model, columns: dict[str, Any], names: dict[str, str]) -> None:
    for name, value in columns.items():
        if any(True for _ in commitments(value)):
            setattr(record, name, replaced(value, names))


def _sealing_key(key: bytes) -> bytes:
    return hashlib.sha256(b"seal" + key).digest()


def _seal(key: bytes, commitment: str, value: str) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(_sealing_key(key)).encrypt(nonce, value.encode(), commitment.encode())
