"""What areas above the inventory add to its pages: tabs, panels and the seal of a model, panels of a version."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from mrm.access.models import Account
from mrm.core.registry import Registry
from mrm.inventory.models import Model, Version
from mrm.inventory.queries.doors import Proposed, as_proposed, model_doors
from mrm.inventory.workflow import Lifecycle
from mrm.signoff.queries import proposed_on


@dataclass(frozen=True)
class Tab:
    """A tab of the model page: its label, the name of its url (takes the model's key), and the rows it counts."""

    label: str
    url_name: str
    rows: Callable[[Model, Account], QuerySet[Any]] | None = None


@dataclass(frozen=True)
class Seal:
    """The approval as the model page shows it; `kind` is ok, warn, bad or off, facts are (label, text, status kind)."""

    kind: str
    title: str
    sub: str
    url: str = ""
    digest: str = ""
    facts: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Panel:
    """A part of a page that another area fills: drawn by the page, so that its forms carry the page's token."""

    template: str
    context: dict[str, Any]


VersionPanel = Callable[[Version, Account], Panel]
ModelPanel = Callable[[Model, Account], Panel]
FindSeal = Callable[[Model, Account], Seal | None]

# they show in the order of their names: "1-validation", "2-deployments", "3-documents"
TABS: Registry[Tab] = Registry("tab of the model page")
SEALS: Registry[FindSeal] = Registry("seal of the model page")
MODEL_PANELS: Registry[ModelPanel] = Registry("panel of the model card")
VERSION_PANELS: Registry[VersionPanel] = Registry("panel of the version page")

MARKS = {
    Lifecycle.PROPOSED: ("off", "circle-dashed"),
    Lifecycle.DEVELOPMENT: ("info", "circle-half-2"),
    Lifecycle.VALIDATION: ("info", "checklist"),
    Lifecycle.APPROVED: ("ok", "circle-check"),
    Lifecycle.PRODUCTION: ("ok", "player-play"),
    Lifecycle.SUSPENDED: ("bad", "ban"),
    Lifecycle.DECOMMISSIONED: ("off", "archive"),
}


def life_mark(model: Model) -> tuple[str, str]:
    """Kind and icon of the status mark of a model's life."""
    return MARKS[Lifecycle(model.lifecycle)]


def model_page(model: Model, account: Account, current: str) -> dict[str, Any]:
    """What every tab of a model's page needs: a template extends `inventory/model_base.html` with it."""
    kind, icon = life_mark(model)
    tabs, proposed = tabs_of(model, account, current)
    return {
        "model": model,
        "tabs": tabs,
        "doors": model_doors(model, account, proposed),
        "life_kind": kind,
        "life_icon": icon,
        "seal": next((seal for _name, find in SEALS.items() if (seal := find(model, account))), None),
    }


def tabs_of(model: Model, account: Account, current: str) -> tuple[list[dict[str, Any]], Proposed]:
    """The tabs bar, and what is proposed on the model; `current` is the name of the address that is shown."""
    own = [
        Tab(_("Card"), "inventory:model"),
        Tab(_("Versions"), "inventory:versions", lambda model, account: model.versions.all()),
        Tab(_("Data and lineage"), "inventory:data"),
    ]
    bar = [*own, *(tab for _name, tab in TABS.items()), Tab(_("Timeline"), "inventory:timeline")]
    counts, proposed = _read({tab.url_name: tab.rows(model, account) for tab in bar if tab.rows}, model)
    shown = [
        {"label": tab.label, "url": url, "count": counts.get(tab.url_name), "current": tab.url_name == current}
        for tab in bar
        if (url := _url(tab, model))
    ]
    return shown, proposed


def model_panels(model: Model, account: Account) -> list[Panel]:
    return [draw(model, account) for _name, draw in MODEL_PANELS.items()]


def version_panels(version: Version, account: Account) -> list[Panel]:
    return [draw(version, account) for _name, draw in VERSION_PANELS.items()]


def _read(rows: dict[str, QuerySet[Any]], model: Model) -> tuple[dict[str, int], Proposed]:
    """How many rows each tab has and what is proposed, all in one query."""
    names = {f"tab_{place}": name for place, name in enumerate(rows)}
    asked = {key: _count(rows[name]) for key, name in names.items()}
    *counts, proposed = Model.objects.filter(pk=model.pk).values_list(*asked.values(), proposed_on(str(model.pk))).get()
    return dict(zip(names.values(), counts, strict=True)), as_proposed(proposed)


def _count(rows: QuerySet[Any]) -> Coalesce:
    # a constant to group by makes the aggregate one row of a subquery
    counted = rows.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def _url(tab: Tab, model: Model) -> str:
    try:
        return reverse(tab.url_name, args=[model.pk])
    except NoReverseMatch:
        return ""
