"""What is asked of the log and of the reports on duties."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mrm.access.forms import PersonField
from mrm.access.models import Account, BusinessUnit, Person
from mrm.access.queries import persons_named_to, units_open_to
from mrm.access.roles import Role
from mrm.assurance import queries
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


class HolderFilter(forms.Form):
    """Whose roles, where, and as of which day."""

    person: "forms.ModelChoiceField[Person]" = PersonField(label=_("Person"), queryset=None, required=False)
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("any")), *Role.choices])
    unit: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(
        label=_("Business unit"),
        queryset=None,
        required=False,
        to_field_name="key",
        empty_label=_("any"),
        help_text=_("Roles that reach into it: granted on it, below it, or above it."),
    )
    on = forms.DateField(
        label=_("As of"),
        required=False,
        widget=forms.DateInput({"type": "date"}),
        help_text=_("The end of that day in UTC; now when left empty."),
    )
    ended = forms.BooleanField(label=_("Ended ones too"), required=False)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = persons_named_to(account)  # type: ignore[attr-defined]
        self.fields["unit"].queryset = units_open_to(account, "audit.view")  # type: ignore[attr-defined]

    def clean_on(self) -> dt.date | None:
        on: dt.date | None = self.cleaned_data["on"]
        if on and on > timezone.now().date():
            raise forms.ValidationError(_("That day has not come; choose today or an earlier day."))
        return on

    def conditions(self) -> dict[str, Any]:
        """The conditions that were given; the day stands apart."""
        return {
            name: self.cleaned_data[name] for name in ("person", "role", "unit", "ended") if self.cleaned_data[name]
        }


class PeriodFilter(forms.Form):
    """A unit with everything below it, and a period."""

    unit: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(
        label=_("Business unit"), queryset=None, required=False, to_field_name="key", empty_label=_("any")
    )
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units_open_to(account, "audit.view")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            self.add_error("until", _("The period ends before it begins; choose a later day."))
        return data

    @property
    def given(self) -> dict[str, Any]:
        """The conditions, each None or empty where nothing was given or what was given is no condition."""
        return {name: self.cleaned_data.get(name) for name in self.fields}


class AgeingFilter(PeriodFilter):
    """The period is that of the decisions; what is open is open now."""

    overdue = forms.BooleanField(label=_("Overdue ones only"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["since"].label = _("Decided from")
        self.fields["until"].label = _("Decided to")


def _kinds() -> list[tuple[str, str]]:
    return [("", str(_("any"))), *queries.kinds()]


class DutyFilter(PeriodFilter):
    """Refused attempts and what one person held or did together, of a period."""

    person: "forms.ModelChoiceField[Person]" = PersonField(label=_("Person"), queryset=None, required=False)
    kind = forms.ChoiceField(label=_("Rule"), required=False, choices=_kinds)

    field_order = ("person", "kind", "unit", "since", "until")

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, account=account, **kwargs)
        self.fields["person"].queryset = persons_named_to(account)  # type: ignore[attr-defined]

    @property
    def common(self) -> dict[str, Any]:
        """The conditions without the kind of rule, which only a refusal has."""
        return {name: value for name, value in self.given.items() if name != "kind"}
