"""HTML input to clean values."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from mrm.access.models import Person
from mrm.access.queries import grants_in_force, persons
from mrm.access.roles import Role
from mrm.deployment import policies
from mrm.deployment.models import (
    DriftPolicy,
    Environment,
    LoggedInputs,
    LogPolicy,
    OnWithdrawn,
    Stage,
    Target,
    VariantRole,
)
from mrm.deployment.policies import Least, Share
from mrm.inventory.models import Model, Version
from mrm.signoff.forms import SignForm


class CreateForm(forms.Form):
    target = forms.ModelChoiceField(Target.objects.none(), label="Serving place")
    endpoint = forms.SlugField(max_length=100, help_text="The stable name callers use, such as retail-credit.")

    def __init__(self, *args: Any, targets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].queryset = targets  # type: ignore[attr-defined]


class AdoptionForm(forms.Form):
    """Which endpoint at a place is to be taken over, and which model it is."""

    endpoint = forms.SlugField(max_length=100, help_text="Its name at the place, as callers use it.")
    model: "forms.ModelChoiceField[Model]" = forms.ModelChoiceField(Model.objects.none())

    def __init__(self, *args: Any, models: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].queryset = models  # type: ignore[attr-defined]


class AdoptForm(AdoptionForm):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")
    planned_on = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)


class PlanForm(forms.Form):
    version = forms.ModelChoiceField(Version.objects.none())

    def __init__(self, *args: Any, versions: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]


class DeployForm(PlanForm):
    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    planned_on = forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)


class RollBackForm(forms.Form):
    number = forms.IntegerField(min_value=1, label="Revision")
    emergency = forms.BooleanField(required=False)
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")


class StopForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")


class SignedStopForm(SignForm):
    """The reason stands in the statement as well; here it says what to show again."""

    reason = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        values.pop("reason", None)
        return values


class TrafficForm(forms.Form):
    """A role and a share for each version that may be served, and the steps of a canary, all in per cent."""

    unit_field = forms.SlugField(
        max_length=60,
        required=False,
        initial="unit",
        label="Unit of assignment",
        help_text="The field of a request that names the customer or account; the same one gets the same version.",
    )
    steps = forms.CharField(
        required=False,
        label="Steps of a canary",
        help_text="Shares of the challenger in per cent, the first being that above, such as 10, 25, 50.",
    )

    def __init__(self, data: Any = None, *, versions: Iterable[Version], shares: Iterable[Share] = ()) -> None:
        super().__init__(data)
        self.versions = list(versions)
        now = {each.version.pk: each for each in shares}
        for version in self.versions:
            held = now.get(version.pk)
            share = (held.weight_bp or held.mirror_bp) / 100 if held else None
            self.fields[f"role-{version.pk}"] = forms.ChoiceField(
                choices=[("", "Not served"), *VariantRole.choices],
                required=False,
                label=f"Role of {version.label}",
                initial=held.role if held else "",
                widget=forms.Select(attrs={"class": "form-select"}),
            )
            self.fields[f"share-{version.pk}"] = forms.DecimalField(
                min_value=0,
                max_value=100,
                decimal_places=2,
                required=False,
                label=f"Share of {version.label}, per cent",
                initial=f"{share:g}" if share else None,
                widget=forms.NumberInput(attrs={"class": "form-control"}),
            )

    def rows(self) -> list[tuple[Version, forms.BoundField, forms.BoundField]]:
        """Each version with its two fields."""
        return [(each, self[f"role-{each.pk}"], self[f"share-{each.pk}"]) for each in self.versions]

    def clean_steps(self) -> list[int]:
        given = self.cleaned_data["steps"].replace("%", " ").replace(";", ",").split(",")
        try:
            return [round(Decimal(step.strip()) * 100) for step in given if step.strip()]
        except InvalidOperation as error:
            raise forms.ValidationError("Steps are numbers with commas between them, such as 10, 25, 50.") from error

    def clean(self) -> dict[str, Any]:
        """The plan as one whole; what is wrong with it is said by the rule itself."""
        values = super().clean() or {}
        if self.errors:
            return values
        shares = [
            _share(version, values[f"role-{version.pk}"], values[f"share-{version.pk}"])
            for version in self.versions
            if values[f"role-{version.pk}"]
        ]
        steps = values["steps"]
        if refusal := policies.not_whole(shares) or policies.steps_wrong(shares, steps):
            raise forms.ValidationError(refusal)
        return {"shares": shares, "steps": steps, "unit_field": values["unit_field"] or "unit"}


def _share(version: Version, role: str, share: Decimal | None) -> Share:
    points = round((share or 0) * 100)
    return Share(version, role, 0, points) if role == VariantRole.SHADOW else Share(version, role, points)


class TrafficWantedForm(TrafficForm):
    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    planned_on = forms.RegexField(r"^[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        told = {name: self.cleaned_data.get(name, "") for name in ("reason", "planned_on")}
        return {**super().clean(), **told}


class ExperimentForm(forms.Form):
    metric = forms.CharField(max_length=200, help_text="The outcome that is compared, such as paid back in 12 months.")
    higher_is_better = forms.TypedChoiceField(
        choices=[("yes", "More of it is better"), ("no", "Less of it is better")], coerce=lambda value: value == "yes",
        label="Which way is better",
    )  # fmt: skip
    base_rate = forms.FloatField(
        min_value=0.0001, max_value=0.9999, label="Rate today", help_text="A share, such as 0.1."
    )
    smallest_effect = forms.FloatField(
        min_value=0.0001,
        max_value=0.9999,
        label="Smallest effect",
        help_text="The change that must not be missed: 0.01.",
    )
    horizon = forms.IntegerField(
        min_value=1, label="Units in each arm", help_text="Refused when too few for the effect."
    )
    looks = forms.IntegerField(min_value=1, max_value=20, initial=5, label="Planned looks")
    alpha = forms.FloatField(min_value=0.0001, max_value=0.1, initial=0.05, label="Error overall")
    power = forms.FloatField(min_value=0.5, max_value=0.999, initial=0.8, label="Power")
    guardrail_tau = forms.FloatField(
        min_value=0.0001,
        max_value=1,
        initial=0.01,
        label="Spread of effects",
        help_text="Of the guardrail against harm.",
    )
    stop_rules = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="When it ends, in words.")


class OutcomesForm(forms.Form):
    outcomes = forms.FileField(
        label="File",
        help_text="CSV or Parquet with the columns unit, arm and outcome: the unit's hash, the version's label, 0 or 1. "
        "Sums are not taken: the sample ratio is checked unit by unit.",
    )
    guardrail = forms.BooleanField(
        required=False, label="Only whether it does harm", help_text="Not a planned look; may be read at any time."
    )


class EndForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")


class PromoteForm(forms.Form):
    label = forms.CharField(max_length=200)
    reason = forms.CharField(required=False)


class EnvironmentForm(forms.Form):
    key = forms.SlugField(help_text="Short name in addresses and commands, such as production-eu.")
    name = forms.CharField(max_length=120)
    stage = forms.ChoiceField(choices=Stage.choices)
    drift_policy = forms.ChoiceField(choices=DriftPolicy.choices, label="When something differs")
    look_every = forms.IntegerField(
        min_value=10, max_value=86_400, initial=300, label="Look every", help_text="Seconds."
    )


class PolicyForm(forms.Form):
    drift_policy = forms.ChoiceField(choices=DriftPolicy.choices, label="When something differs")
    look_every = forms.IntegerField(min_value=10, max_value=86_400, label="Look every", help_text="Seconds.")
    named_only = forms.BooleanField(required=False, label="Only people named below deploy here")
    log_least = forms.ChoiceField(
        choices=LogPolicy.choices, label="Rules of serving, the least: log", help_text="The place must keep rules."
    )
    inputs_least = forms.ChoiceField(choices=LoggedInputs.choices, label="Inputs in the log, the least")
    withdrawn_least = forms.ChoiceField(choices=OnWithdrawn.choices, label="When an approval falls, the least")
    segment_required = forms.BooleanField(required=False, label="Every endpoint names whom its model is for")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")

    def __init__(self, data: Any = None, *, environment: Environment) -> None:
        facts = {name: getattr(environment, name) for name in self.base_fields if name != "reason"}
        super().__init__(data, initial=facts)

    def clean(self) -> dict[str, Any]:
        """The least as one value."""
        values = super().clean() or {}
        least = [values.pop(name, "") for name in ("log_least", "inputs_least", "withdrawn_least", "segment_required")]
        return {**values, "least": Least(*least)}


class FreezeForm(forms.Form):
    starts_at = forms.DateTimeField(label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    ends_at = forms.DateTimeField(label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), help_text="People who want to deploy meanwhile will read it."
    )


class LiftForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")


class NameForm(forms.Form):
    person = forms.ModelChoiceField(Person.objects.none(), help_text="Of those who hold the role of a deployer.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        holding = grants_in_force().filter(role=Role.DEPLOYER).values("account__person")
        self.fields["person"].queryset = persons().filter(pk__in=holding)  # type: ignore[attr-defined]


class ExplainForm(forms.Form):
    cause = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="What happened")


class CloseForm(forms.Form):
    resolution = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="What became of it")
