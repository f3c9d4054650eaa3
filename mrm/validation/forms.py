"""What validators and owners write, as clean values."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse

from mrm.access.forms import PersonField
from mrm.access.models import Person
from mrm.evaluation.models import Run
from mrm.inventory.models.model import Residual
from mrm.validation import queries
from mrm.validation.models import Kind, Pillar, Severity, Validation, ValidationOutcome

LINES = {"rows": 4}
SHORT = {"rows": 2}


class RequestForm(forms.Form):
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.INITIAL, required=False)

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or Kind.INITIAL


class PlanForm(forms.Form):
    plan = forms.CharField(label="What will be examined, and how", widget=forms.Textarea(attrs={"rows": 6}))


class RunChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.ref}: {', '.join(obj.kinds)} on {obj.dataset.name}"


class EvidenceForm(forms.Form):
    """A run, a file, or an examination in words; the service wants at least one."""

    pillar = forms.ChoiceField(choices=Pillar.choices)
    title = forms.CharField(max_length=200)
    text = forms.CharField(label="What was examined and seen", required=False, widget=forms.Textarea(attrs=LINES))
    run = RunChoice(queryset=Run.objects.none(), required=False, empty_label="No run")
    file = forms.FileField(required=False)

    def __init__(self, *args: Any, runs: QuerySet[Run], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["run"].queryset = runs  # type: ignore[attr-defined]


class FindingForm(forms.Form):
    title = forms.CharField(max_length=200)
    description = forms.CharField(label="What was found", widget=forms.Textarea(attrs=LINES))
    severity = forms.ChoiceField(choices=Severity.choices, initial=Severity.MEDIUM)
    owner = PersonField(Person.objects.none())

    def __init__(self, *args: Any, validation: Validation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["owner"]
        assert isinstance(field, PersonField)
        field.queryset = queries.owners_for(validation)
        field.address = reverse("validation:find_owner", args=[validation.pk])


class ConcludeForm(forms.Form):
    outcome = forms.ChoiceField(choices=ValidationOutcome.choices, widget=forms.RadioSelect)
    residual_risk = forms.ChoiceField(label="Residual risk", choices=Residual.choices)
    conclusion = forms.CharField(label="Conclusion in words", widget=forms.Textarea(attrs=LINES))


class RemediationForm(forms.Form):
    remediation = forms.CharField(label="What was done", widget=forms.Textarea(attrs=LINES))
    file = forms.FileField(label="Proof as a file", required=False)


class AcceptanceForm(forms.Form):
    reason = forms.CharField(label="Why the risk is borne", widget=forms.Textarea(attrs=LINES))
    compensation = forms.CharField(label="What compensates it", widget=forms.Textarea(attrs=LINES))
    until = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}), help_text="A year at most.")


def words_form(field: str, label: str) -> type[forms.Form]:
    """A form of one text, named as the service names it."""
    text = forms.CharField(label=label, widget=forms.Textarea(attrs=LINES))
    return type("WordsForm", (forms.Form,), {field: text})


# the move of a finding to the form of its words; a move without words has none
WORDS: dict[str, type[forms.Form]] = {
    "accept_finding": words_form("response", "Your response"),
    "rebut_finding": words_form("rebuttal", "Why it does not hold"),
    "uphold_finding": words_form("reason", "Why the rebuttal does not convince"),
    "withdraw_finding": words_form("reason", "Why it is withdrawn"),
    "plan_finding": words_form("plan", "Steps and dates"),
    "begin_finding": forms.Form,
    "remediate_finding": RemediationForm,
    "accept_risk": AcceptanceForm,
    "resume_finding": forms.Form,
}
