"""The record behind a report: the card, the rating, the version, its bytes and its data."""

from typing import Any

from mrm.inventory.models import Dependency, Model, Pack, Version
from mrm.inventory.queries import current_pack, model_facts
from mrm.reporting.queries.decisions import signers

FIELD_PACK = "fields-osfi-e23"
KEY = "row_id"
_FROM_RECORD = (
    ("production_date", "production_date"),
    ("last_validation_date", "last_validation_date"),
    ("next_validation_date", "next_validation_date"),
    ("monitoring_status", "monitoring_status"),
    ("monitoring_exceptions", "monitoring_exceptions"),
    ("limitation_conditions", "limitation_conditions"),
    ("rating_is_provisional", "tier_is_provisional"),
    ("residual_risk", "residual_risk"),
    ("contingency_plan", "contingency_plan"),
    ("decommission_date", "decommission_date"),
)


def card(version: Version) -> dict[str, Any]:
    """The fields that the guideline lists, in its order, each with the value kept here."""
    pack = current_pack("field_pack", FIELD_PACK)
    values = _values(version)
    fields = [
        {
            "key": field["key"],
            "label": field["label"],
            "section": field.get("section", ""),
            "value": values.get(field["key"]),
        }
        for field in pack.content["fields"]
    ]
    return {"pack": str(pack), "title": pack.title, "digest": pack.digest, "fields": fields}


def _values(version: Version) -> dict[str, Any]:
    model = version.model
    facts = model_facts(model, version)
    facts |= {key: getattr(model, name) for key, name in _FROM_RECORD}
    facts["lifecycle_status"] = model.get_lifecycle_display()
    facts["origin"] = f"{model.get_origin_display()}{', ' + model.vendor if model.vendor else ''}"
    facts["explainability_need"] = model.get_explainability_need_display()
    facts["autonomy"] = model.get_autonomy_display()
    links = Dependency.objects.filter(upstream=model) | Dependency.objects.filter(downstream=model)
    facts["dependencies"] = sorted(f"{link} ({link.get_kind_display().lower()})" for link in links)
    validators = version.validations.exclude(validator=None).values_list("validator__name", flat=True)
    facts["validator"] = sorted(set(validators))
    facts["approver"] = signers(version)
    return facts


def rating(model: Model) -> dict[str, Any] | None:
    """The rating in force with every answer in words, the floors that applied, and the method it followed."""
    found = model.ratings.select_related("method", "rated_by__person", "override_by__person").first()
    if found is None:
        return None
    return {
        "method": {"title": found.method.title, "version": found.method.version, "digest": found.method.digest},
        "answers": [_answer(question, found.answers) for question in _questions(found.method)],
        "materiality": found.materiality,
        "materiality_score": str(found.materiality_score),
        "complexity": found.complexity,
        "complexity_score": str(found.complexity_score),
        "matrix_tier": found.matrix_tier,
        "floors": [_floor(found.method, key) for key in found.floors],
        "computed_tier": found.computed_tier,
        "tier": found.tier,
        "override_reason": found.override_reason,
        "override_by": found.overrider,
        "rated_by": found.rater,
        "rated_at": found.rated_at,
    }


def _questions(method: Pack) -> list[dict[str, Any]]:
    return [question for factor in method.content["factors"] for question in factor["questions"]]


def _answer(question: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    points = answers.get(question["key"])
    text = next((choice["text"] for choice in question["answers"] if choice["points"] == points), "not answered")
    return {"key": question["key"], "question": question["text"], "points": points, "answer": text}


def _floor(method: Pack, key: str) -> dict[str, Any]:
    entry: dict[str, Any] = next((floor for floor in method.content["floors"] if floor["key"] == key), {})
    return {"key": key, "tier": entry.get("floor"), "reason": entry.get("reason", "").rstrip(".")}


def version_facts(version: Version) -> dict[str, Any]:
    model = version.model
    return {
        "id": version.pk,
        "label": version.label,
        "status": version.get_status_display(),
        "model": model.name,
        "model_ref": model.ref,
        "tier": model.tier,
        "lifecycle": model.get_lifecycle_display(),
        "unit": model.unit.name,
        "owner": model.owner.name,
        "developer": version.developer.name,
        "methodology": version.methodology,
        "intended_use": version.intended_use,
        "training_window": version.training_window,
        "features": version.features,
        "target": version.target,
        "cutoff": None if version.cutoff is None else f"{version.cutoff.normalize():f}",
        "notes": version.notes,
        "limitations": model.limitations,
        "approved_uses": model.approved_uses,
        "created_at": version.created_at,
    }


def artifact(version: Version) -> dict[str, Any] | None:
    found = version.artifact
    if found is None:
        return None
    return {
        "sha256": found.sha256,
        "size": found.size,
        "kind": found.get_kind_display(),
        "filename": found.filename,
        "stored_at": found.stored_at,
    }


def datasets(version: Version) -> list[dict[str, Any]]:
    """The data sets and their parts; of protected attributes the columns are named, their values never."""
    return [
        {
            "role": link.get_role_display(),
            "ref": link.dataset.ref,
            "name": link.dataset.name,
            "source": link.dataset.source,
            "period": link.dataset.period,
            "rows": link.dataset.rows,
            "columns": [name for name in link.dataset.columns if name != KEY],
            "sha256": link.dataset.sha256,
            "holds_protected": link.dataset.holds_protected,
        }
        for link in version.datasets.select_related("dataset").order_by("role", "dataset__number")
    ]
