"""HTML input to clean values."""

from typing import Any

from django import forms
from django.urls import reverse

from mrm.inventory.forms import VersionField
from mrm.inventory.models import Version


class ConfirmForm(forms.Form):
    version = VersionField(
        Version.objects.none(), help_text="Type two letters. Register the version first if it is not found."
    )
    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), label="How you know")

    def __init__(self, data: Any = None, *, versions: Any, likely: Any = None) -> None:
        super().__init__(data, initial={"version": likely})
        field = self.fields["version"]
        assert isinstance(field, VersionField)
        field.queryset, field.address = versions.select_related("model__unit"), reverse("discovery:find_version")


class DismissForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), label="Why this is no model")


class CallerForm(forms.Form):
    secret_name = forms.SlugField(
        required=False,
        label="Name of the secret",
        help_text="Its value comes from the environment of this system. Empty: no call is heard.",
    )


class CloseForm(forms.Form):
    resolution = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), label="What became of it")
