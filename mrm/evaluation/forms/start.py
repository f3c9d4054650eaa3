"""Asking for a run: every choice with what it means."""

from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from mrm.evaluation import policies, queries
from mrm.evaluation.forms.parameters import ParametersForm
from mrm.evaluation.services import KINDS, LEARNERS, SIDES
from mrm.inventory.models import Dataset, ModelKind, Pack, Version

KIND_LABELS = {
    "performance": _("Performance: how well scores rank, how well probabilities or amounts fit"),
    "bias": _("Bias: how decisions, scores and errors differ between groups"),
    "stability": _("Stability: how far the features and the score have moved from the training data"),
    "explainability": _("Explainability: what the score depends on, and whether contributions add up"),
    "quality": _("Quality of the data: missing, repeated, constant, of another unit, leaking, seen before"),
    "soundness": _("Soundness: features that repeat each other, overfit, weak spots, coverage"),
    "robustness": _("Robustness: noise, a lost feature, extremes, a scenario, the worst rows"),
    "alternatives": _("Alternatives: a search for a model that decides about as well and treats groups less unequally"),
}
LEARNER_LABELS = {"logistic": _("Logistic regression"), "boosting": _("Gradient-boosted trees")}
# ticked to begin with; the others run the model many times more, or look at how it was built
USUAL = ("performance", "bias", "stability", "explainability", "quality")
OF_DECISIONS = ("positive", "event_name", "cutoff", "favourable")
SIDE_LABELS = {
    "below": _("Below the cut-off: a low score is good for the person, as with a probability of default"),
    "at_or_above": _("At or above the cut-off: a high score is good for the person"),
}


class Kinds(forms.CheckboxSelectMultiple):
    """A choice for each kind; one that is closed says why."""

    closed: dict[str, str] = {}

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        if reason := self.closed.get(str(option["value"])):
            option["attrs"]["disabled"] = True
            option["label"] = f"{option['label']}. {reason}"
        return option


