from typing import Any, TypeVar

from django.db import models

from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused, Stale
from mrm.inventory import policies, queries
from mrm.inventory.models import Dependency, Model

Row = TypeVar("Row", bound=models.Model)

EDITABLE = (
    "name",
    "kind",
    "key_features",
    "use_summary",
    "rationale",
    "owner",
    "developer",
    "origin",
    "vendor",
    "approved_uses",
    "limitations",
    "limitation_conditions",
    "explainability_need",
    "autonomy",
    "contingency_plan",
    "generative_or_agentic",
    "regimes",
)


@audited("inventory.register", "registered the model {subject}")
def register(*, actor: Actor, **facts: Any) -> Model:
    """Enter a model in the inventory, as a proposal. `facts` are fields of the record, with `unit`."""
    permit(actor, "inventory.register", facts["unit"])
    if Model.objects.filter(name__iexact=facts["name"]).exists():
        raise Invalid(f"A model named {facts['name']} is registered already.", fields={"name": ["Registered already."]})
    return Model.objects.create(**facts)


@audited("inventory.edit", "changed {fields} of {subject}")
def edit(model: Model, *, changes: dict[str, Any], revision: int, actor: Actor, reason: str = "") -> Model:
    """Change fields of the record; `revision` is the one the editor saw."""
    permit(actor, "inventory.edit", model)
    current = lock(model, revision, changes)
    changed = apply_changes(current, changes, EDITABLE)
    if not changed:
        raise Refused("Nothing was changed.")
    current.revision += 1
    current.save(update_fields=[*changed, "revision"])
    describe(fields=", ".join(name.replace("_", " ") for name in changed))
    return current


@audited("inventory.link_models", "recorded that {subject}")
def link_models(downstream: Model, *, upstream: Model, kind: str, actor: Actor, note: str = "") -> Dependency:
    """Record that one model needs another."""
    permit(actor, "inventory.link_models", downstream)
    if circle := policies.no_cycle(upstream, downstream, queries.downstream_of(downstream)):
        raise Refused(circle)
    if upstream == downstream:
        raise Refused("A model does not depend on itself.")
    if Dependency.objects.filter(upstream=upstream, downstream=downstream, kind=kind).exists():
        raise Refused(f"{downstream} needs {upstream} in this way already.")
    return Dependency.objects.create(upstream=upstream, downstream=downstream, kind=kind, note=note)


def note_validation(model: Model, **dates: Any) -> None:
    """Keep the dates and residual risk that a validation settled; called inside its action."""
    for name, value in dates.items():
        setattr(model, name, value)
    model.save(update_fields=list(dates))


def lock(row: Row, revision: int, changes: dict[str, Any]) -> Row:
    """The row as it is now, locked; Stale with what differs when somebody changed it meanwhile."""
    current = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if current.revision != revision:  # type: ignore[attr-defined]
        differing = {
            name: (value, getattr(current, name)) for name, value in changes.items() if getattr(current, name) != value
        }
        names = ", ".join(name.replace("_", " ") for name in differing) or "nothing that you changed"
        raise Stale(f"{current} was changed by somebody else meanwhile. Differing now: {names}.", changes=differing)
    return current


def apply_changes(row: models.Model, changes: dict[str, Any], allowed: tuple[str, ...]) -> list[str]:
    """Set what differs and return its names; a field outside `allowed` is refused by name."""
    if foreign := sorted(set(changes) - set(allowed)):
        raise Invalid(
            f"{', '.join(foreign)} cannot be edited here.",
            fields={name: ["Cannot be edited here."] for name in foreign},
        )
    changed = [name for name, value in changes.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, changes[name])
    return changed
