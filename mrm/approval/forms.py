"""What is written when an approval is asked for, ended, or a condition accepted; and what an exception is asked for with."""

from collections.abc import Mapping
from typing import Any

from django import forms

from mrm.access.models import Account, BusinessUnit
from mrm.access.queries import units_visible_to
from mrm.validation.forms import AcceptanceForm

LINES = {"rows": 2}


class SubmitForm(forms.Form):
    environments = forms.MultipleChoiceField(
        label="For which environments",
        widget=forms.CheckboxSelectMultiple,
        help_text="The signers sign for these, and it serves in no other.",
        error_messages={"required": "Say for which environments the approval is to hold."},
    )
    note = forms.CharField(label="A note to the signers", required=False, widget=forms.Textarea(attrs=LINES))

    def __init__(self, *args: Any, offered: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(key, f"{words[:1].upper()}{words[1:]}") for key, words in offered.items()]
        self.fields["environments"].choices = choices  # type: ignore[attr-defined]


class WithdrawForm(forms.Form):
    reason = forms.CharField(label="Why the approval ends", widget=forms.Textarea(attrs=LINES))


class ReopenForm(forms.Form):
    reason = forms.CharField(label="What will be worked on", widget=forms.Textarea(attrs=LINES))


class MeetForm(forms.Form):
    note = forms.CharField(label="What was seen", widget=forms.Textarea(attrs=LINES))


class ExceptionForm(AcceptanceForm):
    """A clause that a model need not meet for a time."""

    clause = forms.ChoiceField(label="From which clause", error_messages={"required": "Choose a clause."})
    field_order = ("clause",)

    def __init__(self, *args: Any, clauses: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["clause"].choices = [("", "Choose one"), *clauses.items()]  # type: ignore[attr-defined]

    def proposal(self) -> dict[str, Any]:
        """The exception and its reason, as they are put before the signers."""
        given = self.cleaned_data
        content = {
            "clause": given["clause"],
            "compensation": given["compensation"],
            "until": given["until"].isoformat(),
        }
        return {"content": content, "reason": given["reason"]}


class RegisterFilter(forms.Form):
    """A unit with everything below it."""

    unit: "forms.ModelChoiceField[BusinessUnit]" = forms.ModelChoiceField(
        label="Business unit",
        queryset=None,
        required=False,
        to_field_name="key",
        empty_label="Every unit",
        widget=forms.Select(attrs={"class": "form-select form-select-sm"}),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units_visible_to(account)  # type: ignore[attr-defined]
        self.fields["unit"].error_messages["invalid_choice"] = "No such business unit; choose one of those offered."
