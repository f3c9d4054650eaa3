"""Fields and forms that several rooms share."""

from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from mrm.core.refusal import Stale


class Lines(forms.CharField):
    """A list of short texts, one on each line."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("One on each line."))
        kwargs.setdefault("widget", forms.Textarea({"rows": 3}))
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


def long_text(label: Any, *, required: bool = False, rows: int = 3, help_text: Any = "") -> forms.CharField:
    return forms.CharField(label=label, required=required, help_text=help_text, widget=forms.Textarea({"rows": rows}))


def day(label: Any, **kwargs: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **kwargs)


class Revised(forms.Form):
    """A form on a record that others may change meanwhile.

    Every field carries the value it was shown with, so only what this person touched is sent, and what
    somebody else changed in another field stays.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=500, help_text=_("Stands beside the change in the timeline.")
    )
    own = ("revision", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.show_hidden_initial = name not in self.own
        self.order_fields([*(name for name in self.fields if name not in self.own), *self.own])

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data if name not in self.own}

    def revision_given(self) -> dict[str, Any]:
        """What the service of an edit takes: the changes, the revision they were made on, and why."""
        return {name: self.cleaned_data[name] for name in self.own} | {"changes": self.changes()}

    @classmethod
    def again(cls, form: "Revised", current: dict[str, Any], revision: int, **kwargs: Any) -> "Revised":
        """The same form over the record as it is now: what the person touched stays, the rest is renewed."""
        fresh = cls(initial=current, **kwargs)
        touched = set(form.changed_data)
        data, typed = QueryDict(mutable=True), cast(QueryDict, form.data)
        for name, field in fresh.fields.items():
            now = _text(field.prepare_value(current.get(name)))
            data[f"initial-{name}"] = now
            values = typed.getlist(name) if name in touched or name in cls.own else [now]
            if isinstance(field, forms.BooleanField) and values in ([""], ["False"]):
                continue
            data.setlist(name, values)
        data["revision"] = str(revision)
        return cls(data, initial=current, **kwargs)


def differences(form: forms.Form, stale: Stale) -> list[tuple[str, str, str]]:
    """Field, theirs and yours in words, for the page that shows what collided."""
    return [
        (str(form.fields[name].label), _words(theirs), _words(yours))
        for name, (yours, theirs) in stale.changes.items()
        if name in form.fields
    ]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _words(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else _text(value)
