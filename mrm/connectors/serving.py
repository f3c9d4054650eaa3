"""By which rules an endpoint serves: whom the model is for, what is logged, and what happens when it fails."""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from .errors import Invalid

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_BOUNDS = {"low", "high", "output_low", "output_high"}


class Action(StrEnum):
    """What happens to a request with a row outside the segment."""

    FLAG = "flag"
    BACKUP = "backup"
    REFUSE = "refuse"


class OnWithdrawn(StrEnum):
    """What happens to requests for a version whose approval is suspended, withdrawn or expired."""

    ALERT = "alert"
    BACKUP = "backup"
    STOP = "stop"


class LogPolicy(StrEnum):
    """Whether an answer may leave before its line in the prediction log is on disk."""

    BEST_EFFORT = "best_effort"
    MUST_LOG = "must_log"


class LoggedInputs(StrEnum):
    """How much of a request the prediction log keeps."""

    FULL = "full"
    HASHED = "hashed"
    NONE = "none"


@dataclass(frozen=True)
class Condition:
    """A feature between two bounds, each included, or in one of several categories."""

    feature: str
    low: float | None = None
    high: float | None = None
    categories: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        _require_name(self.feature, "A feature")
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not all(math.isfinite(bound) for bound in bounds):
            raise Invalid(f"The bounds of {self.feature} must be finite numbers.")
        if bool(bounds) == bool(self.categories):
            raise Invalid(f"The condition on {self.feature} needs either bounds or categories.")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise Invalid(f"The lower bound of {self.feature} is above its upper bound.")


@dataclass(frozen=True)
class SegmentRule:
    """A row is outside when its value is not `within`, or when all conditions of `never_all` hold at once.

    A missing value is outside `within` unless `missing` is true, and fulfils no condition of `never_all`.
    """

    name: str
    action: Action
    within: Condition | None = None
    missing: bool = False
    never_all: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        _require_name(self.name, "A segment rule")
        if (self.within is None) == (not self.never_all):
            raise Invalid(f"The segment rule {self.name} needs either a condition to be within or some never to meet.")


@dataclass(frozen=True)
class Failover:
    """When requests leave a failing version for the backup. Only a person brings them back.

    Within `window_seconds`, at least `minimum` requests of which `error_bp` basis points failed, took longer than
    `timeout_ms`, or gave a number that is none or lies outside the two bounds. A person's way back is closed for
    `cool_down_seconds`, and for the rest of the hour after `flips_an_hour`.
    """

    window_seconds: int = 30
    minimum: int = 20
    error_bp: int = 2_000
    timeout_ms: int = 1_000
    output: str = ""
    output_low: float | None = None
    output_high: float | None = None
    cool_down_seconds: int = 60
    flips_an_hour: int = 3

    def __post_init__(self) -> None:
        limits = {"window_seconds": 3_600, "minimum": 10_000, "error_bp": 10_000, "timeout_ms": 60_000}
        limits |= {"cool_down_seconds": 86_400, "flips_an_hour": 60}
        for name, most in limits.items():
            if not (0 if name == "cool_down_seconds" else 1) <= getattr(self, name) <= most:
                raise Invalid(f"The fail-over's {name} must be a whole number up to {most}.")
        if (self.output_low is not None or self.output_high is not None) and not self.output:
            raise Invalid("Bounds of an output need the output's name.")


@dataclass(frozen=True)
class Serving:
    """The rules of an endpoint. The defaults ask nothing of a backend."""

    salt: str = ""
    segment: tuple[SegmentRule, ...] = ()
    on_withdrawn: OnWithdrawn = OnWithdrawn.ALERT
    log: LogPolicy = LogPolicy.BEST_EFFORT
    inputs: LoggedInputs = LoggedInputs.HASHED
    unit_field: str = "unit"
    failover: Failover = field(default_factory=Failover)

    def __post_init__(self) -> None:
        _require_name(self.unit_field, "The field that names the unit")
        names = [rule.name for rule in self.segment]
        if len(set(names)) != len(names):
            raise Invalid("A segment names a rule twice.")

    @property
    def needs_backup(self) -> bool:
        return self.on_withdrawn == OnWithdrawn.BACKUP or any(rule.action == Action.BACKUP for rule in self.segment)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def fingerprint(self) -> str:
        """SHA-256 of the rules as JSON."""
        return rules_fingerprint(self.told())


def rules_fingerprint(told: Any) -> str:
    """The fingerprint of rules that a backend shows."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _number(each) if name in _BOUNDS else _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, StrEnum) else value


def _number(bound: float | None) -> float | None:
    """Equal bounds read equal, written with a point or without."""
    return None if bound is None else float(bound)


def _require_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(f"{what} needs a name of 1 to 100 characters, without control characters.")
