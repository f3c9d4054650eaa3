"""Recorded facts in words, days as days, drawings inside the page."""

import base64
import datetime as dt
import re
from typing import Any

_DAY = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")


def dated(value: Any) -> Any:
    """The content with its days as days; text that only looks like one is one here too."""
    if isinstance(value, dict):
        return {key: dated(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [dated(entry) for entry in value]
    return dt.date.fromisoformat(value) if isinstance(value, str) and _DAY.match(value) else value


def in_words(value: Any) -> str:
    """A recorded fact in words; empty when nothing is recorded."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return "; ".join(in_words(entry) for entry in value)
    if isinstance(value, dt.date):
        return day(value)
    return "" if value is None else str(value)


def image(svg: bytes) -> str:
    """A drawing inside the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def day(day: dt.date) -> str:
    return f"{day.day} {day:%b %Y}"
