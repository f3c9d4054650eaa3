from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from mrm.access.forms import PersonField
from mrm.access.queries import persons
from mrm.connectors.remote_scoring import MOST_ROWS, Place
from mrm.core.chooser import Chooser
from mrm.inventory.forms.fields import Lines, Revised, long_text
from mrm.inventory.models import ArtifactKind, ModelKind, Version

DIGEST = RegexValidator(r"^[0-9a-fA-F]{64}$", _("A SHA-256 has 64 hexadecimal digits."))


def digest_field() -> forms.CharField:
    return forms.CharField(
        label=_("SHA-256 of the file"),
        required=False,
        validators=[DIGEST],
        help_text=_("If you give it, the upload is refused unless the bytes that arrive have it."),
    )


class VersionFacts(forms.Form):
    model_kind = forms.ChoiceField(
        label=_("What it predicts"),
        choices=ModelKind.choices,
        initial=ModelKind.CLASSIFICATION,
        help_text=_("Decides which tests and which suites fit."),
    )
    methodology = long_text(_("Methodology"))
    intended_use = long_text(_("Intended use"))
    domain_of_use = Lines(
        label=_("Domain of use"),
        help_text=_(
            "Conditions that every row must meet, one on each line, such as: state in CA, NV or: amount from 0 to 50000."
        ),
    )
    training_window = forms.CharField(label=_("Training window"), max_length=120, required=False)
    features = Lines(
        label=_("Features"), help_text=_("Names of the input columns, one on each line, in the model's order.")
    )
    target = forms.CharField(
        label=_("Target"), max_length=80, required=False, help_text=_("Name of the outcome column.")
    )
    cutoff = forms.DecimalField(
        label=_("Cut-off"),
        required=False,
        max_digits=12,
        decimal_places=6,
        help_text=_("Score from which the decision changes."),
    )
    notes = long_text(_("Notes"))


class VersionForm(VersionFacts):
    label = forms.CharField(
        label=_("Version"), max_length=40, help_text=_("Letters, digits and . - _ +, such as 2.1.0.")
    )
    developer = PersonField(persons(), label=_("Developer"))
    field_order = ("label", "developer")


class VersionEditForm(Revised, VersionFacts):
    def __init__(self, *args: Any, version: Version, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": shown(version), **kwargs})


def shown(version: Version) -> dict[str, Any]:
    values = {name: getattr(version, name) for name in VersionFacts.base_fields}
    if version.cutoff is not None:
        values["cutoff"] = version.cutoff.normalize()
    return {**values, "revision": version.revision}


class ArtifactForm(forms.Form):
    file = forms.FileField(label=_("File"), help_text=_("Kept under its SHA-256; nothing is run where it is stored."))
    kind = forms.ChoiceField(label=_("Kind"), choices=ArtifactKind.choices)
    sha256 = digest_field()

    def artifact(self) -> dict[str, Any]:
        """What the service takes; the file is read as it is stored."""
        given = self.cleaned_data
        file = given["file"]
        named = {"filename": file.name, "kind": given["kind"], "sha256": given["sha256"] or None}
        return {"chunks": file.chunks(), **named}


class EndpointForm(forms.Form):
    address = forms.URLField(
        label=_("Address"),
        max_length=300,
        assume_scheme="https",
        help_text=_("Base address by https, before /v2; its host is one that an administrator has opened for scoring."),
    )
    model = forms.CharField(label=_("Name of the model there"), max_length=120)
    version = forms.CharField(
        label=_("Its version there"), max_length=120, required=False, help_text=_("Empty: the one the endpoint serves.")
    )
    output = forms.CharField(
        label=_("Output with the scores"),
        max_length=120,
        required=False,
        help_text=_(
            "Needed only where it answers with several outputs of numbers; of several classes the last counts."
        ),
    )
    secret = forms.CharField(
        label=_("Name of the secret"),
        max_length=60,
        required=False,
        help_text=_("Name of the bearer token, such as scoring-vendor; the token itself is set on the server."),
    )
    rows = forms.IntegerField(
        label=_("Rows in one request"),
        min_value=1,
        max_value=MOST_ROWS,
        initial=1_000,
        help_text=_("1,000 suits most."),
    )

    def place(self) -> Place:
        """What the service takes."""
        return Place(**self.cleaned_data)


class VersionField(Chooser):
    """One version, found by the name or reference of its model, or by its label."""

    named_by = "model__name"
    looked_in = ("model__name__icontains", "label__istartswith")
    numbered = {"MDL": "model__number"}

    @classmethod
    def lines(cls, row: Any) -> tuple[str, str]:
        return str(row), f"{row.model.ref}, {row.model.unit}, {row.get_status_display().lower()}"
