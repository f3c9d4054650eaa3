"""Lists of models: one set of conditions for page, export and API."""

from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.inventory.models import Dataset, Dependency, Model, Version, VersionDataset
from mrm.inventory.workflow import Lifecycle


def overdue() -> Q:
    """Models whose review day has passed while they still count."""
    return Q(next_validation_date__lt=timezone.localdate()) & ~Q(lifecycle=Lifecycle.DECOMMISSIONED)


def own(person: UUID) -> Q:
    return Q(owner=person) | Q(developer=person)


def narrow(
    models: QuerySet[Model],
    *,
    text: str = "",
    tier: str = "",
    lifecycle: str = "",
    unit: str = "",
    residual: str = "",
    own_of: UUID | None = None,
    review_overdue: bool = False,
) -> QuerySet[Model]:
    """The models that fit every condition given; `unit` is the key of a unit and reaches below it."""
    if text:
        models = models.filter(_named(text))
    if tier:
        models = models.filter(tier="" if tier == "none" else tier)
    if lifecycle:
        models = models.filter(lifecycle=lifecycle)
    if unit:
        models = models.filter(unit__path__contains=f"/{unit}/")
    if residual:
        models = models.filter(residual_risk=residual)
    if own_of:
        models = models.filter(own(own_of))
    if review_overdue:
        models = models.filter(overdue())
    return models


def list_counts(models: QuerySet[Model], account: Account) -> dict[str, int]:
    """How many rows each saved view holds, in one query."""
    return models.order_by().aggregate(
        all=Count("unit_id"),
        mine=Count("unit_id", filter=own(account.person_id)),
        tier_1=Count("unit_id", filter=Q(tier="1")),
        overdue=Count("unit_id", filter=overdue()),
    )


def versions_of(model: Model) -> QuerySet[Version]:
    return model.versions.select_related("developer", "artifact", "model__unit")


def data_of(model: Model, datasets: QuerySet[Dataset]) -> QuerySet[VersionDataset]:
    """Which data sets play which part for the model's versions; only data sets the reader sees."""
    return (
        VersionDataset.objects.filter(version__model=model, dataset__in=datasets)
        .select_related("version", "dataset__unit")
        .order_by("-version__created_at", "role")
    )


def lineage(model: Model, visible: QuerySet[Model]) -> dict[str, list[Dependency]]:
    """What the model needs and what it feeds, each only where the reader sees the other end."""
    return {
        "needs": list(model.needs.filter(upstream__in=visible).select_related("upstream__unit")),
        "feeds": list(model.feeds.filter(downstream__in=visible).select_related("downstream__unit")),
    }


def uses_of(dataset: Dataset, versions: QuerySet[Version]) -> QuerySet[VersionDataset]:
    return dataset.uses.filter(version__in=versions).select_related("version__model")


def with_links(versions: QuerySet[Version], datasets: QuerySet[Dataset]) -> QuerySet[Version]:
    """Versions with the links to data sets that the reader sees."""
    links = VersionDataset.objects.filter(dataset__in=datasets).select_related("dataset__unit")
    return versions.prefetch_related(Prefetch("datasets", links, to_attr="seen_links"))


def shows_values(dataset: Dataset, account: Account) -> bool:
    """Smallest and largest values of protected attributes are told only with the permission for them."""
    return not dataset.holds_protected or account.lacks("view_protected", dataset) is None


def _named(text: str) -> Q:
    owners = Person.objects.filter(name__icontains=text).values("pk")
    found: Q = Q(name__icontains=text) | Q(use_summary__icontains=text) | Q(owner__in=owners)
    digits = text.upper().removeprefix("MDL-")
    return found | Q(number=int(digits)) if digits.isdigit() and len(digits) < 15 else found
