"""The list of models and its export."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.access.queries import units_visible_to
from mrm.core.sheets import csv_answer
from mrm.inventory import queries
from mrm.inventory.forms import ModelFilter
from mrm.inventory.models import Model
from mrm.inventory.models.model import Residual, Tier
from mrm.inventory.workflow import Lifecycle

EXPORTED = (
    "id",
    "name",
    "tier",
    "status",
    "residual_risk",
    "next_review",
    "unit",
    "owner",
    "developer",
    "use_summary",
    "key_features",
    "rationale",
    "kind",
    "origin",
    "vendor",
    "approved_uses",
    "limitations",
    "limitation_conditions",
    "explainability_need",
    "autonomy",
    "generative_or_agentic",
    "contingency_plan",
)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = ModelFilter(request.GET)
    visible = queries.models_listed_to(account)
    counts, conditions = queries.list_counts(visible, account), form.conditions(account)
    page = page_of(request, queries.narrow(visible, **conditions), count=_counted(counts, conditions))
    context = {
        "page": page,
        "rows": [(model, *queries.life_mark(model)) for model in page],
        "views": _views(request.GET, counts),
        "menus": _menus(request.GET, account),
        "text": form.cleaned_data.get("q", ""),
        "kept": [(name, value) for name, value in request.GET.items() if name not in ("q", "page")],
        "query": _without(request.GET, "page"),
        "lacks": {name: account.lacks(f"inventory.{name}", None) for name in ("register", "import_models")},
        "any": counts["all"] > 0,
    }
    return render(request, "inventory/models.html", context)


def _counted(counts: dict[str, int], conditions: dict[str, Any]) -> int | None:
    """How many rows the list has, when it is one of the saved views, which are counted already."""
    given = {name: value for name, value in conditions.items() if value}
    if not given:
        return counts["all"]
    views = {"own_of": "mine", "review_overdue": "overdue"} | ({"tier": "tier_1"} if given.get("tier") == "1" else {})
    (name, *more) = given
    return counts[views[name]] if name in views and not more else None


@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as CSV, in the columns that an import takes; what a spreadsheet would run is made text."""
    account = account_of(request)
    found = queries.narrow(queries.models_listed_to(account), **ModelFilter(request.GET).conditions(account))
    rows = ([_cell(model, column) for column in EXPORTED] for model in found.iterator(1000))
    return csv_answer("models.csv", EXPORTED, rows)


def _cell(model: Model, column: str) -> str:
    own: dict[str, Any] = {
        "id": model.ref,
        "status": model.lifecycle,
        "next_review": model.next_validation_date or "",
        "unit": model.unit.key,
        "owner": model.owner.email,
        "developer": model.developer.email,
        "generative_or_agentic": "yes" if model.generative_or_agentic else "no",
    }
    value = own[column] if column in own else getattr(model, column)
    return " | ".join(value) if isinstance(value, list) else str(value)


def _views(given: QueryDict, counts: dict[str, int]) -> list[dict[str, Any]]:
    """The saved views: each is an address."""
    saved = [
        (_("All"), "", counts["all"]),
        (_("Mine"), "own=on", counts["mine"]),
        (_("Tier 1"), "tier=1", counts["tier_1"]),
        (_("Review overdue"), "overdue=on", counts["overdue"]),
    ]
    present = _without(given, "page")
    return [
        {"label": label, "url": f"?{address}", "count": count, "current": present == address}
        for label, address, count in saved
    ]


def _menus(given: QueryDict, account: Account) -> list[dict[str, Any]]:
    units = [(unit.key, unit.name) for unit in units_visible_to(account)]
    tiers = [*Tier.choices, ("none", _("Not rated"))]
    return [
        _menu(given, "tier", _("Tier"), tiers),
        _menu(given, "lifecycle", _("Status"), Lifecycle.choices),
        _menu(given, "residual", _("Residual risk"), Residual.choices),
        _menu(given, "unit", _("Business unit"), units),
    ]


def _menu(given: QueryDict, name: str, label: str, choices: list[tuple[str, str]]) -> dict[str, Any]:
    chosen = given.get(name, "")
    rest = _without(given, name, "page")
    options = [{"label": _("Any"), "url": f"?{rest}", "current": not chosen}] + [
        {"label": title, "url": f"?{rest}{'&' if rest else ''}{name}={value}", "current": chosen == value}
        for value, title in choices
    ]
    shown = next((title for value, title in choices if value == chosen), _("any"))
    return {"label": label, "value": shown, "options": options, "on": bool(chosen)}


def _without(given: QueryDict, *names: str) -> str:
    rest = given.copy()
    for name in names:
        rest.pop(name, None)
    for name in [name for name, value in rest.items() if not value]:
        rest.pop(name)
    return rest.urlencode()