class StartForm(ParametersForm):
    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        label=_("Data set"),
        help_text=_(
            "Only data sets linked to this version. Data the model was not trained on says more than its training data."
        ),
    )
    kinds = forms.MultipleChoiceField(
        choices=[(kind, KIND_LABELS[kind]) for kind in KINDS],
        initial=list(KINDS),
        label=_("Tests"),
        widget=Kinds,
        help_text=_("Which tests of a kind are carried out, the suite says; results by group never show rows."),
    )
    suite = forms.ModelChoiceField(
        Pack.objects.none(),
        label=_("Suite"),
        empty_label=None,
        help_text=_(
            "Which limits the results are judged by, and from which rule; those that fit the model's tier and regimes."
        ),
    )
    reasons = forms.ModelChoiceField(
        Pack.objects.none(),
        required=False,
        label=_("Dictionary of reason codes"),
        empty_label=_("None fits: no reasons are given"),
        help_text=_(
            "The words by which declined people are told why; those that leave no feature of this version out."
        ),
    )
    label = forms.ChoiceField(
        label=_("Column with the outcome"), help_text=_("What really happened, known afterwards.")
    )
    positive = forms.CharField(
        max_length=80,
        initial="1",
        label=_("Value that is the event"),
        help_text=_("The outcome that a high score predicts, as 1 for a default."),
    )
    event_name = forms.CharField(max_length=40, initial="Event", label=_("What the event is called"))
    cutoff = forms.DecimalField(
        max_digits=12,
        decimal_places=6,
        label=_("Cut-off"),
        help_text=_("On the scale of the score; the version's own to begin with."),
    )
    favourable = forms.ChoiceField(
        choices=[(side, SIDE_LABELS[side]) for side in SIDES],
        label=_("Favourable side"),
        widget=forms.RadioSelect,
        help_text=_("Which decision is good for the person. Every bias measure turns on it, so nothing guesses it."),
    )
    predictions = forms.ChoiceField(
        required=False,
        label=_("Column with predictions"),
        help_text=_("When named, the model is not run and its scores are taken from this column."),
    )

    endpoint = forms.BooleanField(
        required=False,
        label=_("Score through the version's endpoint"),
        help_text=_("The rows with the version's features are sent there; what needs the model itself is left out."),
    )

    segments = forms.MultipleChoiceField(
        required=False,
        label=_("Legitimate factors"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Up to two columns that may rightly decide, as income or the product. Groups are then also compared within like"
            " cases; numbers are put into four bands with equally many rows, and the report prints their edges."
        ),
    )
    period = forms.ChoiceField(
        required=False,
        label=_("Column with the date"),
        help_text=_("Follows the impact ratio by month, or by quarter beyond three years, with control limits."),
    )

    learner = forms.ChoiceField(
        required=False,
        choices=[(name, LEARNER_LABELS[name]) for name in LEARNERS],
        label=_("Alternatives are fitted by"),
        help_text=_(
            "On the training data, with features left out, re-weighted, with other parameters, and towards equal rates."
        ),
    )
    tolerance = forms.DecimalField(
        required=False,
        max_digits=5,
        decimal_places=4,
        initial="0.01",
        label=_("Loss of area under the curve that is accepted"),
        help_text=_("Set before the search and kept with it; an alternative that ranks worse by more is not proposed."),
    )

    def __init__(self, *args: Any, version: Version, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = version
        choices = queries.dataset_choices(version)
        columns = list(dict.fromkeys(name for dataset, _part in choices for name in dataset.columns))
        self._offer_datasets(choices)
        self._offer_suites()
        self._offer_dictionaries()
        self._field("label", forms.ChoiceField).choices = [(name, name) for name in columns]
        self._offer_predictions(columns)
        self._offer_endpoint()
        self._field("segments", forms.MultipleChoiceField).choices = [
            (name, name) for name in columns if name not in {*queries.KEYS, version.target}
        ]
        self._field("period", forms.ChoiceField).choices = [("", _("None")), *((name, name) for name in columns)]
        if version.target in columns:
            self.fields["label"].initial = version.target
            self.fields["event_name"].initial = version.target.replace("_", " ").capitalize()
        if version.cutoff is not None:
            self.fields["cutoff"].initial = version.cutoff.normalize()
        self._offer_kinds()
        self._offer_parameters(columns)
        if self.predicts_amounts:
            for name in OF_DECISIONS:
                del self.fields[name]
        for column in self.protected:
            self.fields[f"reference_{column['name']}"] = _reference_field(column)

    @property
    def predicts_amounts(self) -> bool:
        return self.version.model_kind != ModelKind.CLASSIFICATION

    def _offer_kinds(self) -> None:
        roles = set(self.version.datasets.values_list("role", flat=True))
        closed = {
            kind: reason for kind in KINDS if (reason := policies.why_kind_closed(kind, self.version.model_kind, roles))
        }
        widget = self.fields["kinds"].widget
        assert isinstance(widget, Kinds)
        widget.closed = closed
        self.fields["kinds"].initial = [kind for kind in USUAL if kind not in closed]

    def _offer_parameters(self, columns: list[str]) -> None:
        features = [(name, name.replace("_", " ")) for name in self.version.features]
        self._field("dated", forms.ChoiceField).choices = [("", _("None")), *((name, name) for name in columns)]
        for name in ("rising", "falling", "changeable"):
            self._field(name, forms.MultipleChoiceField).choices = features
        for name in ("low", "high", "ranked"):
            self._field(name, forms.ChoiceField).choices = [("", _("None")), *((each, each) for each in columns)]

    @cached_property
    def protected(self) -> list[dict[str, Any]]:
        """The protected attributes linked to the version."""
        return queries.protected_columns(self.version)

    @property
    def references(self) -> list[forms.BoundField]:
        return [self[f"reference_{column['name']}"] for column in self.protected]

    @property
    def cannot_run(self) -> str:
        """Why the artifact is not run here, or nothing."""
        return queries.why_not_run_here(self.version.artifact)

    def settings(self) -> dict[str, Any]:
        """The choices as a run keeps them."""
        given = self.cleaned_data
        named = {column["name"]: given.get(f"reference_{column['name']}", "").strip() for column in self.protected}
        chosen = {"label": given["label"], "predictions": given["predictions"], "parameters": self.parameters()}
        chosen["endpoint"] = bool(given.get("endpoint"))
        if self.predicts_amounts:
            return chosen
        return chosen | {
            "positive": plain_value(given["positive"]),
            "event_name": given["event_name"],
            "cutoff": str(given["cutoff"]),
            "favourable": given["favourable"],
            "segments": given["segments"],
            "period": given["period"],
            "learner": given["learner"] or "logistic",
            "tolerance": "0.01" if given["tolerance"] is None else str(given["tolerance"]),
            "references": {attribute: group for attribute, group in named.items() if group},
        }

    def add_refusal(self, fields: dict[str, list[str]], reasons: tuple[str, ...]) -> None:
        """What the service found wrong, beside the field it is about."""
        for name, sentences in fields.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)
        if not fields:
            for reason in reasons:
                self.add_error(None, reason)

    def _offer_datasets(self, choices: list[tuple[Dataset, str]]) -> None:
        field = self._field("dataset", forms.ModelChoiceField)
        field.queryset = Dataset.objects.filter(pk__in=[dataset.pk for dataset, _part in choices])
        field.choices = [
            (dataset.pk, f"{dataset} ({part.lower()}, {dataset.rows:,} rows)") for dataset, part in choices
        ]

    def _offer_suites(self) -> None:
        field = self._field("suite", forms.ModelChoiceField)
        self.suites = queries.suites_for(self.version)
        field.queryset = Pack.objects.filter(pk__in=[suite.pk for suite in self.suites])
        field.choices = [(suite.pk, _named(suite)) for suite in self.suites]

    def _offer_dictionaries(self) -> None:
        field = self._field("reasons", forms.ModelChoiceField)
        fitting = queries.dictionaries_for(self.version)
        field.queryset = Pack.objects.filter(pk__in=[each.pk for each in fitting])
        if fitting:
            field.empty_label = None
            field.choices = [(each.pk, f"{each.title} {each.version}") for each in fitting]

    def _offer_predictions(self, columns: list[str]) -> None:
        field = self._field("predictions", forms.ChoiceField)
        if self.cannot_run:
            field.required = not self.version.scoring_endpoint
            field.help_text = _(
                "This kind of artifact is not run here: score the data where the model lives and name the column."
            )
            field.choices = [("", _("Choose the column")), *((name, name) for name in columns)]
        else:
            field.choices = [("", _("None: run the model here")), *((name, name) for name in columns)]

    def _offer_endpoint(self) -> None:
        if not self.version.scoring_endpoint:
            del self.fields["endpoint"]
            return
        self.fields["endpoint"].initial = bool(self.cannot_run)
        self.fields["endpoint"].label = _("Score through %(address)s") % self.version.scoring_endpoint

    def _field(self, name: str, kind: type[Any]) -> Any:
        field = self.fields[name]
        assert isinstance(field, kind)
        return field


def _named(suite: Pack) -> str:
    """The suite with its version; one that is not in force, or not for everybody, says so."""
    status, marks = suite.content["status"], list[str]()
    if status in {"draft", "upcoming", "superseded"}:
        marks.append(status)
    if suite.content.get("applies", {}).get("independent"):
        marks.append("independent audit, by a validator")
    return f"{suite.title} {suite.version}" + (f" ({', '.join(marks)})" if marks else "")


def plain_value(text: str) -> int | float | str:
    """The event's value as a number when it is one, so that 1 finds 1 in a numeric column."""
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return text.strip()


def _reference_field(column: dict[str, Any]) -> forms.Field:
    label = _("Reference group of %(attribute)s") % {"attribute": column["name"].replace("_", " ")}
    both = sorted({str(column.get("min", "")), str(column.get("max", ""))})
    if column.get("distinct") == len(both) == 2:
        choices = [("", _("The group decided favourably most often")), *((group, group) for group in both)]
        return forms.ChoiceField(choices=choices, required=False, label=label)
    return forms.CharField(
        required=False,
        max_length=120,
        label=label,
        help_text=_("Empty: the group decided favourably most often, if large enough."),
    )
