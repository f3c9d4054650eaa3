"""Asking for a comparison: which challengers, on which rows, by which outcome."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mrm.evaluation import queries
from mrm.evaluation.forms.start import SIDE_LABELS, plain_value
from mrm.evaluation.services import SIDES
from mrm.inventory.models import Dataset, Version


class CompareForm(forms.Form):
    challengers = forms.ModelMultipleChoiceField(
        Version.objects.none(),
        label=_("Challengers"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Other versions of this model whose artifact can be run here; each by its own cut-off."),
    )
    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        label=_("Data set"),
        empty_label=None,
        help_text=_("Every contender is scored on these rows; those that none was trained on say most."),
    )
    label = forms.ChoiceField(
        label=_("Column with the outcome"), help_text=_("What really happened, known afterwards.")
    )
    positive = forms.CharField(max_length=80, initial="1", label=_("Value that is the event"))
    cutoff = forms.DecimalField(
        max_digits=12, decimal_places=6, label=_("Cut-off"), help_text=_("For contenders that name none of their own.")
    )
    favourable = forms.ChoiceField(
        choices=[(side, SIDE_LABELS[side]) for side in SIDES], label=_("Favourable side"), widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, version: Version, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = queries.dataset_choices(version)
        columns = list(dict.fromkeys(name for dataset, _part in choices for name in dataset.columns))
        challengers = queries.challengers_of(version)
        self._of("challengers").queryset = Version.objects.filter(pk__in=[each.pk for each in challengers])
        self._of("challengers").choices = [
            (each.pk, f"{each.label}, {each.get_status_display().lower()}") for each in challengers
        ]
        self._of("dataset").queryset = Dataset.objects.filter(pk__in=[dataset.pk for dataset, _part in choices])
        self._of("label").choices = [(name, name) for name in columns]
        if version.target in columns:
            self.fields["label"].initial = version.target
        if version.cutoff is not None:
            self.fields["cutoff"].initial = version.cutoff.normalize()

    def _of(self, name: str) -> Any:
        return self.fields[name]

    def settings(self) -> dict[str, Any]:
        """The choices as a comparison keeps them."""
        given = self.cleaned_data
        return {
            "label": given["label"],
            "positive": plain_value(given["positive"]),
            "cutoff": str(given["cutoff"]),
            "favourable": given["favourable"],
            "references": {},
        }

    def add_refusal(self, fields: dict[str, list[str]], reasons: tuple[str, ...]) -> None:
        """What the service found wrong, beside the field it is about."""
        for name, sentences in (fields or {"": list(reasons)}).items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)
