"""The rules an endpoint serves by, read from its route."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .fields import a_list, an_object, bound, number, one_of, require_known, text, yes_or_no
from .refusal import Refused

ACTIONS = ("flag", "backup", "refuse")


@dataclass(frozen=True)
class Condition:
    """A feature between two bounds, each included, or in one of several categories."""

    feature: str
    low: float | None
    high: float | None
    categories: tuple[str | int, ...]


@dataclass(frozen=True)
class SegmentRule:
    """A row is outside when its value is not `within`, or when all of `never_all` hold at once."""

    name: str
    action: str
    within: Condition | None
    missing: bool
    never_all: tuple[Condition, ...]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.within,) if self.within else self.never_all


@dataclass(frozen=True)
class Failover:
    """When requests leave a failing version for the backup."""

    window_seconds: int = 30
    minimum: int = 20
    error_bp: int = 2_000
    timeout_ms: int = 1_000
    output: str = ""
    output_low: float | None = None
    output_high: float | None = None
    cool_down_seconds: int = 60
    flips_an_hour: int = 3


@dataclass(frozen=True)
class Rules:
    """Whom the models are for, what is logged, and what happens when they fail or may no longer be used."""

    salt: str = ""
    segment: tuple[SegmentRule, ...] = ()
    on_withdrawn: str = "alert"
    log: str = "best_effort"
    inputs: str = "hashed"
    unit_field: str = "unit"
    failover: Failover = field(default_factory=Failover)

    @property
    def must_log(self) -> bool:
        return self.log == "must_log"

    @property
    def needs_backup(self) -> bool:
        return self.on_withdrawn == "backup" or any(rule.action == "backup" for rule in self.segment)


def parse_rules(body: Any) -> Rules:
    """Checked rules, or a refusal that names the field; None stands for the defaults."""
    if body is None:
        return Rules()
    body = an_object(body, "The field serving")
    require_known(body, [each.name for each in fields(Rules)], "The field serving")
    segment = tuple(_rule(an_object(item, "Each segment rule")) for item in a_list(body, "segment"))
    if len({rule.name for rule in segment}) != len(segment):
        raise Refused(400, "A segment names a rule twice.")
    return Rules(
        salt=text(body, "salt", ""),
        segment=segment,
        on_withdrawn=one_of(body, "on_withdrawn", ("alert", "backup", "stop"), "alert"),
        log=one_of(body, "log", ("best_effort", "must_log"), "best_effort"),
        inputs=one_of(body, "inputs", ("full", "hashed", "none"), "hashed"),
        unit_field=text(body, "unit_field", "unit") or "unit",
        failover=_failover(body.get("failover", {})),
    )


def _rule(item: Mapping[str, Any]) -> SegmentRule:
    require_known(item, [each.name for each in fields(SegmentRule)], "A segment rule")
    within, name = item.get("within"), text(item, "name")
    never_all = tuple(_condition(each) for each in a_list(item, "never_all"))
    if (within is None) == (not never_all):
        raise Refused(400, f"The segment rule {name} needs either a condition to be within or some never to meet.")
    return SegmentRule(
        name=name,
        action=one_of(item, "action", ACTIONS),
        within=None if within is None else _condition(within),
        missing=yes_or_no(item, "missing"),
        never_all=never_all,
    )


def _condition(item: Any) -> Condition:
    item = an_object(item, "Each condition")
    require_known(item, [each.name for each in fields(Condition)], "A condition")
    found = Condition(text(item, "feature"), bound(item, "low"), bound(item, "high"), _categories(item))
    if (found.low is None and found.high is None) == (not found.categories):
        raise Refused(400, f"The condition on {found.feature} needs either bounds or categories.")
    if found.low is not None and found.high is not None and found.low > found.high:
        raise Refused(400, f"The lower bound of {found.feature} is above its upper bound.")
    return found


def _categories(item: Mapping[str, Any]) -> tuple[str | int, ...]:
    found = a_list(item, "categories")
    if not all(isinstance(each, str | int) and not isinstance(each, bool) for each in found):
        raise Refused(400, "The field categories must hold texts or whole numbers.")
    return tuple(found)


def _failover(body: Any) -> Failover:
    body = an_object(body, "The field failover")
    require_known(body, [each.name for each in fields(Failover)], "The field failover")
    usual = Failover()
    found = Failover(
        window_seconds=number(body, "window_seconds", 1, 3_600, usual.window_seconds),
        minimum=number(body, "minimum", 1, 10_000, usual.minimum),
        error_bp=number(body, "error_bp", 1, 10_000, usual.error_bp),
        timeout_ms=number(body, "timeout_ms", 1, 60_000, usual.timeout_ms),
        output=text(body, "output", ""),
        output_low=bound(body, "output_low"),
        output_high=bound(body, "output_high"),
        cool_down_seconds=number(body, "cool_down_seconds", 0, 86_400, usual.cool_down_seconds),
        flips_an_hour=number(body, "flips_an_hour", 1, 60, usual.flips_an_hour),
    )
    if (found.output_low is not None or found.output_high is not None) and not found.output:
        raise Refused(400, "Bounds of an output need the output's name.")
    return found
