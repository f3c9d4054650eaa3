"""What tests need to know of the data at hand: grades, dates, directions, a scenario. All of it may be left out."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as said
from django.utils.translation import gettext_lazy as _

_CHANGE = re.compile(r"^\s*(?P<column>.+?)\s*(?P<sign>[*×+\-−])\s*(?P<amount>\d+(?:\.\d+)?)\s*$")


class ParametersForm(forms.Form):
    bands = forms.CharField(
        required=False,
        max_length=300,
        label=_("Grades"),
        help_text=_("Rising scores that divide the grades, such as 0.01, 0.03, 0.1; each grade is then backtested."),
    )
    dated = forms.ChoiceField(
        required=False,
        label=_("Column with dates"),
        help_text=_("When named, the share of old rows is told among the quality of the data."),
    )
    rising = forms.MultipleChoiceField(
        required=False,
        label=_("The score may only rise with"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("For robustness: every move against the direction is counted."),
    )
    falling = forms.MultipleChoiceField(
        required=False, label=_("The score may only fall with"), widget=forms.CheckboxSelectMultiple
    )
    scenario = forms.CharField(
        required=False,
        max_length=2_000,
        label=_("Scenario"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For robustness, one change on each line, such as: income * 0.8 or utilisation + 0.2."),
    )

    changeable = forms.MultipleChoiceField(
        required=False,
        label=_("An applicant can change"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "For robustness: refusals that small changes of these turn; of all numeric features when none is named."
        ),
    )
    low = forms.ChoiceField(
        required=False,
        label=_("Column with the lower end of the interval"),
        help_text=_("As P10; with the upper end it is told how many outcomes lie inside."),
    )
    high = forms.ChoiceField(required=False, label=_("Column with the upper end"), help_text=_("As P90."))

    ranked = forms.ChoiceField(
        required=False,
        label=_("Column with the place in a list"),
        help_text=_("For bias: 1 is the best; exposure, skew and divergence of the list are told by group."),
    )
    probabilities = forms.CharField(
        required=False,
        max_length=2_000,
        label=_("Groups known as probabilities"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "For bias, one group on each line with its column of the protected data, the reference first: White = p_white."
        ),
    )

    def clean_probabilities(self) -> list[dict[str, str]]:
        """Each group with its column, one a line."""
        found = []
        for number, line in enumerate(self.cleaned_data["probabilities"].splitlines(), start=1):
            group, sign, column = (part.strip() for part in line.partition("="))
            if line.strip() and not (sign and group and column):
                place = {"number": number, "line": line.strip()[:60]}
                raise forms.ValidationError(
                    said("Line %(number)s, %(line)s: write a group, then =, then a column.") % place
                )
            if line.strip():
                found.append({"group": group, "column": column})
        return found

    def clean_bands(self) -> list[float]:
        """The bounds as numbers."""
        words = self.cleaned_data["bands"].replace(";", ",").split(",")
        try:
            return [float(word) for word in words if word.strip()]
        except ValueError as fault:
            raise forms.ValidationError(said("Write numbers with commas between them, such as 0.01, 0.03.")) from fault

    def clean_scenario(self) -> list[dict[str, Any]]:
        """The changes, one a line."""
        found = []
        for number, line in enumerate(self.cleaned_data["scenario"].splitlines(), start=1):
            if not line.strip():
                continue
            match = _CHANGE.match(line)
            if match is None:
                place = {"number": number, "line": line.strip()[:60]}
                raise forms.ValidationError(
                    said("Line %(number)s, %(line)s, is no change; write a feature, then * + or -, then a number.")
                    % place
                )
            found.append(_change(match["column"], match["sign"], float(match["amount"])))
        return found

    def parameters(self) -> dict[str, dict[str, Any]]:
        """What was named, by the test that it is for."""
        given = self.cleaned_data
        named = {
            "grades": {"bands": given["bands"]} if given.get("bands") else {},
            "timeliness": {"column": given["dated"]} if given.get("dated") else {},
            "monotonicity": {way: given[way] for way in ("rising", "falling") if given.get(way)},
            "adversarial": {"changeable": given["changeable"]} if given.get("changeable") else {},
            "ranked-list": {"column": given["ranked"]} if given.get("ranked") else {},
            "memberships": {"columns": given["probabilities"]} if given.get("probabilities") else {},
            "interval-coverage": {end: given[end] for end in ("low", "high") if given.get(end)},
            "scenario": {"shifts": given["scenario"]} if given.get("scenario") else {},
        }
        return {test: each for test, each in named.items() if each}


def _change(column: str, sign: str, amount: float) -> dict[str, Any]:
    if sign in "*×":
        return {"column": column, "factor": amount}
    return {"column": column, "add": amount if sign == "+" else -amount}
