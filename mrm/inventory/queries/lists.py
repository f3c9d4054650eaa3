"""Lists of models: one set of conditions for page, export and API."""

from itertools import product
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account, Person
from mrm.inventory.models import Dataset, Dependency, HoldLetters, Model, Version, VersionDataset
from mrm.inventory.workflow import Lifecycle

TEXTS = ("name", "use_summary")  # what a word is looked for in, and what its index is over
MANY = 1000  # owners by name, above which they are not told one by one


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
    return _named(models, text) if text else models


def list_counts(models: QuerySet[Model], account: Account) -> dict[str, int]:
    """How many rows each saved view holds; each is counted for itself, in the index that holds what it asks for."""
    models = models.order_by()
    return {
        "all": models.count(),
        "mine": models.filter(own(account.person_id)).count(),
        "tier_1": models.filter(tier="1").count(),
        "overdue": models.filter(overdue()).count(),
    }


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


def _named(models: QuerySet[Model], text: str) -> QuerySet[Model]:
    """Those whose name, use or owner holds the text, in any case, or whose reference it is."""
    people = Person.objects.filter(name__icontains=text).order_by().values_list("pk", flat=True)
    owners = list(people[: MANY + 1])
    # as plain keys: beside a subquery, "or" would read every model there is
    other = Q(owner__in=owners if len(owners) <= MANY else people)
    digits = text.upper().removeprefix("MDL-")
    if digits.isdigit() and len(digits) < 15:
        other |= Q(number=int(digits))
    found = models.filter(other | _holding(text))
    # beside it, not within: what an index has answered is not asked of each row again
    by_letters = other | Q(HoldLetters(text, *TEXTS))
    return found.filter(by_letters) if len(owners) <= MANY and _by_index(models.filter(by_letters)) else found


def _holding(text: str) -> Q:
    """As it may be written first, which is seen at a glance: capitals of a whole text cost many times as much."""
    written = [text[:1].upper() + text[1:], text, text.lower(), text.upper()] if text.isascii() else [text]
    found = Q()
    for lookup, values in (("contains", dict.fromkeys(written)), ("icontains", [text])):
        for column, value in product(TEXTS, values):
            found |= Q(**{f"{column}__{lookup}": value})
    return found


def _by_index(models: QuerySet[Model]) -> bool:
    """Whether PostgreSQL, by what it knows of the texts, goes by the index over their letters and not from row to row."""
    return "model_letters" in models.select_related(None).order_by().explain()
