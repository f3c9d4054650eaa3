"""What people type about roles that are proposed, records that are opened, and reviews of both."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mrm.access import queries as access
from mrm.access.forms import GrantForm, PersonField
from mrm.access.models import Account, AccountKind, BusinessUnit, Person
from mrm.access.policies import LONGEST_EXCEPTION
from mrm.access.roles import APPROVERS, Role


class ProposalForm(GrantForm):
    """The role, unit and last day as a grant has them; who signs in with it, and why."""

    role = forms.ChoiceField(label=_("Role"), choices=[(role, Role(role).label) for role in APPROVERS])
    account: "forms.ModelChoiceField[Account]" = forms.ModelChoiceField(label=_("Account"), queryset=None)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("For those who sign. Kept for ever, so without the person's name."),
    )

    field_order = ("account", "role", "unit", "until", "reason")

    def __init__(self, *args: Any, account: Account, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, account=account, **kwargs)
        own = person.accounts.filter(is_active=True, kind=AccountKind.PERSONAL)
        self.fields["account"].queryset = own  # type: ignore[attr-defined]
        if own.count() == 1:
            self.fields["account"].initial = own.get()


class ExceptionForm(forms.Form):
    """To whom a record is opened, until when, and why."""

    person = PersonField(label=_("Person"), queryset=None)
    until = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput({"type": "date"}),
        help_text=_("At most %(days)s days ahead.") % {"days": LONGEST_EXCEPTION},
    )
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea({"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = access.persons()  # type: ignore[attr-defined]

    def clean_until(self) -> dt.datetime:
        return end_of(self.cleaned_data["until"])

    @property
    def account(self) -> Account | None:
        """The personal account through which the person reads."""
        person: Person = self.cleaned_data["person"]
        own = person.accounts.filter(is_active=True, kind=AccountKind.PERSONAL).select_related("person__unit")
        return own.order_by("created_at").first()


def end_of(day: dt.date) -> dt.datetime:
    """The moment at which a last day is over."""
    return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min))


class ReviewForm(forms.Form):
    """The scope and the end of an access review, and what happens with what nobody reviews."""

    title = forms.CharField(label=_("Title"), max_length=120, help_text=_("Such as “Second half of 2026”."))
    unit: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(
        label=_("Of the unit and everything below it"), queryset=None
    )
    due = forms.DateField(label=_("Due"), widget=forms.DateInput({"type": "date"}))
    substitute = PersonField(
        label=_("Substitute"),
        queryset=None,
        required=False,
        help_text=_("Decides where a lead would review himself and nobody leads a unit above."),
    )
    revoke_overdue = forms.BooleanField(
        label=_("Revoke by itself what nobody has reviewed by the due day"), required=False
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = access.units_open_to(account, "entitlement.open_review")
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]
        self.fields["substitute"].queryset = access.persons()  # type: ignore[attr-defined]


class SubstituteForm(forms.Form):
    """Who stands in where a lead would review himself and nobody leads a unit above."""

    substitute = PersonField(label=_("Substitute"), queryset=None, help_text=_("A business-unit lead or risk officer."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["substitute"].queryset = access.persons()  # type: ignore[attr-defined]


class ConfirmForm(forms.Form):
    """The items that are confirmed, and why all of them."""

    items = forms.TypedMultipleChoiceField(coerce=int, required=False)
    reason = forms.CharField(label=_("Reason"), max_length=1000, required=False)

    def __init__(self, *args: Any, keys: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["items"].choices = [(key, str(key)) for key in keys]  # type: ignore[attr-defined]
