"""Whether this is the moment for a change: sentences why not, or None."""

from collections.abc import Mapping
from typing import Any

from mrm.core.actors import Actor
from mrm.deployment.policies.drift import Kind


def frozen(environment: str, reason: str, until: str) -> str:
    """Nothing new comes to an environment while it is frozen."""
    return f"{environment} is frozen until {until}: {reason} Going back in an emergency and taking out stay open."


def closed_by_incident(policy: str, number: int | None) -> str | None:
    """Where a difference freezes an endpoint, nothing changes there until somebody looked into it."""
    if policy == "freeze" and number is not None:
        return f"Incident {number} is open here, and this environment closes an endpoint until it is looked into."
    return None


def still_as_planned(planned: str, seen: str, begun: bool) -> str | None:
    """A plan is carried out on what it was made for; what our own attempt began is carried on with."""
    if planned and planned != seen and not begun:
        return "The place changed since this was planned: look at the plan anew, then ask again."
    return None


def over(_actor: Actor, incident: Any) -> str | None:
    """A difference is not over while it is still seen."""
    if incident.kind in {each["kind"] for each in incident.deployment.drift}:
        return "It is still seen there: bring the place right, look again, then close this."
    return None


def reviewed_by_another(actor: Actor, incident: Any) -> str | None:
    """What was done in an emergency is reviewed by somebody who did not do it."""
    asked = incident.revision.requested_by.identity.person if incident.revision else None
    if incident.kind == Kind.EMERGENCY and actor.identity.person == asked:
        return "You asked for this yourself; somebody else reviews it."
    return None


def busy(place: str, doing: str) -> str:
    """What was begun by the settings of a place ends by them."""
    return f"The settings of {place} cannot be changed while work is under way there: {doing}. Wait until it has ended."


def settings_changed(name: str, config: Mapping[str, Any], new_name: str, new: Mapping[str, Any]) -> list[str]:
    """What of a place would be otherwise: its name, and each setting by its own name."""
    told = ["name"] if name != new_name else []
    missing = object()
    return told + [each for each in sorted({*config, *new}) if config.get(each, missing) != new.get(each, missing)]
