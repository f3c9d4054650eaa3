"""What people type about roles that are proposed."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mrm.access.forms import GrantForm
from mrm.access.models import Account, AccountKind, Person
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
