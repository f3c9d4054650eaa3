"""A record's facts under the field packs' keys, so that one record serves every regime."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from mrm.inventory.models import Dependency, DependencyKind, Model, ModelException, Version, VersionDataset


def with_latest_version(models: QuerySet[Model]) -> QuerySet[Model]:
    """The models with the label and the data sources of their newest version, in the same query."""
    newest = Version.objects.filter(model=OuterRef("pk")).order_by("-created_at")
    sources = VersionDataset.objects.filter(version=OuterRef("latest")).values("dataset__source")
    latest = models.annotate(
        latest=Subquery(newest.values("pk")[:1]), latest_label=Subquery(newest.values("label")[:1])
    )
    return latest.annotate(latest_sources=ArraySubquery(sources))


def with_exceptions(models: QuerySet[Model]) -> QuerySet[Model]:
    """The models, each with whether any account may read it beside the roles, in the same query."""
    opened = ModelException.objects.filter(content_object=OuterRef("pk"), until__gt=timezone.now())
    return models.annotate(excepted=Exists(opened))


def latest_version_facts(model: Model) -> dict[str, Any]:
    """The version's facts of a model read by `with_latest_version`; none when it has no version."""
    read = vars(model)
    return {"version": read["latest_label"], "data_sources": read["latest_sources"]} if read["latest_label"] else {}


def model_facts(model: Model, version: Version | None = None) -> dict[str, Any]:
    """Values by field key; keys that the product does not keep yet are absent."""
    facts: dict[str, Any] = {
        "model_id": model.ref,
        "name": model.name,
        "key_features": model.key_features,
        "use_summary": model.use_summary,
        "tier": model.tier,
        "owner": model.owner.name,
        "developer": model.developer.name,
        "origin": model.origin,
        "approved_uses": model.approved_uses,
        "limitations": model.limitations,
        "lifecycle_status": model.lifecycle,
        "rating_reviewed_on": model.rated_on,
        "rationale": model.rationale,
        "explainability_need": model.explainability_need,
        "autonomy": model.autonomy,
    }
    if version is not None:
        facts["version"] = version.label
        facts["data_sources"] = [use.dataset.source for use in version.datasets.select_related("dataset")]
    return facts


def rating_facts(model: Model) -> dict[str, Any]:
    """What the floors of a tiering method ask beside the answers."""
    feeds_tier_one = Dependency.objects.filter(
        upstream=model, kind=DependencyKind.MAIN_INPUT, downstream__tier="1"
    ).exists()
    return {
        "regimes": model.regimes,
        "dependencies": ["main input of a tier 1 model"] if feeds_tier_one else [],
        "generative_or_agentic": model.generative_or_agentic,
    }
