"""HTML input to clean values."""

import json
from typing import Any

from django import forms
from django.conf import settings

from mrm.access.models import BusinessUnit
from mrm.connectors.registry import available
from mrm.deployment.models import Environment, Target
from mrm.inventory.models import Version


class TargetForm(forms.Form):
    key = forms.SlugField(help_text="Short name in addresses and commands, such as decision-engine.")
    name = forms.CharField(max_length=120)
    connector = forms.ChoiceField(help_text="How this place is spoken to.")
    environment = forms.ChoiceField(choices=Environment.choices)
    unit = forms.ModelChoiceField(
        BusinessUnit.objects.none(), help_text="Models of this unit and below may be served here."
    )
    config = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}),
        initial='{"base_url": "https://", "token_secret": ""}',
        help_text="JSON. Secrets by name only; their values come from the environment of the worker.",
    )

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]
        self.fields["connector"].choices = [(name, name) for name in available(settings.CONNECTORS)]  # type: ignore[attr-defined]

    def clean_config(self) -> dict[str, Any]:
        try:
            config = json.loads(self.cleaned_data["config"])
        except json.JSONDecodeError as error:
            raise forms.ValidationError(f"Not JSON: {error.msg} in line {error.lineno}.") from error
        if not isinstance(config, dict):
            raise forms.ValidationError("A configuration is a JSON object.")
        return config


class CreateForm(forms.Form):
    target = forms.ModelChoiceField(Target.objects.none(), label="Serving place")
    endpoint = forms.SlugField(max_length=100, help_text="The stable name callers use, such as retail-credit.")

    def __init__(self, *args: Any, targets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].queryset = targets  # type: ignore[attr-defined]


class DeployForm(forms.Form):
    version = forms.ModelChoiceField(Version.objects.none())
    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, versions: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]


class RollBackForm(forms.Form):
    number = forms.IntegerField(min_value=1, label="Revision")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")


class StopForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record.")
