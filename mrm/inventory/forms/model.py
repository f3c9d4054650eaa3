from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mrm.access.forms import PersonField
from mrm.access.models import Account, BusinessUnit
from mrm.access.queries import persons, units_open_to
from mrm.core.chooser import Chooser
from mrm.inventory import queries
from mrm.inventory.forms.fields import Lines, Revised, long_text
from mrm.inventory.models import DependencyKind, Model, PackKind
from mrm.inventory.models.model import Autonomy, Explainability, Origin, RecordKind

DETERMINATIONS = [("", _("not determined")), ("in", _("in")), ("out", _("out")), ("refer", _("referred"))]
REGIME = "regime_"


class Facts(forms.Form):
    """The fields of the record that a person keeps."""

    name = forms.CharField(label=_("Name"), max_length=120)
    use_summary = long_text(_("Use"), required=True, help_text=_("What the output is used for, and by whom."))
    key_features = long_text(
        _("Key features"), help_text=_("What kind of model it is and how it works, for a non-specialist.")
    )
    rationale = long_text(_("Rationale"), help_text=_("Why a model, and why this one."))
    owner = PersonField(persons(), label=_("Owner"), help_text=_("Answers for the model over its life."))
    developer = PersonField(persons(), label=_("Developer"))
    kind = forms.ChoiceField(label=_("Kind of record"), choices=RecordKind.choices, initial=RecordKind.MODEL)
    origin = forms.ChoiceField(label=_("Origin"), choices=Origin.choices, initial=Origin.INTERNAL)
    vendor = forms.CharField(label=_("Vendor"), max_length=120, required=False)
    approved_uses = Lines(label=_("Approved uses"))
    limitations = Lines(label=_("Limitations"))
    limitation_conditions = Lines(label=_("Conditions on limitations"))
    explainability_need = forms.ChoiceField(
        label=_("Explained to"), choices=Explainability.choices, initial=Explainability.TECHNICAL
    )
    autonomy = forms.ChoiceField(label=_("Autonomy"), choices=Autonomy.choices, initial=Autonomy.HUMAN)
    generative_or_agentic = forms.BooleanField(label=_("Generative or agentic"), required=False)
    contingency_plan = long_text(
        _("If it fails"), help_text=_("What is done when the model is not available or wrong.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for pack in queries.packs(PackKind.REGIME).filter(current=True):
            self.fields[f"{REGIME}{pack.key}"] = forms.ChoiceField(
                label=pack.title,
                choices=DETERMINATIONS,
                required=False,
                help_text=_("Whether the regime counts it as a model."),
            )

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        return [
            field for field in self if not field.name.startswith(REGIME) and field.name not in ("reason", "revision")
        ]

    @property
    def regime_fields(self) -> list[forms.BoundField]:
        return [field for field in self if field.name.startswith(REGIME)]

    def determinations(self) -> dict[str, str]:
        """Regime to determination, of those made."""
        chosen = {
            name.removeprefix(REGIME): value for name, value in self.cleaned_data.items() if name.startswith(REGIME)
        }
        return {key: value for key, value in chosen.items() if value}


def shown(model: Model) -> dict[str, Any]:
    """The record's values as the form shows them."""
    names = [name for name in Facts.base_fields if not name.startswith(REGIME)]
    values = {name: getattr(model, name) for name in names}
    values |= {"owner": model.owner_id, "developer": model.developer_id}
    return {**values, **{f"{REGIME}{key}": value for key, value in model.regimes.items()}, "revision": model.revision}


class RegisterForm(Facts):
    unit: Any = forms.ModelChoiceField(queryset=BusinessUnit.objects.none(), label=_("Business unit"))
    field_order = ("name", "unit", "owner", "developer")

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units_open_to(account, "inventory.register")  # type: ignore[attr-defined]

    def facts(self) -> dict[str, Any]:
        plain = {name: value for name, value in self.cleaned_data.items() if not name.startswith(REGIME)}
        return {**plain, "regimes": self.determinations()}


class ModelForm(Revised, Facts):
    def __init__(self, *args: Any, model: Model, **kwargs: Any) -> None:
        self.model = model
        super().__init__(*args, **{"initial": shown(model), **kwargs})

    def changes(self) -> dict[str, Any]:
        touched = super().changes()
        plain = {name: value for name, value in touched.items() if not name.startswith(REGIME)}
        if len(plain) == len(touched):
            return plain
        chosen = {name.removeprefix(REGIME): value for name, value in touched.items() if name.startswith(REGIME)}
        return {**plain, "regimes": {key: value for key, value in {**self.model.regimes, **chosen}.items() if value}}


class ModelField(Chooser):
    """One model, found by name or reference."""

    numbered = {"MDL": "number"}

    @classmethod
    def lines(cls, row: Any) -> tuple[str, str]:
        return row.name, f"{row.ref}, {row.unit}"


class DependencyForm(forms.Form):
    upstream = ModelField(Model.objects.none(), label=_("Needs the model"))
    kind = forms.ChoiceField(label=_("What comes from it"), choices=DependencyKind.choices)
    note = forms.CharField(label=_("Note"), max_length=300, required=False)

    def __init__(self, *args: Any, account: Account, model: Model, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["upstream"]
        assert isinstance(field, ModelField)
        field.queryset = queries.models_visible_to(account).exclude(pk=model.pk)
        field.address = reverse("inventory:find_upstream", args=[model.pk])


class DecommissionForm(forms.Form):
    replaced_by = forms.CharField(
        label=_("Replaced by"), required=False, max_length=200, help_text=_("Another model, as MDL-12; empty for none.")
    )
    reason = long_text(_("Reason"), required=True)

    def proposal(self) -> dict[str, Any]:
        """The change and its reason, as they are put before the signers."""
        return {"content": {"replaced_by": self.cleaned_data["replaced_by"]}, "reason": self.cleaned_data["reason"]}


class ReasonForm(forms.Form):
    reason = long_text(_("Reason"), required=True)
