from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from mrm.access.models import Account, BusinessUnit
from mrm.access.queries import units_open_to
from mrm.core.chooser import Chooser
from mrm.inventory import queries
from mrm.inventory.forms.fields import long_text
from mrm.inventory.forms.version import digest_field
from mrm.inventory.models import Dataset, DatasetRole


class DatasetForm(forms.Form):
    file = forms.FileField(
        label=_("File"), help_text=_("CSV in UTF-8 with a header, Parquet, or XLSX with one table; up to 64 MiB.")
    )
    name = forms.CharField(label=_("Name"), max_length=120)
    source = forms.CharField(label=_("Source"), max_length=300, help_text=_("The system or extract it comes from."))
    period = forms.CharField(label=_("Period"), max_length=120, required=False)
    unit: Any = forms.ModelChoiceField(queryset=BusinessUnit.objects.none(), label=_("Business unit"))
    description = long_text(_("Description"))
    holds_protected = forms.BooleanField(
        label=_("Holds protected attributes"),
        required=False,
        help_text=_("Such as sex, age or race; kept apart from the inputs of models and told to few."),
    )
    sha256 = digest_field()

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units_open_to(account, "inventory.register_dataset")  # type: ignore[attr-defined]

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "file"}


class DatasetField(Chooser):
    """One data set, found by name, source or reference."""

    address: Any = reverse_lazy("inventory:find_dataset")
    looked_in = ("name__icontains", "source__icontains")
    numbered = {"DS": "number"}

    @classmethod
    def lines(cls, row: Any) -> tuple[str, str]:
        return row.name, f"{row.ref}, {row.unit}, {row.rows:,} rows"


class LinkDatasetForm(forms.Form):
    dataset = DatasetField(Dataset.objects.none(), label=_("Data set"))
    role = forms.ChoiceField(label=_("Its part"), choices=DatasetRole.choices)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset"].queryset = queries.datasets_visible_to(account)  # type: ignore[attr-defined]
