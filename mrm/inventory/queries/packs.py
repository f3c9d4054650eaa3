from django.db.models import QuerySet

from mrm.core.refusal import Refused
from mrm.inventory.models import Pack, PackKind


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
