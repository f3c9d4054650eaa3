"""A serving place of one kind: what every place has, and a field for each setting that the kind asks for."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.html import escape
from django.utils.text import Truncator

from mrm.access.models import BusinessUnit
from mrm.connectors.base import BaseConnector
from mrm.core.refusal import Refused, Stale
from mrm.deployment import queries
from mrm.deployment.models import Environment, Target
from mrm.deployment.services.target import connect

SETTING = "setting-"
NAME_ALONE = "Its name alone. The value comes from MRM_SECRET_ and the name in the environment of the workers."
_AS_USUAL = ("", "As usual")


class SettingsForm(forms.Form):
    """The names of the settings' fields begin with `setting-`; what was left empty is left out of the configuration."""

    name = forms.CharField(max_length=120)

    def __init__(self, *args: Any, kind: type[BaseConnector], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        needed = kind.config_schema.get("required", ())
        for name, rule in kind.config_schema.get("properties", {}).items():
            self.fields[SETTING + name] = _field(name, rule, name in needed, name in kind.secret_fields)

    @property
    def needed(self) -> list[BoundField]:
        return [self[name] for name, field in self.fields.items() if name.startswith(SETTING) and field.required]

    @property
    def further(self) -> list[BoundField]:
        return [self[name] for name, field in self.fields.items() if name.startswith(SETTING) and not field.required]

    @property
    def further_is_open(self) -> bool:
        """What is wrong, or filled in, is not hidden."""
        return any(field.errors or field.data or _given(field.initial) for field in self.further)

    def clean(self) -> dict[str, Any]:
        """Ask the connector itself whether it can be made with these settings; its words go to the field that is meant."""
        told = super().clean() or self.cleaned_data
        config = {name: told[SETTING + name] for name in self._settings() if _given(told.get(SETTING + name))}
        if not self.errors:
            try:
                connect(Target(connector=self.kind.id, config=config))
            except Refused as refusal:
                field = SETTING + getattr(refusal.__cause__, "field", "")
                self.add_error(field if field in self.fields else None, list(refusal.reasons))
        return {name: value for name, value in told.items() if not name.startswith(SETTING)} | {"config": config}

    def _settings(self) -> list[str]:
        return [name.removeprefix(SETTING) for name in self.fields if name.startswith(SETTING)]


class TargetForm(SettingsForm):
    """A place that is added."""

    key = forms.SlugField(help_text="Short name in addresses and commands, such as decision-engine.")
    environment = forms.ModelChoiceField(
        Environment.objects.all(), help_text="Whose policy holds here.", to_field_name="key"
    )
    unit = forms.ModelChoiceField(
        BusinessUnit.objects.none(), help_text="Models of this unit and below may be served here."
    )

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]

    def clean_key(self) -> str:
        key = str(self.cleaned_data["key"])
        if reason := queries.why_key_taken(key):
            raise ValidationError(reason)
        return key


class ChangeTargetForm(SettingsForm):
    """A place that is there, with its settings filled in; each field carries what it was shown with."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea({"rows": 2}),
        help_text="Stands with each setting, before and after, in the timeline.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, target: Target, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": shown(target)} | kwargs)
        for name, field in self.fields.items():
            field.show_hidden_initial = name == "name" or name.startswith(SETTING)

    @classmethod
    def again(cls, form: "ChangeTargetForm", target: Target, kind: type[BaseConnector]) -> "ChangeTargetForm":
        """The same over the place as it is now: what the person touched, and why, stays; the rest is renewed."""
        given = form.cleaned_data
        typed = shown(Target(name=given["name"], config=given["config"])) | {"reason": given["reason"]}
        kept = {name: typed.get(name) for name in form.changed_data if name != "revision"}
        return cls(target=target, kind=kind, initial=shown(target) | kept)

    def differences(self, stale: Stale) -> list[tuple[str, str, str]]:
        """Label, theirs and yours of each setting that collided."""
        return [(self._called(name), _plain(theirs), _plain(yours)) for name, (yours, theirs) in stale.changes.items()]

    def _called(self, name: str) -> str:
        field = self.fields.get(SETTING + name)
        return str(field.label) if field else name.capitalize()


def shown(target: Target) -> dict[str, Any]:
    """What a place is, as the fields of its form show it."""
    told = {SETTING + name: _told(value) for name, value in target.config.items()}
    return told | {"name": target.name, "revision": target.revision}


def _told(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _plain(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    return json.dumps(_told(value)) if isinstance(value, dict | bool | list) else str(value)


def _field(name: str, rule: Mapping[str, Any], needed: bool, secret: bool) -> forms.Field:
    """The field of a property of a JSON Schema; what has no field of its own kind is written as JSON."""
    told = {
        "label": rule.get("title", name.replace("_", " ").capitalize()),
        "help_text": escape(NAME_ALONE if secret else rule.get("description") or _like(rule)),
        "required": needed,
    }
    if "enum" in rule:
        return forms.ChoiceField(choices=[*([] if needed else [_AS_USUAL]), *((v, v) for v in rule["enum"])], **told)
    match rule.get("type"):
        case "string":
            widget = forms.URLInput if rule.get("format") == "uri" else forms.TextInput
            return forms.CharField(widget=widget(attrs={"autocomplete": "off"}), **told)
        case "boolean":
            answers = [_AS_USUAL, ("true", "Yes"), ("false", "No")]
            return forms.TypedChoiceField(choices=answers, coerce="true".__eq__, empty_value=None, **told)
        case "integer":
            return forms.IntegerField(min_value=rule.get("minimum"), max_value=rule.get("maximum"), **told)
        case "number":
            return forms.FloatField(
                max_value=rule.get("maximum"), widget=forms.NumberInput(attrs={"step": "any"}), **told
            )
        case "array" if "enum" in rule.get("items", {}):
            choices = [(value, value) for value in rule["items"]["enum"]]
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **told)
    return forms.JSONField(widget=forms.Textarea(attrs={"rows": 2}), **told | {"help_text": "JSON."})


def _like(rule: Mapping[str, Any]) -> str:
    return f"Such as {Truncator(rule['examples'][0]).chars(60)}" if rule.get("examples") else ""


def _given(value: Any) -> bool:
    return value not in (None, "", [])
