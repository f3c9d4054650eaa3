"""What every page shows: the menu, who is signed in, the bank, the theme, the log."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from mrm.access.models import Account
from mrm.access.roles import Role
from mrm.audit.models import Event

MENU = (
    ("Home", "home", ()),
    ("Models", "inventory:models", ("inventory", "evaluation")),
    ("Approvals", "signoff:requests", ("signoff", "approval")),
    ("Findings", "validation:findings", ("validation", "risks")),
    ("Monitoring", "deployment:deployments", ("deployment", "prediction", "discovery")),
    ("Reports", "reporting:documents", ("reporting",)),
    ("Admin", "access:admin", ("access", "jobs", "audit", "assurance", "privacy", "entitlement")),
)
QUEUE = "signoff:requests"  # the item that counts what waits for the reader


def page(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "light")
    shared: dict[str, Any] = {
        "bank_name": settings.BANK_NAME,
        "theme": theme if theme in {"light", "dark"} else "light",
        "time_zone_name": settings.TIME_ZONE,
        "sign_out_url": reverse("account_logout"),
        "find_url": reverse("find"),
        "sso_name": settings.SSO.name if settings.SSO else "",
    }
    account = getattr(request, "user", None)
    if not isinstance(account, Account):
        return shared
    roles = ", ".join(Role(role).label for role in account.roles) or "No role yet"
    return {
        **shared,
        "account": {
            "name": account.name,
            "initials": account.person.initials,
            "role": roles,
            "username": account.username,
        },
        "menu": [_item(request, account, *entry) for entry in MENU],
        "log_line": SimpleLazyObject(_log_line),
    }


def _item(request: HttpRequest, account: Account, label: str, name: str, areas: tuple[str, ...]) -> dict[str, Any]:
    match = request.resolver_match
    here = match is not None and (match.view_name == name or match.namespace in areas)
    counted = name == QUEUE and account.may("signoff.vote")
    return {
        "label": label,
        "url": reverse(name),
        "current": here,
        "count_url": reverse("signoff:waiting") if counted else "",
    }


def _log_line() -> str:
    last = Event.objects.order_by("-position").values_list("position", "at").first()
    return f"Trail: {last[0]:,} events, the last at {last[1]:%H:%M:%S} UTC" if last else "Trail: no events yet"
