"""Who had which part in a model, read from its record and from the log, never from what somebody says."""

from collections.abc import Sequence

from django.db.models import Prefetch

from mrm.audit.queries import contributors
from mrm.inventory.models import Dependency, Model, Rating
from mrm.signoff.models import Involved, add_part

KEPT = ("inventory.register", "inventory.edit", "inventory.rate", "inventory.import_models")


def model_parts(model: Model) -> Involved:
    """Person to part to words after his name."""
    found: Involved = {}
    add_part(found, [model.owner_id], "model_owner", "owns this model")
    add_part(found, [model.developer_id], "developer", "developed this model")
    developers = model.versions.values_list("developer", flat=True).distinct().order_by()
    add_part(found, developers, "developer", "developed a version of this model")
    add_part(found, contributors(model, KEPT), "contributor", "kept this model's record")
    return found


def models_to_change(keys: Sequence[str]) -> dict[str, Model]:
    """The models with what bears on a change of them, by key; the number of queries does not grow."""
    found = (
        Model.objects.filter(pk__in=keys)
        .select_related("unit", "owner", "developer")
        .prefetch_related(
            Prefetch("feeds", Dependency.objects.select_related("downstream")),
            Prefetch("ratings", Rating.objects.select_related("method")),
        )
    )
    return {str(each.pk): each for each in found}
