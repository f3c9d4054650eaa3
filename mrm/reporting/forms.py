"""Asking for a report, and asking whether one is true."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mrm.access.models import Account
from mrm.inventory.forms import VersionField
from mrm.inventory.models import Version
from mrm.reporting import queries


class AskForm(forms.Form):
    version = VersionField(
        Version.objects.none(),
        label=_("Version"),
        help_text=_("Versions beyond draft in the units that you see."),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["version"]
        assert isinstance(field, VersionField)
        field.queryset = queries.reportable_versions(account)
        field.address = reverse("reporting:find_version")


class VerifyForm(forms.Form):
    ref = forms.CharField(
        max_length=40, required=False, label=_("Report number"), help_text=_("As printed on every page, R-2026-00318.")
    )
    file = forms.FileField(
        required=False, label=_("The PDF"), help_text=_("Only its digest is computed; the file is not kept.")
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not given.get("ref") and not given.get("file") and not self.errors:
            raise forms.ValidationError(_("Type the number of a report, or choose its file."))
        return given
