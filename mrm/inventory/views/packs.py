"""Regulation and policy as data, in plain sentences, each with its source and how sure it is."""

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.inventory import queries
from mrm.inventory.models import Pack, PackKind
from mrm.measures.explanation.dictionary import BASELINES
from mrm.signoff.models import Policy

MARKS = {
    "primary-read": ("ok", "circle-check", "read in the primary text"),
    "secondary": ("warn", "alert-triangle", "from a secondary source"),
    "from-memory": ("bad", "alert-circle", "from memory, to be verified"),
}


@require_safe
def packs(request: HttpRequest) -> HttpResponse:
    permit(account_of(request), "view", None)
    found = list(queries.packs())
    groups = [
        (kind.label, [(pack, sureness(pack.content)) for pack in found if pack.kind == kind]) for kind in PackKind
    ]
    context = {"groups": groups, "policies": Policy.objects.all()}
    return render(request, "inventory/packs.html", context)


@require_safe
def pack(request: HttpRequest, pk: int) -> HttpResponse:
    permit(account_of(request), "view", None)
    found: Pack = get_object_or_404(queries.packs(), pk=pk)
    context = {
        "pack": found,
        "content": found.content,
        "lead": found.content.get("summary") or found.content.get("purpose") or found.content.get("nature") or "",
        "thresholds": _thresholds(found.content.get("thresholds", [])),
        "marks": MARKS,
        "sureness": sureness(found.content),
        "matrix": _matrix(found.content) if found.kind == PackKind.TIERING_METHOD else None,
        "baselines": BASELINES,
        "floors": [(floor, _when(floor["when"])) for floor in found.content.get("floors", [])],
        "others": queries.packs(found.kind).filter(key=found.key).exclude(pk=found.pk),
    }
    return render(request, "inventory/pack.html", context)


def sureness(content: Any) -> list[tuple[str, str, str, int]]:
    """Kind, icon, words and count for each mark of confidence in a pack."""
    counted = Counter(_confidences(content))
    return [(*MARKS[name], counted[name]) for name in MARKS if counted[name]]


def _confidences(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["confidence"]] if isinstance(value.get("confidence"), str) else []
        return own + [found for part in value.values() for found in _confidences(part)]
    return [found for part in value for found in _confidences(part)] if isinstance(value, list) else []


def _thresholds(given: Any) -> list[tuple[str, str, str, str]]:
    """Name, limit in words, what it means, and how sure: regimes list them, suites name them by measure."""
    if isinstance(given, dict):
        return [(name, limit.get("text", ""), limit.get("source", ""), "") for name, limit in given.items()]
    return [
        (
            limit["id"],
            f"{limit['value']} {limit.get('unit', '')}",
            limit.get("meaning", ""),
            limit.get("confidence", ""),
        )
        for limit in given
    ]


def _matrix(method: dict[str, Any]) -> dict[str, Any]:
    bands = [band["name"] for band in method["scoring"]["bands"]]
    tiers = method["matrix"]["tiers"]
    return {"bands": bands, "rows": [(row, [tiers[row][column] for column in bands]) for row in bands]}


def _when(when: dict[str, Any]) -> str:
    if "all" in when:
        return " and ".join(_when(part) for part in when["all"])
    if "question" in when:
        return f"{when['question'].replace('_', ' ')} has {when['points_at_least']} points or more"
    if "regime" in when:
        return f"the regime {when['regime']} counts it {when['determination']}"
    if "dependency" in when:
        return f"it is {when['dependency']}"
    return f"{when['field'].replace('_', ' ')} is {'yes' if when['equals'] is True else when['equals']}"
