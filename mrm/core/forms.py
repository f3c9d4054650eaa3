"""Forms at the door of a service: well formed, or refused by field."""

from typing import TypeVar

from django import forms

from mrm.core.refusal import Invalid

F = TypeVar("F", bound=forms.Form)


def well_formed(form: F, *, labelled: bool = False) -> F:
    """The form, or the refusal that says of each field what is wrong with it.

    Fields go by their names, as callers of the API give them, or `labelled`, as people see them.
    """
    if form.is_valid():
        return form
    fields = {name: [str(line) for line in lines] for name, lines in form.errors.items()}
    called = {name: str(form[name].label) if labelled else name for name in fields if name in form.fields}
    reasons = (": ".join([*filter(None, [called.get(name)]), line]) for name, lines in fields.items() for line in lines)
    raise Invalid(*reasons, fields=fields)
