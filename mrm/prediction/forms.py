"""What is asked of the log, as the address or a form holds it."""

from typing import Any

from django import forms

from mrm.access.models import Account
from mrm.deployment.models import Deployment, Environment
from mrm.deployment.queries import environments_visible_to
from mrm.inventory.models import Dataset, Model, Version
from mrm.inventory.queries import models_visible_to
from mrm.prediction import queries
from mrm.prediction.models import ExtractFormat, Outcome


def _day(**more: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **more)


class FindForm(forms.Form):
    """The question: which version decided this request."""

    request = forms.CharField(max_length=100, label="Request id", help_text="As the answer carried it.")
    on = _day(
        required=False, label="Day", help_text="In UTC. Days that are archived are read only when the day is given."
    )


class LogFilter(forms.Form):
    """Which rows of a day are shown."""

    on = _day(required=False, label="Day")
    deployment = forms.ModelChoiceField(Deployment.objects.none(), required=False, label="Endpoint", empty_label="All")
    unit = forms.CharField(max_length=200, required=False, label="Customer or account", help_text="As it was sent.")
    outcome = forms.ChoiceField(choices=[("", "Any"), *Outcome.choices], required=False)
    flagged = forms.BooleanField(required=False, label="Flagged only")
    before = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["deployment"].queryset = queries.deployments_visible_to(account)  # type: ignore[attr-defined]


class ExtractForm(forms.Form):
    """A part of the log as a file."""

    model = forms.ModelChoiceField(Model.objects.none())
    since = _day(label="First day")
    until = _day(label="Last day")
    format = forms.ChoiceField(choices=ExtractFormat.choices)
    with_inputs = forms.BooleanField(required=False, label="With inputs and outputs")

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].queryset = models_visible_to(account).filter(deployments__isnull=False).distinct()  # type: ignore[attr-defined]


class CloseForm(forms.Form):
    """The end of an alert."""

    resolution = forms.CharField(label="What became of it", widget=forms.Textarea(attrs={"rows": 2}))


class BatchForm(forms.Form):
    """Which data a version scores, for what, and where."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        label="Data set",
        error_messages={"required": "Choose the data set whose rows are scored."},
        help_text="Data of your units that hold every feature of the version, and no protected attributes. A run is"
        " pinned to the bytes: what is registered later is another data set.",
    )
    use = forms.ChoiceField(
        label="Use",
        help_text="For which of the uses on the model's record the scores are; a version is approved for no other.",
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(),
        empty_label=None,
        help_text="The approval must hold there; in a freeze nothing begins, and some environments are for named people only.",
    )

    def __init__(self, *args: Any, account: Account, version: Version, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset"].queryset = queries.data_to_score(account, version)  # type: ignore[attr-defined]
        self.fields["environment"].queryset = environments_visible_to(account)  # type: ignore[attr-defined]
        self.fields["environment"].initial = queries.first_environment(account, version)
        self.fields["use"].choices = [(use, use) for use in version.model.approved_uses]  # type: ignore[attr-defined]


class RowForm(forms.Form):
    """The question: what scored this row."""

    row = forms.CharField(max_length=200, label="Row", help_text="Its row id; without ids its number, from 0.")
