"""Whom a model was approved for: each row of a request against the rules, with the reason when it is outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mrm.serving import Action, Condition, SegmentRule

from .refusal import Refused
from .tensors import Array, TensorSpec

_ACTIONS = tuple(Action)
_FEW = 4  # rows
_TOLD = 1_000  # rows that an answer names; all are counted


@dataclass(frozen=True, slots=True)
class Outside:
    """One row outside of one rule."""

    row: int
    rule: str
    action: str
    reason: str

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Found:
    """What the check of a request found: the rows that can be told, how many there are, and the strictest action."""

    outside: tuple[Outside, ...] = ()
    rows: Mapping[tuple[str, str], int] | None = None  # by rule and action
    action: str = ""

    @property
    def reason(self) -> str:
        told = [f"Row {each.row}: {each.reason}" for each in self.outside[:5]]
        return " ".join([*told, *(["And more."] if len(self.outside) > 5 else [])])


INSIDE = Found()


class Segment:
    """The rules laid out for one model's inputs, so that a row inside costs next to nothing."""

    def __init__(self, rules: Sequence[SegmentRule], inputs: Sequence[TensorSpec], features: Sequence[str]) -> None:
        self._inputs = {item.name: item for item in inputs}
        self._matrix = inputs[0] if len(inputs) == 1 and features else None
        self._features = {name: place for place, name in enumerate(features)}
        self._row = (len(features),)
        self._rules = [(rule, self._mask(rule)) for rule in rules]
        self._plain = self._matrix is not None and all(_is_plain(rule) for rule in rules)
        self._low, self._high = self._limits(rules)
        self._bounds = self._low.tolist(), self._high.tolist()

    def check(self, taken: Mapping[str, Array]) -> Found:
        """Every rule that a row breaks."""
        if self._matrix is not None:
            matrix = taken[self._matrix.name]
            if matrix.shape[1:] != self._row:
                wanted = [len(matrix), *self._row]
                raise Refused(400, f"The input has the shape {list(matrix.shape)}; its segment asks for {wanted}.")
            if self._plain and self._all_inside(matrix):
                return INSIDE
        outside: list[Outside] = []
        counts: dict[tuple[str, str], int] = {}
        for rule, mask in self._rules:
            rows = np.flatnonzero(mask(taken))
            if len(rows):
                counts[rule.name, rule.action] = len(rows)
                outside += [
                    Outside(int(row), rule.name, rule.action, self._reason(rule, taken, int(row)))
                    for row in rows[: _TOLD - len(outside)]
                ]
        action = max((action for _, action in counts), key=_ACTIONS.index, default="")
        return Found(tuple(sorted(outside, key=lambda each: each.row)), counts, action) if counts else INSIDE

    def _all_inside(self, matrix: Array) -> bool:
        lows, highs = self._bounds
        if len(matrix) > _FEW:
            return bool(((matrix >= self._low) & (matrix <= self._high)).all())
        # for a few numbers the way into arrays is longer than the work
        for row in matrix.tolist():
            for value, low, high in zip(row, lows, highs, strict=True):
                if low <= value <= high:
                    continue
                return False
        return True

    def _limits(self, rules: Sequence[SegmentRule]) -> tuple[Array, Array]:
        low, high = np.full(len(self._features), -np.inf), np.full(len(self._features), np.inf)
        if self._plain and self._matrix is not None:
            for within in (rule.within for rule in rules if rule.within):
                place = self._features[within.feature]
                low[place] = max(low[place], -np.inf if within.low is None else within.low)
                high[place] = min(high[place], np.inf if within.high is None else within.high)
        return low.astype(np.float32), high.astype(np.float32)

    def _mask(self, rule: SegmentRule) -> Callable[[Mapping[str, Array]], Array]:
        for condition in rule.conditions:
            self._require_fit(rule, condition)
        if rule.within is None:
            return lambda taken: np.logical_and.reduce([self._meets(each, taken) for each in rule.never_all])
        within, missing = rule.within, rule.missing

        def outside(taken: Mapping[str, Array]) -> Array:
            found = ~self._meets(within, taken)
            return found & ~_missing(self._column(within.feature, taken)) if missing else found

        return outside

    def _meets(self, condition: Condition, taken: Mapping[str, Array]) -> Array:
        column = self._column(condition.feature, taken)
        if condition.categories:
            return np.isin(column, np.array(condition.categories, dtype=column.dtype))
        met = ~_missing(column)
        # a bound is rounded as the value was, so that a value on it stays inside
        if condition.low is not None:
            met &= column >= _as(column, condition.low)
        if condition.high is not None:
            met &= column <= _as(column, condition.high)
        return met

    def _column(self, feature: str, taken: Mapping[str, Array]) -> Array:
        if self._matrix is not None:
            column: Array = taken[self._matrix.name][:, self._features[feature]]
            return column
        return taken[feature].reshape(len(taken[feature]))

    def _require_fit(self, rule: SegmentRule, condition: Condition) -> None:
        known = self._features if self._matrix is not None else self._inputs
        if condition.feature not in known:
            names = ", ".join(known) or "none by name"
            raise Refused(
                422, f"The segment rule {rule.name} names {condition.feature}; the model's features are {names}."
            )
        tensor = self._matrix or self._inputs[condition.feature]
        texts = tensor.datatype == "BYTES"
        if texts != any(isinstance(each, str) for each in condition.categories) or (texts and not condition.categories):
            kind = "texts" if texts else "numbers"
            raise Refused(422, f"The segment rule {rule.name} does not fit {condition.feature}, which holds {kind}.")

    def _reason(self, rule: SegmentRule, taken: Mapping[str, Array], row: int) -> str:
        values = {each.feature: self._column(each.feature, taken)[row] for each in rule.conditions}
        if rule.within is None:
            told = " and ".join(f"{feature} is {_told(value)}" for feature, value in values.items())
            return f"{told}: these do not go together."
        value, within = values[rule.within.feature], rule.within
        if _missing(np.array([value], dtype=object if isinstance(value, str) else None))[0]:
            return f"{within.feature} is missing."
        if within.categories:
            known = ", ".join(map(str, within.categories[:10]))
            return f"{within.feature} is {_told(value)}, which is not among {known}."
        if within.low is not None and value < _as(np.asarray(value), within.low):
            return f"{within.feature} is {_told(value)}, below {within.low:g}."
        return f"{within.feature} is {_told(value)}, above {within.high:g}."


def _is_plain(rule: SegmentRule) -> bool:
    return rule.within is not None and not rule.missing and not rule.within.categories


def _as(column: Array, bound: float) -> Any:
    return column.dtype.type(bound) if column.dtype.kind == "f" else bound


def _missing(column: Array) -> Array:
    if column.dtype.kind == "f":
        return np.isnan(column)
    return np.equal(column, "") if column.dtype.kind == "O" else np.zeros(len(column), dtype=bool)


def _told(value: Any) -> str:
    return repr(value) if isinstance(value, str) else f"{float(value):g}"
