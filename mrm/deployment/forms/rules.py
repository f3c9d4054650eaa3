"""HTML input to rules of serving: a line for each feature, and a text for what no single feature tells."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from mrm.core.fields import BadField
from mrm.deployment.models import Deployment, LoggedInputs, LogPolicy, OnWithdrawn
from mrm.deployment.policies import INPUTS, LOGS, WITHDRAWN, Least, reaches
from mrm.deployment.queries import Range, condition_in_words, placed
from mrm.inventory.models import Version
from mrm.serving import LIMITS, Action, Condition, Elsewhere, Failover, SegmentRule, Serving

ACTIONS = [("", "Not checked"), ("flag", "Flag it"), ("backup", "Ask the backup"), ("refuse", "Refuse it")]
MEANS = {
    "alert": "Each answer carries the alert and is logged with it; for models whose absence would do more harm.",
    "backup": "The fallback of the traffic plan takes over, while its own approval holds.",
    "stop": "Requests are refused and sent to a person, until the approval holds again.",
    "best_effort": "Fastest; a crash can lose the lines of the last second.",
    "must_log": "The line is on disk before the answer leaves; without room for it the request is refused.",
    "none": "Outputs, version and approval are logged; what was asked is not.",
    "hashed": "Shows later whether a stored request is the one that was answered; the values are not kept.",
    "reference": "The caller says in parameters.reference where the request is kept; without one it is refused.",
    "full": "Every value, for replay and monitoring; people see them only with the right to.",
}
_LABELS = {
    "window_seconds": ("Window, seconds", "Failures are counted within it."),
    "minimum": ("Requests at least", "Fewer within the window decide nothing."),
    "error_bp": ("Failing, basis points", "2000 is 20 % of them."),
    "timeout_ms": ("Too slow after, ms", "A slower answer counts as failed."),
    "cool_down_seconds": ("Cool-down, seconds", "No way back before it is over."),
    "flips_an_hour": ("Fail-overs an hour", "After so many the way back waits for the rest of the hour."),
}
Choice = tuple[str, str, str, str, bool]


class RulesForm(forms.Form):
    """The rules in force, or as usual; each choice explained, what the environment does not allow closed with the reason."""

    others = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Further rules",
        help_text="One a line: name: refuse: never age 18..25 and debt 50000.. — or name: flag: purpose in car|house",
    )
    output = forms.CharField(required=False, max_length=100, label="Output watched", help_text="Its name, if one is.")
    output_low = forms.FloatField(required=False, label="Smallest sound output")
    output_high = forms.FloatField(required=False, label="Largest sound output")

    def __init__(
        self,
        data: Any = None,
        *,
        rules: Serving,
        ranges: Sequence[Range],
        least: Least,
        spares: Iterable[Deployment] = (),
        versions: Iterable[Version] | None = None,
    ) -> None:
        super().__init__(data)
        self.ranges, self.least, self.rules = list(ranges), least, rules
        if versions is not None:
            known = [(str(each.pk), each.label) for each in versions]
            self.fields["version"] = forms.ChoiceField(choices=known, label="First version")
        for name, kind, now in (
            ("on_withdrawn", OnWithdrawn, rules.on_withdrawn),
            ("log", LogPolicy, rules.log),
            ("inputs", LoggedInputs, rules.inputs),
        ):
            self.fields[name] = forms.ChoiceField(choices=kind.choices, initial=str(now))
        for name, (low, high) in LIMITS.items():
            label, text = _LABELS[name]
            now = getattr(rules.failover, name)
            self.fields[name] = forms.IntegerField(
                min_value=low, max_value=high, initial=now, label=label, help_text=text
            )
        for name in ("output", "output_low", "output_high"):
            self.fields[name].initial = getattr(rules.failover, name)
        self._lay_out_place(spares)
        self._lay_out_segment()

    def _lay_out_place(self, spares: Iterable[Deployment]) -> None:
        """Where the backup may answer; the place in force stands in the list whatever became of it."""
        now = self.rules.elsewhere or Elsewhere("")
        known = {str(each.pk): f"{each.endpoint} at {each.target.name}" for each in spares}
        if now.deployment and now.deployment not in known:
            known[now.deployment] = f"{now.endpoint} at {now.url}"
        self.fields["elsewhere"] = forms.ChoiceField(
            choices=[("", "In the same place"), *known.items()], required=False, initial=now.deployment,
            label="Backup answers", widget=forms.Select(attrs={"class": "form-select"}),
            help_text="Elsewhere: a deployment of this model at another gateway that serves the fallback's version.",
        )  # fmt: skip
        self.fields["secret"] = forms.RegexField(
            r"^[a-z0-9-]{0,40}$", required=False, initial=now.secret, label="Token for it",
            help_text="Its name. The gateway's own environment holds it as MRM_GATEWAY_TOKEN_NAME.",
        )  # fmt: skip

    def _lay_out_segment(self) -> None:
        """A line for each feature; what the lines cannot say stands in the text, so that nothing is lost."""
        bounded = {each.feature: _takes_bounds(each) for each in self.ranges}
        simple = {
            rule.name: rule
            for rule in self.rules.segment
            if rule.within
            and rule.within.feature == rule.name
            and bounded.get(rule.name) == (not rule.within.categories)
        }
        others = [rule for rule in self.rules.segment if rule.name not in simple]
        self.fields["others"].initial = "\n".join(_line(rule) for rule in others)
        for place, each in enumerate(self.ranges):
            self._lay_out_feature(place, each, simple.get(each.feature))

    def _lay_out_feature(self, place: int, found: Range, rule: SegmentRule | None) -> None:
        within = rule.within if rule else None
        low, high = (within.low, within.high) if within else (found.low, found.high) if found.numeric else (None, None)
        small = {"class": "form-control", "step": "any"}
        self.fields[f"action-{place}"] = forms.ChoiceField(
            choices=ACTIONS, required=False, label=f"Outside of {found.feature}", initial=str(rule.action) if rule else "",
            widget=forms.Select(attrs={"class": "form-select"}),
        )  # fmt: skip
        if _takes_bounds(found):
            for side, value in (("low", low), ("high", high)):
                word = "Smallest" if side == "low" else "Largest"
                self.fields[f"{side}-{place}"] = forms.FloatField(
                    required=False,
                    label=f"{word} {found.feature}",
                    initial=_plain(value),
                    widget=forms.NumberInput(attrs=small),
                )
        else:
            self.fields[f"categories-{place}"] = forms.CharField(
                required=False, label=f"Values of {found.feature}", widget=forms.TextInput(attrs={"class": "form-control"}),
                initial="|".join(map(str, within.categories)) if within else "",
            )  # fmt: skip
        self.fields[f"missing-{place}"] = forms.BooleanField(
            required=False, label=f"{found.feature} may be missing", initial=rule.missing if rule else bool(found.missing),
            widget=forms.CheckboxInput(attrs={"class": "form-check-input me-2"}),
        )  # fmt: skip

    def rows(self) -> list[tuple[Range, dict[str, forms.BoundField]]]:
        """Each feature with its fields."""
        names = ("action", "low", "high", "categories", "missing")
        return [
            (each, {name: self[f"{name}-{place}"] for name in names if f"{name}-{place}" in self.fields})
            for place, each in enumerate(self.ranges)
        ]

    def numbers(self) -> list[forms.BoundField]:
        """The fields of the fail-over."""
        return [self[name] for name in (*LIMITS, "output", "output_low", "output_high")]

    def withdrawn_choices(self) -> list[Choice]:
        return self._choices("on_withdrawn", OnWithdrawn.choices, WITHDRAWN, self.least.on_withdrawn)

    def log_choices(self) -> list[Choice]:
        return self._choices("log", LogPolicy.choices, LOGS, self.least.log)

    def inputs_choices(self) -> list[Choice]:
        return self._choices("inputs", LoggedInputs.choices, INPUTS, self.least.inputs)

    def _choices(self, name: str, choices: Iterable[Any], order: Sequence[str], least: str) -> list[Choice]:
        now = str(self[name].value())
        why = f"This environment asks for {least} or more."
        return [
            (value, str(label), MEANS[value], "" if reaches(order, value, least) else why, value == now)
            for value, label in choices
        ]

    def clean(self) -> dict[str, Any]:
        """The rules as one whole; what is wrong with them is said by the rules themselves."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            rules = Serving(
                segment=(*self._features(values), *_further(values["others"])),
                on_withdrawn=WITHDRAWN[WITHDRAWN.index(values["on_withdrawn"])],
                log=LOGS[LOGS.index(values["log"])],
                inputs=INPUTS[INPUTS.index(values["inputs"])],
                failover=Failover(
                    **{name: values[name] for name in (*LIMITS, "output", "output_low", "output_high")},
                ),
                elsewhere=Elsewhere(values["elsewhere"], secret=values["secret"]) if values["elsewhere"] else None,
            )
        except BadField as fault:
            raise forms.ValidationError(fault.message) from fault
        return {"rules": placed(rules), "version": values.get("version", "")}

    def _features(self, values: dict[str, Any]) -> list[SegmentRule]:
        found = []
        for place, each in enumerate(self.ranges):
            if action := values[f"action-{place}"]:
                categories = _categories(values.get(f"categories-{place}", ""))
                bounds = (None, None) if categories else (values.get(f"low-{place}"), values.get(f"high-{place}"))
                condition = Condition(each.feature, *bounds, categories)
                found.append(SegmentRule(each.feature, Action(action), condition, values[f"missing-{place}"]))
        return found


