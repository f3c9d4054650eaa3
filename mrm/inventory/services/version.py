from typing import Any

from mrm.access.models import Person
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies
from mrm.inventory.models import Model, Version
from mrm.inventory.services.life import advance_model
from mrm.inventory.services.model import apply_changes, lock
from mrm.inventory.workflow import Lifecycle

EDITABLE = (
    "model_kind",
    "methodology",
    "intended_use",
    "domain_of_use",
    "training_window",
    "notes",
    "features",
    "target",
    "cutoff",
)


@audited("inventory.add_version", "added version {label} of {model}")
def add_version(model: Model, *, label: str, developer: Person, actor: Actor, **facts: Any) -> Version:
    """Add a draft version; its developer is counted as a party from the first day."""
    permit(actor, "inventory.add_version", model)
    if model.lifecycle == Lifecycle.DECOMMISSIONED:
        raise Refused(f"{model} is decommissioned; it takes no new version.")
    if problem := policies.label_is_plain(label):
        raise Invalid(problem, fields={"label": [problem]})
    _check_domain(facts)
    if Version.objects.filter(model=model, label=label).exists():
        raise Invalid(f"{model} has a version {label} already.", fields={"label": ["Taken."]})
    describe(label=label, model=model.name)
    if model.lifecycle == Lifecycle.PROPOSED:
        advance_model(model, "develop", actor=actor)
    return Version.objects.create(model=model, label=label, developer=developer, **facts)


@audited("inventory.edit_version", "changed {fields} of {subject}")
def edit_version(
    version: Version, *, changes: dict[str, Any], revision: int, actor: Actor, reason: str = ""
) -> Version:
    """Change a draft; what is in validation or signed is closed."""
    permit(actor, "inventory.edit_version", version)
    current = lock(version, revision, changes)
    if closed := policies.version_open(actor, current):
        raise Refused(closed)
    _check_domain(changes)
    changed = apply_changes(current, changes, EDITABLE)
    if not changed:
        raise Refused("Nothing was changed.")
    current.revision += 1
    current.save(update_fields=[*changed, "revision"])
    describe(fields=", ".join(name.replace("_", " ") for name in changed))
    return current


def _check_domain(facts: dict[str, Any]) -> None:
    if reason := policies.domain_unreadable(facts.get("domain_of_use") or []):
        raise Invalid(reason, fields={"domain_of_use": [reason]})
