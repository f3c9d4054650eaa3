"""A record's facts under the field packs' keys, so that one record serves every regime."""

from typing import Any

from mrm.inventory.models import Dependency, DependencyKind, Model, Version


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
