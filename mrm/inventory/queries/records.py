from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Q, QuerySet

from mrm.access.models import Account, BusinessUnit
from mrm.access.queries import unit_ids_for
from mrm.inventory.models import Dataset, Dependency, Model, Version


def models_visible_to(account: Account) -> QuerySet[Model]:
    """Models of the units the account's roles reach, and those opened to it one by one."""
    units, opened = unit_ids_for(account, "view"), account.opened["model"]
    # as plain keys: beside a subquery, "or" would read every model there is
    within = list(units.values_list("pk", flat=True)) if opened else units
    return _with_names(Model.objects.filter(_reach(within, opened)))


def models_listed_to(account: Account) -> QuerySet[Model]:
    """The same models, for a list over all of them: counted by indexes alone, and without asking each for its unit
    where every unit is in reach."""
    units = list(unit_ids_for(account, "view").values_list("pk", flat=True))
    if units and not BusinessUnit.objects.exclude(pk__in=units).exists():
        return _with_names(Model.objects.all())
    return _with_names(Model.objects.filter(_reach(units, account.opened["model"])))


def _reach(units: Iterable[Any], opened: Collection[Any]) -> Q:
    """What lies in the units, and what was opened apart from them."""
    within = Q(unit__in=units)
    return within | Q(pk__in=opened) if opened else within


def _with_names(models: QuerySet[Model]) -> QuerySet[Model]:
    return models.select_related("unit", "owner", "developer")


def versions_visible_to(account: Account) -> QuerySet[Version]:
    return Version.objects.filter(model__in=models_visible_to(account)).select_related(
        "model__unit", "model__owner", "developer", "artifact"
    )


def datasets_visible_to(account: Account) -> QuerySet[Dataset]:
    """Data sets of the account's units; what protected attributes hold is told apart (`shows_values`)."""
    return Dataset.objects.filter(unit__in=unit_ids_for(account, "view")).select_related("unit")


def model_named(text: str) -> Model | None:
    """A model by its reference or exact name."""
    if text.upper().startswith("MDL-") and text[4:].isdigit():
        return Model.objects.filter(number=int(text[4:])).first()
    return Model.objects.filter(name=text).first()


def downstream_of(model: Model) -> set[str]:
    """Ids of every model that, directly or not, needs this one."""
    reached: set[str] = set()
    edge = {model.pk}
    while edge:
        following = set(Dependency.objects.filter(upstream__in=edge).values_list("downstream", flat=True))
        edge = {key for key in following if str(key) not in reached}
        reached |= {str(key) for key in following}
    return reached
