"""How every form of the inventory is answered: carried out, shown again with its faults, or as a collision."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mrm.access.forms import take_refusal
from mrm.core.refusal import Invalid, Stale
from mrm.inventory.forms.fields import differences

T = TypeVar("T")


def carried_out(form: forms.Form, change: Callable[[], T]) -> T | None:
    """What the change made, or None: the form does not hold, or the service's sentences now stand in it."""
    if not form.is_valid():
        return None
    try:
        return change()
    except Invalid as refusal:
        take_refusal(form, refusal)
        return None


def form_page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page of a form, fresh or with its faults."""
    return render(request, template, context, status=422 if context["form"].errors else 200)


def collision(
    request: HttpRequest, template: str, context: dict[str, Any], stale: Stale, again: forms.Form
) -> HttpResponse:
    """The form over the record as it is now, with what somebody else changed meanwhile beside what was typed."""
    shown = {"form": again, "stale": stale.reasons, "differences": differences(context["form"], stale)}
    return render(request, template, context | shown, status=409)
