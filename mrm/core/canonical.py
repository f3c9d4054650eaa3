"""Canonical JSON: equal values give equal bytes, so a digest means something.

A restricted profile of RFC 8785: ASCII keys, no floats (decimals travel as strings), integers
below 2**53, text in NFC, times as fixed-width UTC.
"""

import datetime as dt
import hashlib
import json
import re
import unicodedata
import uuid
from decimal import Decimal
from typing import Any

import orjson

LARGEST_INTEGER = 2**53


def plain(value: Any) -> Any:
    """The value in the profile: text, integers, booleans, null, lists and objects only."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, int):
        return value if abs(value) < LARGEST_INTEGER else str(value)
    if isinstance(value, float | Decimal):
        return repr(value) if isinstance(value, float) else format(value, "f")
    if isinstance(value, dt.datetime):
        return timestamp(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict):
        return {_key(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(value: Any) -> bytes:
    """The one byte string of a value."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def timestamp(moment: dt.datetime) -> str:
    """UTC with microseconds, always 27 characters."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> Any:
    """The value of JSON text in the profile: numbers that it does not hold become the text that was written."""
    return _decoder.decode(text)


def is_written(value: Any, content: bytes) -> bool:
    """Whether bytes are the canonical form of a value that `parse` gave; False also when that is not plain at once."""
    try:
        if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != content:
            return False
    except TypeError:  # an integer or a character that it does not write
        return False
    text = content.decode()
    return text.isascii() or (
        unicodedata.is_normalized("NFC", text) and '\\"' not in text and not _FOREIGN_KEY.search(text)
    )


def _integer(text: str) -> int | str:
    number = int(text)
    return number if abs(number) < LARGEST_INTEGER else text


_decoder = json.JSONDecoder(parse_float=str, parse_int=_integer, parse_constant=str)
_FOREIGN_KEY = re.compile(r'[^\x00-\x7f][^"]*":')  # where no quote is escaped, only a key is followed by a colon


def _key(key: Any) -> str:
    text = str(key)
    if not text.isascii():
        raise ValueError(f"canonical JSON takes ASCII keys; {text!r} is not")
    return text
