from typing import Any

from django import forms

from mrm.access.models import Account, BusinessUnit
from mrm.inventory.models.model import Residual, Tier
from mrm.inventory.workflow import Lifecycle


class ModelFilter(forms.Form):
    """The conditions of the list, as the address holds them."""

    q = forms.CharField(required=False, max_length=200)
    tier = forms.ChoiceField(required=False, choices=[*Tier.choices, ("none", "Not rated")])
    lifecycle = forms.ChoiceField(required=False, choices=Lifecycle.choices)
    residual = forms.ChoiceField(required=False, choices=Residual.choices)
    unit = forms.ModelChoiceField(required=False, queryset=BusinessUnit.objects.all(), to_field_name="key")
    own = forms.BooleanField(required=False)
    overdue = forms.BooleanField(required=False)

    def conditions(self, account: Account) -> dict[str, Any]:
        """For `queries.narrow`; a value that is not well formed is no condition."""
        self.is_valid()
        given = self.cleaned_data
        return {
            "text": given.get("q", ""),
            "tier": given.get("tier", ""),
            "lifecycle": given.get("lifecycle", ""),
            "residual": given.get("residual", ""),
            "unit": given["unit"].key if given.get("unit") else "",
            "own_of": account.person_id if given.get("own") else None,
            "review_overdue": bool(given.get("overdue")),
        }
