"""Asking for a conversion: under which label, on which rows it is compared, and how far scores may differ."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mrm.evaluation import queries
from mrm.inventory.models import Dataset, Version


class ConvertForm(forms.Form):
    label = forms.CharField(
        max_length=40,
        label=_("Label of the new version"),
        help_text=_("Letters, digits and . - _ +, such as 2.1.0-onnx."),
    )
    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        label=_("Data set"),
        empty_label=None,
        help_text=_("Every row is scored by the model and by its conversion."),
    )
    tolerance = forms.DecimalField(
        max_digits=12,
        decimal_places=9,
        initial="0.00001",
        label=_("Tolerance"),
        help_text=_("So far may two scores of a row differ; beyond it the conversion is refused."),
    )

    def __init__(self, *args: Any, version: Version, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = queries.dataset_choices(version)
        chosen: Any = self.fields["dataset"]
        chosen.queryset = Dataset.objects.filter(pk__in=[dataset.pk for dataset, _part in choices])
        self.fields["label"].initial = f"{version.label}-onnx"
