"""A choice among many rows: found by typing on the server, never listed whole in the page."""

from typing import Any, ClassVar

from django import forms
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

FEWEST_LETTERS = 2
MOST_SHOWN = 20


class Combobox(forms.Widget):
    """A text field that finds, over a hidden field that holds the key of the row chosen."""

    template_name = "core/chooser.html"
    choices: Any = ()  # set by the field

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        field: Chooser = self.choices.field
        row = field.row_of(value)
        first, second = field.lines(row) if row else ("", "")
        context["widget"] |= {
            "value": row.pk if row else "",
            "first": first,
            "second": second,
            "address": str(field.address),
            "fewest": FEWEST_LETTERS,
        }
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Through the engine of the pages: the template stands beside theirs."""
        return super().render(name, value, attrs, TemplatesSetting())


class Chooser(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One row of the field's query; the page finds it at `address`, the server checks it here.

    Each kind of row has its class: `named_by` is the column of its name, `looked_in` are the lookups that are tried,
    `numbered` maps the prefix of a reference to the column that holds its number.
    """

    widget = Combobox
    default_error_messages = {
        "invalid_choice": _("This is not among what you may choose. Type two letters and take a row of the list.")
    }
    address: Any = ""
    named_by: ClassVar[str] = "name"
    looked_in: ClassVar[tuple[str, ...]] = ("name__icontains",)
    numbered: ClassVar[dict[str, str]] = {}

    @classmethod
    def lines(cls, row: Any) -> tuple[str, str]:
        """How a row is named, and what tells it from others of the same name."""
        return str(row), ""

    @classmethod
    def matching(cls, rows: "QuerySet[Any]", text: str) -> "QuerySet[Any]":
        """The rows that hold every word or have the reference; those that begin with the text first."""
        prefix, _dash, digits = text.upper().partition("-")
        if prefix in cls.numbered and digits.isdigit() and len(digits) < 10:
            return rows.filter(**{cls.numbered[prefix]: int(digits)})
        for word in text.split():
            anywhere = Q()
            for lookup in cls.looked_in:
                anywhere |= Q(**{lookup: word})
            rows = rows.filter(anywhere)
        begins = ExpressionWrapper(Q(**{f"{cls.named_by}__istartswith": text}), output_field=BooleanField())
        found: QuerySet[Any] = rows.annotate(begins=begins).order_by("-begins", cls.named_by, "pk")
        return found

    def row_of(self, value: Any) -> Model | None:
        """The row behind a value, if it may be chosen."""
        try:
            row: Model | None = self.to_python(value)
        except forms.ValidationError:
            return None
        return row
