import json
from typing import Any

from django.db.models import QuerySet

from mrm.core.refusal import Refused
from mrm.inventory.models import Pack, PackKind
from mrm.signoff.models import Change


def packs(kind: str | None = None) -> QuerySet[Pack]:
    found = Pack.objects.all()
    return found.filter(kind=kind) if kind else found


def current_pack(kind: str, key: str | None = None) -> Pack:
    """The pack in force of a kind, or of one key; loaded packs only."""
    found = packs(kind).filter(current=True)
    pack = (found.filter(key=key) if key else found).order_by("key").first()
    if pack is None:
        raise Refused(f"No {PackKind(kind).label.lower()} is loaded; a policy administrator loads one.")
    return pack


def field_packs() -> QuerySet[Pack]:
    return packs(PackKind.FIELD_PACK).filter(current=True)


def pack_changes(before: Any, after: Any, name: str = "") -> list[Change]:
    """What two contents of a pack say otherwise, each by the path to it."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*after, *(each for each in before if each not in after)]
        parts = [(each, before.get(each), after.get(each)) for each in names]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        parts = [(str(place), *pair) for place, pair in enumerate(zip(before, after, strict=True), 1)]
    else:
        return [] if before == after else [Change(name, _told(before), _told(after), material=True)]
    return [change for each, then, now in parts for change in pack_changes(then, now, f"{name} {each}".strip())]


def _told(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
