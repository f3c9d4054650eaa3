"""Models that are opened to single accounts, beside their roles."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.access.queries import Panel, exceptions_visible_to
from mrm.inventory.models import Model
from mrm.inventory.queries.tabs import Panel as ModelPanel


def exceptions_listed(account: Account, *, ended: bool = False) -> QuerySet[Any]:
    """The exceptions on models that the account keeps or audits: those in force, or those that ended."""
    found = exceptions_visible_to(account, "model")
    now = timezone.now()
    return found.filter(until__lte=now) if ended else found.filter(until__gt=now)


def person_exceptions(person: Person, account: Account) -> Panel:
    """What is open to a person beside his roles."""
    rows = exceptions_listed(account).filter(user__person=person)
    return Panel("entitlement/_exceptions.html", {"rows": rows, "lacks": account.lacks("access.except", None)})


def model_exceptions(model: Model, account: Account) -> ModelPanel:
    """To whom a model is open beside the roles: for those who keep or audit its unit."""
    shown = account.lacks("audit.view", model) is None
    any_opened = getattr(model, "excepted", True)  # a page that read the model knows it already
    rows = list(exceptions_listed(account).filter(content_object=model)) if shown and any_opened else []
    return ModelPanel(
        "entitlement/_model_exceptions.html",
        {
            "shown": shown,
            "rows": rows,
            "lacks": account.lacks("access.except", model),
            "open_url": reverse("entitlement:open_model", args=[model.pk]),
        },
    )
