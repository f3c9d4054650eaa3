"""Words and numbers as pages show them."""

import datetime as dt
import json
from typing import Any

from django import template
from django.utils import timezone

from mrm.audit.models import Event
from mrm.audit.queries import sentence
from mrm.signoff import policies

register = template.Library()


@register.filter
def short(digest: str) -> str:
    """A digest as first8…last6."""
    return f"{digest[:8]}…{digest[-6:]}" if len(digest) > 16 else digest


@register.simple_block_tag
def kept(content: str) -> str:
    """`{% kept as name %}…{% endkept %}`: what stands in two places is drawn once."""
    return content


@register.filter
def says(event: Event) -> str:
    return sentence(event)


@register.filter
def day(value: dt.date | dt.datetime | str | None) -> str:
    """14 Oct 2026."""
    if not value:
        return "–"
    if isinstance(value, str):
        value = dt.date.fromisoformat(value) if len(value) == 10 else dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        value = (timezone.localtime(value) if timezone.is_aware(value) else value).date()
    return f"{value.day} {value:%b %Y}"


@register.filter
def moment(value: dt.datetime | str | None) -> str:
    """14 Oct 2026, 08:33 UTC."""
    if not value:
        return "–"
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    local = timezone.localtime(value)
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname()}"


@register.filter
def number(value: Any, decimals: int = 3) -> str:
    """Fixed decimals with a true minus sign."""
    if value is None or value == "":
        return "–"
    return f"{float(value):,.{decimals}f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def millis(micros: float | None) -> str:
    """Microseconds as milliseconds: three figures."""
    return "–" if micros is None else f"{micros / 1000:.3g}" if micros < 1_000_000 else f"{micros / 1000:,.0f}"


@register.filter
def thousands(value: Any) -> str:
    return f"{int(value):,}" if value is not None and value != "" else "–"


@register.filter
def words(value: Any) -> str:
    """A code as words: in_validation reads "in validation"."""
    return policies.words(str(value))


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    return mapping.get(key) if mapping else None


@register.filter
def result_kind(status: str) -> str:
    """The kind of status mark for a result."""
    return {"pass": "ok", "watch": "warn", "fail": "bad", "met": "ok", "missing": "bad"}.get(status, "off")


@register.filter
def result_icon(status: str) -> str:
    icons = {
        "pass": "circle-check",
        "watch": "alert-triangle",
        "fail": "circle-x",
        "met": "circle-check",
        "missing": "circle-x",
    }
    return icons.get(status, "circle-dashed")


@register.filter
def as_json(value: Any) -> str:
    """For an attribute that a script reads; escaped there as any text."""
    return json.dumps(value)
