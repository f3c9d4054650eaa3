"""By which rules an endpoint serves: whom the model is for, what is logged, and what happens when it fails.

The control plane writes them, connectors carry them and the gateway keeps them: one shape and one set of limits for all.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from mrm.core.fields import BadField, a_list, an_object, bound, one_of, require_known, text, yes_or_no

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_SECRET = re.compile(r"[a-z0-9-]{0,40}")
_BOUNDS = {"low", "high", "output_low", "output_high"}


class Action(StrEnum):
    """What happens to a request with a row outside the segment, from the mildest to the strictest."""

    FLAG = "flag"
    BACKUP = "backup"
    REFUSE = "refuse"


class OnWithdrawn(StrEnum):
    """What happens to requests for a version whose approval is suspended, withdrawn or expired; the strictest last."""

    ALERT = "alert"
    BACKUP = "backup"
    STOP = "stop"


class LogPolicy(StrEnum):
    """Whether an answer may leave before its line in the prediction log is on disk; the strictest last."""

    BEST_EFFORT = "best_effort"
    MUST_LOG = "must_log"


class LoggedInputs(StrEnum):
    """How much of a request the prediction log keeps, the most last; a reference is the caller's own."""

    NONE = "none"
    HASHED = "hashed"
    REFERENCE = "reference"
    FULL = "full"


@dataclass(frozen=True)
class Condition:
    """A feature between two bounds, each included, or in one of several categories."""

    feature: str
    low: float | None = None
    high: float | None = None
    categories: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        _require_name(self.feature, "A feature")
        bounds = [each for each in (self.low, self.high) if each is not None]
        if not all(math.isfinite(each) for each in bounds):
            raise BadField(f"The bounds of {self.feature} must be finite numbers.")
        if bool(bounds) == bool(self.categories):
            raise BadField(f"The condition on {self.feature} needs either bounds or categories.")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise BadField(f"The lower bound of {self.feature} is above its upper bound.")


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
            raise BadField(f"The segment rule {self.name} needs either a condition to be within or some never to meet.")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (self.within,) if self.within else self.never_all


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
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise BadField(f"The fail-over's {name} must be a whole number from {least} to {most}.")
        if (self.output_low is not None or self.output_high is not None) and not self.output:
            raise BadField("Bounds of an output need the output's name.")


# the smallest and the largest value of each number of a fail-over
LIMITS: Mapping[str, tuple[int, int]] = {
    "window_seconds": (1, 3_600),
    "minimum": (1, 10_000),
    "error_bp": (1, 10_000),
    "timeout_ms": (1, 60_000),
    "cool_down_seconds": (0, 86_400),
    "flips_an_hour": (1, 60),
}


@dataclass(frozen=True)
class Elsewhere:
    """Where the backup answers when it is not in the gateway itself: the endpoint of a deployment at another gateway.

    `secret` names the token that the gateway shows there; its own environment holds it.
    """

    deployment: str
    url: str = ""
    endpoint: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        if self.url and not _URL.fullmatch(self.url):
            raise BadField("The address of the backup must be http or https, with a host and without user or query.")
        if not _SECRET.fullmatch(self.secret):
            raise BadField("The secret of the backup needs a name of letters, digits and hyphens.")


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
    elsewhere: Elsewhere | None = None  # where the backup answers, if not here

    def __post_init__(self) -> None:
        _require_name(self.unit_field, "The field that names the unit")
        names = [rule.name for rule in self.segment]
        if len(set(names)) != len(names):
            raise BadField("A segment names a rule twice.")

    @property
    def must_log(self) -> bool:
        return self.log == LogPolicy.MUST_LOG

    @property
    def needs_backup(self) -> bool:
        asked = self.on_withdrawn == OnWithdrawn.BACKUP or self.elsewhere is not None
        return asked or any(rule.action == Action.BACKUP for rule in self.segment)

    def told(self) -> dict[str, Any]:
        """As JSON; a backup that is not elsewhere goes without saying."""
        told = {name: _plain(value) for name, value in asdict(self).items()}
        return told if self.elsewhere else {name: value for name, value in told.items() if name != "elsewhere"}

    def fingerprint(self) -> str:
        """SHA-256 of the rules as JSON."""
        return rules_fingerprint(self.told())


def rules_fingerprint(told: Any) -> str:
    """The fingerprint of rules that a backend shows."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def serving_of(told: Any) -> Serving:
    """Rules from JSON, where a field that is left out is as usual; None stands for the defaults."""
    if told is None:
        return Serving()
    body = _known(told, Serving, "The field serving")
    return Serving(
        salt=text(body, "salt", ""),
        segment=tuple(_rule(item) for item in a_list(body, "segment")),
        on_withdrawn=OnWithdrawn(one_of(body, "on_withdrawn", list(OnWithdrawn), OnWithdrawn.ALERT)),
        log=LogPolicy(one_of(body, "log", list(LogPolicy), LogPolicy.BEST_EFFORT)),
        inputs=LoggedInputs(one_of(body, "inputs", list(LoggedInputs), LoggedInputs.HASHED)),
        unit_field=text(body, "unit_field", "unit") or "unit",
        failover=_failover(body.get("failover", {})),
        elsewhere=_elsewhere(body.get("elsewhere")),
    )


def _elsewhere(told: Any) -> Elsewhere | None:
    if told is None:
        return None
    item = _known(told, Elsewhere, "The field elsewhere")
    more = {name: text(item, name, "") for name in ("url", "endpoint", "secret")}
    return Elsewhere(text(item, "deployment"), **more)


def _rule(told: Any) -> SegmentRule:
    item = _known(told, SegmentRule, "A segment rule")
    within = item.get("within")
    return SegmentRule(
        name=text(item, "name"),
        action=Action(one_of(item, "action", list(Action))),
        within=None if within is None else _condition(within),
        missing=yes_or_no(item, "missing"),
        never_all=tuple(_condition(each) for each in a_list(item, "never_all")),
    )


def _condition(told: Any) -> Condition:
    item = _known(told, Condition, "A condition")
    categories = a_list(item, "categories")
    if not all(isinstance(each, str | int) and not isinstance(each, bool) for each in categories):
        raise BadField("The field categories must hold texts or whole numbers.")
    return Condition(text(item, "feature"), bound(item, "low"), bound(item, "high"), tuple(categories))


def _failover(told: Any) -> Failover:
    body = _known(told, Failover, "The field failover")
    numbers = {name: body[name] for name in LIMITS if name in body}
    low, high = bound(body, "output_low"), bound(body, "output_high")
    return Failover(**numbers, output=text(body, "output", ""), output_low=low, output_high=high)


def _known(told: Any, shape: type[Any], what: str) -> Mapping[str, Any]:
    body = an_object(told, what)
    require_known(body, [each.name for each in fields(shape)], what)
    return body


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
        raise BadField(f"{what} needs a name of 1 to 100 characters, without control characters.")