class WantedRulesForm(RulesForm):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")
    planned_on = forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        told = {name: self.cleaned_data.get(name, "") for name in ("reason", "planned_on")}
        return {**super().clean(), **told}


def _takes_bounds(found: Range) -> bool:
    """A feature that the data do not show is taken for a number."""
    return found.numeric or not found.kind


def _plain(value: float | None) -> float | int | None:
    """419 and not 419.0."""
    return int(value) if value is not None and float(value).is_integer() else value


def _line(rule: SegmentRule) -> str:
    conditions = " and ".join(condition_in_words(each) for each in rule.conditions)
    told = f"never {conditions}" if rule.never_all else f"{conditions}{' or missing' if rule.missing else ''}"
    return f"{rule.name}: {rule.action}: {told}"


def _further(text: str) -> list[SegmentRule]:
    return [_read(line.strip()) for line in text.splitlines() if line.strip()]


def _read(line: str) -> SegmentRule:
    parts = [part.strip() for part in line.split(":", 2)]
    if len(parts) != 3 or parts[1] not in list(Action):
        raise BadField(f"The line {line!r} is no rule; write name: refuse: never age 18..25 and debt 50000..")
    name, action, told = parts
    if told.startswith("never "):
        conditions = tuple(_condition(each) for each in told.removeprefix("never ").split(" and "))
        return SegmentRule(name, Action(action), never_all=conditions)
    return SegmentRule(name, Action(action), _condition(told.removesuffix(" or missing")), told.endswith(" or missing"))


def _condition(told: str) -> Condition:
    if " in " in told:
        feature, values = told.split(" in ", 1)
        return Condition(feature.strip(), categories=_categories(values))
    feature, _, bounds = told.strip().rpartition(" ")
    low, dots, high = bounds.partition("..")
    try:
        if not feature or not dots:
            raise ValueError(told)
        return Condition(feature, float(low) if low else None, float(high) if high else None)
    except ValueError as fault:
        if isinstance(fault, BadField):
            raise
        raise BadField(f"{told!r} is no condition; write age 18..95, age 18.. or purpose in car|house.") from fault


def _categories(text: str) -> tuple[str | int, ...]:
    found = [part.strip() for part in text.split("|") if part.strip()]
    return tuple(int(part) if part.lstrip("-").isdecimal() else part for part in found)
