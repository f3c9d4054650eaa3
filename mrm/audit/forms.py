"""What the trail is searched by."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mrm.audit.trail import SENTENCES


def _verbs() -> list[tuple[str, str]]:
    return [("", str(_("any"))), *((verb, verb) for verb in SENTENCES)]


def _areas() -> list[tuple[str, str]]:
    return [("", str(_("any"))), *((area, area) for area in sorted({verb.partition(".")[0] for verb in SENTENCES}))]


class TrailFilter(forms.Form):
    text = forms.CharField(label=_("Text"), required=False, max_length=200)
    record = forms.CharField(
        label=_("Record"), required=False, max_length=200, help_text=_("Its whole name, or its key.")
    )
    actor = forms.CharField(label=_("Who"), required=False, max_length=150)
    verb = forms.ChoiceField(label=_("What"), required=False, choices=_verbs)
    area = forms.ChoiceField(label=_("Area"), required=False, choices=_areas)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput({"type": "date"}))
    refused = forms.BooleanField(label=_("Refused only"), required=False)

    def conditions(self) -> dict[str, Any]:
        """The conditions that were given and are well formed."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
