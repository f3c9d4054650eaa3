import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mrm.assurance.models import ScopeKind


class DayForm(forms.Form):
    """The day whose end is asked for."""

    on = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean_on(self) -> dt.date:
        on: dt.date = self.cleaned_data["on"]
        if on > timezone.localdate():
            raise forms.ValidationError(_("That day has not come; choose today or an earlier day."))
        return on


class ExportForm(forms.Form):
    """What an auditor takes along."""

    scope = forms.ChoiceField(
        label=_("Scope"),
        choices=[(kind.value, kind.label) for kind in (ScopeKind.LOG, ScopeKind.SINCE)],
        help_text=_("One model's part is exported from the model's timeline."),
    )
    since = forms.IntegerField(
        label=_("Size you hold"),
        min_value=1,
        required=False,
        help_text=_("The size in the checkpoint of your last export; only what came after is exported."),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("scope") == ScopeKind.SINCE and not data.get("since"):
            self.add_error("since", _("Give the size that your last checkpoint names."))
        return data
