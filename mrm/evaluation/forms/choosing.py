from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mrm.evaluation import queries
from mrm.evaluation.models import AlternativeChoice, Run


class ChoiceForm(forms.Form):
    """A candidate or the present model, with a reason for each that was better and is not taken."""

    candidate = forms.TypedChoiceField(
        coerce=int,
        label=_("Choice"),
        widget=forms.RadioSelect,
        help_text=_("Candidates within the tolerance that was set before the search."),
    )
    reason = forms.CharField(
        max_length=2_000,
        label=_("Why this choice"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stands in the reports with your name."),
    )

    def __init__(self, *args: Any, run: Run, proposed: AlternativeChoice | None = None, **kwargs: Any) -> None:
        if proposed:
            reasons = {f"rejected_{each['candidate']}": each["reason"] for each in proposed.rejected}
            kwargs["initial"] = {"candidate": proposed.candidate, "reason": proposed.reason, **reasons}
        super().__init__(*args, **kwargs)
        found = queries.alternatives_of(run)
        field = self.fields["candidate"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(each.number, _told(each)) for each in found if each.within]
        self.better = [each.number for each in found if each.better]
        for number in self.better:
            self.fields[f"rejected_{number}"] = forms.CharField(
                required=False,
                max_length=2_000,
                label=_("Why not candidate %(number)s") % {"number": number},
                widget=forms.Textarea(attrs={"rows": 2}),
                help_text=_("Needed, except for the one that is chosen."),
            )

    def choice(self) -> dict[str, Any]:
        """What the service takes; the one that is chosen needs no reason against it."""
        given = self.cleaned_data
        against = {number: given[f"rejected_{number}"] for number in self.better if number != given["candidate"]}
        return {"candidate": given["candidate"], "reason": given["reason"], "rejected": against}


def _told(each: queries.Alternative) -> str:
    name = _("Keep the present model") if each.number == 0 else f"{each.number}. {each.said}"
    return f"{name} ({_('lowest ratio')} {each.shown}, {_('area')} {each.area})"
