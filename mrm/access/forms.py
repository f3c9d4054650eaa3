"""What people type about people, roles and tokens."""

import datetime as dt
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mrm.access import queries
from mrm.access.models import Account, AccountKind, BusinessUnit, Method
from mrm.access.roles import APPROVERS, DESCRIPTIONS, Role
from mrm.core.chooser import Chooser
from mrm.core.refusal import Invalid


def take_refusal(form: forms.Form, refusal: Invalid) -> None:
    """Put the sentences of a service beside the fields they speak of."""
    beside = {name: lines for name, lines in refusal.fields.items() if name in form.fields}
    for name, lines in beside.items():
        form.add_error(name, lines)
    if not beside:
        form.add_error(None, list(refusal.reasons))


class PersonField(Chooser):
    """One person, found by name or e-mail address."""

    address: Any = reverse_lazy("access:find_person")
    looked_in = ("name__icontains", "email__istartswith")

    @classmethod
    def lines(cls, row: Any) -> tuple[str, str]:
        return row.name, f"{row.unit}, {row.email}"


class PersonForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    email = forms.EmailField(label=_("E-mail address"), help_text=_("Persons are known by it in the API."))
    unit: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(label=_("Business unit"), queryset=None)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = queries.units_open_to(account, "access.add_person")  # type: ignore[attr-defined]


class AccountForm(forms.Form):
    username = forms.CharField(label=_("Sign-in name"), max_length=150)
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=AccountKind.choices,
        help_text=_("A service account has no password and no pages; it acts through tokens."),
    )
    password = forms.CharField(
        label=_("First password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=_("12 characters or more; for a personal account."),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == AccountKind.PERSONAL and not values.get("password"):
            self.add_error("password", _("A personal account needs a first password."))
        return values


class GrantForm(forms.Form):
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[choice for choice in Role.choices if choice[0] not in APPROVERS],
        help_text=_("Roles that sign are proposed on the page of the person, and others sign for them."),
    )
    unit: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(
        label=_("On the unit and everything below it"), queryset=None
    )
    until = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput({"type": "date"}), help_text=_("Empty: no end.")
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = queries.units_open_to(account, "access.grant")  # type: ignore[attr-defined]

    def clean_until(self) -> dt.datetime | None:
        day: dt.date | None = self.cleaned_data["until"]
        if day is None:
            return None
        if day < timezone.localdate():
            raise forms.ValidationError(_("The last day lies behind."))
        return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min))


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea({"rows": 3}))


class UnitForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    key = forms.SlugField(
        label=_("Key"), max_length=50, help_text=_("Small letters, digits and hyphens; never changes.")
    )
    parent: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(label=_("Part of"), queryset=None)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parent"].queryset = queries.units_open_to(account, "access.add_unit")  # type: ignore[attr-defined]


class PasswordForm(forms.Form):
    present = forms.CharField(
        label=_("Present password"), strip=False, widget=forms.PasswordInput({"autocomplete": "current-password"})
    )
    password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=_("12 characters or more, not a common one, unlike your name."),
    )
    again = forms.CharField(
        label=_("New password again"), strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_present(self) -> str:
        present: str = self.cleaned_data["present"]
        if not self.account.check_password(present):
            raise forms.ValidationError(_("This is not your present password."))
        return present

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("password") and values.get("again") and values["password"] != values["again"]:
            self.add_error("again", _("The two differ."))
        return values


def confirmed_by(account: Account) -> str:
    """How an account confirms who it is before it changes a factor: the password, else a code, else the sign-in."""
    held = queries.methods_of(account)
    return next((way for way in (Method.PASSWORD, Method.TOTP) if way in held), "sign_in")


class ConfirmForm(forms.Form):
    """Says again who it is; without password and app there is nothing to type, and the sign-in must be fresh."""

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        way = confirmed_by(account)
        if way == Method.PASSWORD:
            self.fields["secret"] = forms.CharField(
                label=_("Your password"),
                strip=False,
                widget=forms.PasswordInput({"autocomplete": "current-password"}),
            )
        elif way == Method.TOTP:
            self.fields["secret"] = forms.CharField(
                label=_("Code of your authenticator app"),
                widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
            )


class AppForm(forms.Form):
    """The first code, which shows that the app holds the secret."""

    token = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("The code it shows"),
        max_length=10,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class KeyForm(forms.Form):
    token = forms.CharField(widget=forms.HiddenInput)
    name = forms.CharField(label=_("What you call it"), max_length=60, help_text=_("To tell your keys apart."))
    answer = forms.JSONField(widget=forms.HiddenInput)


def _scopes() -> list[tuple[str, str]]:
    areas = sorted(
        {verb.partition(".")[0] for entry in DESCRIPTIONS.values() for verb in entry.permissions if "." in verb}
    )
    return [(f"{area}:*", area.capitalize()) for area in areas]


class TokenForm(forms.Form):
    label = forms.CharField(label=_("What it is for"), max_length=80)
    days = forms.IntegerField(label=_("Lives for, in days"), min_value=1, max_value=365, initial=90)
    scopes = forms.MultipleChoiceField(
        label=_("May change"),
        required=False,
        choices=_scopes,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Within your roles. A token reads what you may read; with nothing chosen it only reads."),
    )
