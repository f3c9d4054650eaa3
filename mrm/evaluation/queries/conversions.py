"""Conversions to ONNX: of a version, and the one that a version came from."""

from typing import Any

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.evaluation.models import Conversion
from mrm.evaluation.policies import CONVERTIBLE, why_not_convert
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to


def conversions_visible_to(account: Account) -> QuerySet[Conversion]:
    found = Conversion.objects.filter(source__in=versions_visible_to(account))
    return found.select_related("source__model__unit", "dataset", "made", "requested_by__person")


def is_being_converted(version: Version) -> bool:
    return version.conversions.filter(status=RunState.QUEUED).exists()


def conversion_facts(version: Version, account: Account) -> dict[str, Any]:
    """What the version's page says of conversions: those of it, the one it came from, and whether one may be asked for."""
    visible = conversions_visible_to(account)
    convertible = version.artifact is not None and version.artifact.kind in CONVERTIBLE
    return {
        "conversions": list(visible.filter(source=version)[:5]),
        "origin": visible.filter(made=version).first(),
        "convertible": convertible,
        "closed": account.lacks("evaluation.convert", version)
        or why_not_convert(version, is_being_converted(version))
        or "",
    }
