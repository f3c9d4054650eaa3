"""The model card: every fact with its value, where it comes from, and which regime asks for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mrm.audit.models import Change, Event
from mrm.inventory.models import Model, Pack
from mrm.inventory.queries.facts import latest_version_facts, model_facts

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Purpose and use",
        (
            ("use_summary", "Use"),
            ("key_features", "Key features"),
            ("rationale", "Rationale"),
            ("approved_uses", "Approved uses"),
            ("limitations", "Limitations"),
            ("limitation_conditions", "Conditions on limitations"),
            ("contingency_plan", "If it fails"),
        ),
    ),
    (
        "Method",
        (
            ("kind", "Kind of record"),
            ("origin", "Origin"),
            ("vendor", "Vendor"),
            ("explainability_need", "Explained to"),
            ("autonomy", "Autonomy"),
            ("generative_or_agentic", "Generative or agentic"),
        ),
    ),
    ("People", (("unit", "Business unit"), ("owner", "Owner"), ("developer", "Developer"))),
    (
        "Risk and life",
        (
            ("tier", "Tier"),
            ("rated_on", "Rated on"),
            ("residual_risk", "Residual risk"),
            ("lifecycle", "Status"),
            ("production_date", "In production since"),
            ("last_validation_date", "Last validation"),
            ("next_validation_date", "Next review"),
            ("monitoring_status", "Monitoring"),
            ("decommission_date", "Decommissioned"),
        ),
    ),
)
# where a field pack names a fact differently from the record
PACK_KEYS = {"lifecycle": "lifecycle_status", "rated_on": "rating_reviewed_on"}
BY_HAND = ("inventory.register", "inventory.edit")
# what nobody types into the record: the work that settles it
SETTLED = {
    "tier": "set by the rating",
    "rated_on": "set by the rating",
    "residual_risk": "settled by the validation",
    "lifecycle": "follows from the work",
    "production_date": "set when it goes live",
    "last_validation_date": "settled by the validation",
    "next_validation_date": "settled by the validation",
    "monitoring_status": "set by monitoring",
    "decommission_date": "set at its end",
}
STAGES = {"registration": "at registration", "approval": "before approval", "production": "before production"}


@dataclass(frozen=True)
class Fact:
    field: str
    label: str
    value: Any
    kind: str
    event: Event | None
    demands: tuple[str, ...]
    before_approval: bool

    @property
    def settled(self) -> str:
        return SETTLED.get(self.field, "")

    @property
    def origin(self) -> str:
        """By whom or by what the present value came to be."""
        if self.event is None:
            return ""
        if self.kind != "computed":
            return f"by {self.event.actor_name}"
        if self.event.verb in BY_HAND:
            return "at registration"
        area, _, words = self.event.verb.partition(".")
        return f"by {area}: {words.replace('_', ' ')}"

    @property
    def known(self) -> bool:
        return self.value not in ("", None, [], {})


@dataclass(frozen=True)
class Group:
    title: str
    facts: tuple[Fact, ...]

    @property
    def known(self) -> int:
        return sum(fact.known for fact in self.facts)


@dataclass(frozen=True)
class Card:
    groups: tuple[Group, ...]

    @property
    def facts(self) -> list[Fact]:
        return [fact for group in self.groups for fact in group.facts]

    def count(self, kind: str) -> int:
        return sum(fact.kind == kind for fact in self.facts)

    @property
    def total(self) -> int:
        """Facts that are known, or that somebody asks for."""
        return sum(fact.known or fact.kind == "missing" for fact in self.facts)

    @property
    def known(self) -> int:
        return sum(fact.known for fact in self.facts)

    @property
    def due(self) -> int:
        return sum(fact.before_approval for fact in self.facts)

    @property
    def due_known(self) -> int:
        return sum(fact.before_approval and fact.known for fact in self.facts)


def card(model: Model, packs: Iterable[Pack]) -> Card:
    """One query, however long the record's history is: changes with their events, nothing per fact."""
    origins = last_changes(model)
    demands = _demands(packs)
    return Card(
        tuple(
            Group(title, tuple(_fact(model, name, label, origins, demands) for name, label in facts))
            for title, facts in GROUPS
        )
    )


def last_changes(model: Model) -> dict[str, Event]:
    """For each column of the record, the event that gave it its present value."""
    changes = Change.objects.filter(table=model._meta.db_table, row=str(model.pk)).select_related("event")
    origins: dict[str, Event] = {}
    for change in changes.order_by("id"):
        for column in change.after or {}:
            origins[column] = change.event
    return origins


def completeness(model: Model, packs: Iterable[Pack]) -> list[tuple[Pack, int, int, list[str]]]:
    """For each field pack and a model read `with_latest_version`: fields kept here that are filled, of how many, and the labels still owed."""
    facts = model_facts(model) | latest_version_facts(model)
    return [(pack, *_filled(pack.content["fields"], facts)) for pack in packs]


def _filled(fields: list[dict[str, Any]], facts: dict[str, Any]) -> tuple[int, int, list[str]]:
    kept = [field for field in fields if field["key"] in facts]
    owed = [field["label"] for field in kept if facts[field["key"]] in ("", None, [], {})]
    return len(kept) - len(owed), len(kept), owed


Demands = dict[str, list[tuple[str, str]]]


def _demands(packs: Iterable[Pack]) -> Demands:
    found: Demands = {}
    for pack in packs:
        for field in pack.content["fields"]:
            found.setdefault(field["key"], []).append((pack.content["regime"], field["required_at"]))
    return found


def _fact(model: Model, name: str, label: str, origins: dict[str, Event], demands: Demands) -> Fact:
    value = _value(model, name)
    event = origins.get(model._meta.get_field(name).attname)  # type: ignore[union-attr]
    asked = demands.get(PACK_KEYS.get(name, name), [])
    empty = value in ("", None, [], {})
    told = tuple(f"{regime} {STAGES.get(stage, stage)}" for regime, stage in asked)
    wanted = bool(asked) and _applies(model, name)
    due = wanted and any(stage in ("registration", "approval") for _regime, stage in asked)
    kind = ("missing" if wanted else "none") if empty else _source(name, event)
    return Fact(name, label, value, kind, event, told, due)


def _applies(model: Model, name: str) -> bool:
    """Some facts are only asked of some models."""
    if name == "vendor":
        return model.origin in {"vendor", "hybrid"}
    return name != "decommission_date" or model.lifecycle == "decommissioned"


def _value(model: Model, name: str) -> Any:
    told = getattr(model, f"get_{name}_display", None)
    value = told() if told else getattr(model, name)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value


def _source(name: str, event: Event | None) -> str:
    if name in SETTLED and event is not None:
        return "computed"
    if event is None or event.verb in BY_HAND:
        return "pushed" if event is not None and (event.on_behalf_of or event.actor.startswith("system:")) else "typed"
    return "computed"
