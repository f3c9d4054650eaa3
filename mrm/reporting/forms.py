"""Asking for a report, and asking whether one is true."""

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from mrm.access.models import Account
from mrm.core.chooser import Chooser
from mrm.inventory.models import Version
from mrm.reporting import queries


class VersionField(Chooser):
    """One version, found by the name or reference of its model, or by its label."""

    address: Any = reverse_lazy("reporting:find_version")
    named_by = "model__name"
    looked_in = ("model__name__icontains", "label__istartswith")
    numbered = {"MDL": "model__number"}

    @classmethod
    def lines(cls, row: Any) -> tuple[str, str]:
        return str(row), f"{row.model.ref}, {row.model.unit}, {row.get_status_display().lower()}"


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
