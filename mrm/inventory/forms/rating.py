from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mrm.inventory.forms.fields import long_text
from mrm.inventory.models.model import Tier

QUESTION = "q_"


class RatingForm(forms.Form):
    """The scorecard of a method: every question with its closed answers."""

    def __init__(self, *args: Any, method: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method = method
        for factor in method["factors"]:
            for question in factor["questions"]:
                choices = [(str(answer["points"]), answer["text"]) for answer in question["answers"]]
                self.fields[f"{QUESTION}{question['key']}"] = forms.ChoiceField(
                    label=question["text"],
                    required=False,
                    choices=[*choices, ("", _("Not known: counts as the highest"))],
                    widget=forms.RadioSelect,
                )

    def factors(self) -> Iterator[tuple[Mapping[str, Any], list[tuple[forms.BoundField, int]]]]:
        """Each factor with its questions and their weights."""
        for factor in self.method["factors"]:
            yield (
                factor,
                [(self[f"{QUESTION}{question['key']}"], question["weight"]) for question in factor["questions"]],
            )

    def answers(self) -> dict[str, int | None]:
        return {
            name.removeprefix(QUESTION): int(value) if value else None
            for name, value in self.cleaned_data.items()
            if name.startswith(QUESTION)
        }

    @staticmethod
    def shown(answers: Mapping[str, int | None]) -> dict[str, str]:
        return {f"{QUESTION}{key}": "" if points is None else str(points) for key, points in answers.items()}


class OverrideForm(forms.Form):
    tier = forms.ChoiceField(label=_("Tier"), choices=Tier.choices)
    reason = long_text(
        _("Reason"), required=True, help_text=_("With the compensating control, when the tier is lowered.")
    )

    def proposal(self) -> dict[str, Any]:
        """The change and its reason, as they are put before the signers."""
        return {"content": {"tier": self.cleaned_data["tier"]}, "reason": self.cleaned_data["reason"]}
