"""When an experiment may be registered, read and acted on: sentences why not, or None."""

from collections.abc import Mapping, Sequence
from typing import Any

from mrm.measures.experiments import arm_size, look_due


def not_comparable(live: Sequence[str]) -> str | None:
    """There is something to compare only where several versions answer."""
    if len(live) < 2:
        return "Nothing is compared here: divide the traffic between champion and challengers first."
    return None


def too_small(base_rate: float, effect: float, horizon: int, alpha: float, power: float) -> str | None:
    """An experiment is large enough to show the smallest effect that it is made for."""
    if not 0 < base_rate + effect < 1:
        return "The rate with the smallest effect must lie between 0 and 1 as well."
    needed = arm_size(base_rate, effect, alpha, power)
    if horizon < needed:
        return (
            f"{horizon} units in each arm are too few: to show {effect:.4g} over {base_rate:.4g} with power {power:g}"
            f" takes {needed}. Register that many, or a larger effect."
        )
    return None


def salted_before(number: int | None) -> str | None:
    """Each experiment assigns its units anew."""
    if number is not None:
        return f"Experiment {number} ran on this assignment: plan the traffic anew, so that units are assigned anew."
    return None


def under_experiment(number: int | None) -> str | None:
    """While an experiment runs, the shares stay; going back and taking out stay open."""
    if number is not None:
        return f"Experiment {number} is under way here: its shares stay until it is ended. Going back stays open."
    return None


def ended(experiment: str, is_over: bool) -> str | None:
    """What is over is not read and not ended again."""
    return f"{experiment[:1].upper()}{experiment[1:]} is ended." if is_over else None


def traffic_changed(registered: int, in_force: int | None) -> str | None:
    """An experiment is read while what it compares serves."""
    if registered != in_force:
        return f"It was registered for revision {registered}, which is in force no longer: end it, and register anew."
    return None


def off_schedule(per_arm: int, horizon: int, looks: int, last: int) -> str | None:
    """A look is taken when its units are there, and once."""
    due = last + 1
    if due > looks:
        return "Every look that was registered is taken; end the experiment."
    if look_due(per_arm, horizon, looks) < due:
        needed = -(-horizon * due // looks)
        return f"Look {due} is due at {needed} units in each arm; the smallest has {per_arm}. Until then the guardrail alone is read."
    return None


def wrong_table(rows: Sequence[tuple[str, str, int]], arms: Sequence[str]) -> str | None:
    """A table of outcomes has each unit once, in an arm that was registered."""
    if not rows:
        return "The table of outcomes has no rows."
    seen: dict[str, str] = {}
    for unit, arm, _ in rows:
        if arm not in arms:
            return f"There is no arm {arm} in this experiment; there are {', '.join(arms)}."
        if unit in seen:
            return f"Unit {unit[:12]}… stands in the table twice; one unit has one arm and one outcome."
        seen[unit] = arm
    if missing := [arm for arm in arms if arm not in seen.values()]:
        return f"The table has no unit in arm {missing[0]}."
    return None


def not_shown(results: Sequence[Mapping[str, Any]], label: str, stopped: bool) -> str | None:
    """A version is promoted on what the last planned look showed, and never against its guardrail."""
    if stopped:
        return "The guardrail stopped this experiment for harm; nothing of it is promoted."
    if not any(each["arm"] == label and each["crossed"] and each["better"] for each in results):
        return f"No planned look, or not the last one, shows that {label} is better than the limit that was registered asks."
    return None
