"""One's own second factors: set up, named, taken away; and the administrator's help for who lost one."""

import datetime as dt
import json
from typing import Any

import segno
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access import forms, queries, services
from mrm.access.models import Account, Factor, Method
from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid

PAGE = "access:factors"


@never_cache
@require_safe
def factors(request: HttpRequest) -> HttpResponse:
    """Every factor with what may be done with it."""
    account = account_of(request)
    held = list(queries.factors_of(account))
    context = {
        "own": account,
        "app": next((each for each in held if each.type == Method.TOTP), None),
        "keys": [each for each in held if each.type == Method.WEBAUTHN],
        "codes_left": _codes_left(held),
        "confirm": forms.ConfirmForm(account=account),
    }
    return render(request, "access/factors.html", context)


@never_cache
@sensitive_post_parameters()
@takes_forms_only
def begin_app(request: HttpRequest) -> HttpResponse:
    """Confirm who it is, then show the secret once, as a picture and as letters."""
    account = account_of(request)
    secret, token = services.begin_enrolment(account, proof=_proof(request), actor=account)
    return _app_page(request, forms.AppForm(initial={"token": token}), account, secret)


@never_cache
@sensitive_post_parameters()
@takes_forms_only
def enrol_app(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = forms.AppForm(request.POST)
    if form.is_valid():
        try:
            made = services.enrol_totp(account, **form.cleaned_data, actor=account)
        except Invalid as refusal:
            forms.take_refusal(form, refusal)
        else:
            return _done(
                request, made, _("Your authenticator app is set up; signing in asks for its code from now on.")
            )
    return _app_page(request, form, account, "")


@never_cache
@sensitive_post_parameters()
@takes_forms_only
def begin_key(request: HttpRequest) -> HttpResponse:
    """Confirm who it is, then have the browser make a key."""
    account = account_of(request)
    options, token = services.begin_key(account, proof=_proof(request), actor=account)
    context = {
        "form": forms.KeyForm(initial={"token": token, "name": _("Security key")}),
        "options": json.dumps(options),
        "party": settings.RELYING_PARTY,
    }
    return render(request, "access/add_key.html", context)


@never_cache
@takes_forms_only
def enrol_key(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = forms.KeyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The security key gave no answer; nothing was changed."))
        return redirect(PAGE)
    made = services.enrol_key(account, **form.cleaned_data, actor=account)
    return _done(
        request, made, _("The key “%(name)s” is set up; signing in asks for it from now on.") % {"name": made.name}
    )


@takes_forms_only
def name_key(request: HttpRequest, pk: int) -> HttpResponse:
    account = account_of(request)
    factor = get_object_or_404(queries.factors_of(account).filter(type=Method.WEBAUTHN), pk=pk)
    services.name_key(factor, name=request.POST.get("name", ""), actor=account)
    return redirect(PAGE)


@sensitive_post_parameters()
@takes_forms_only
def drop_factor(request: HttpRequest, pk: int) -> HttpResponse:
    account = account_of(request)
    factor = get_object_or_404(queries.factors_of(account), pk=pk)
    services.drop_factor(factor, proof=_proof(request), actor=account)
    messages.success(request, _("It is taken away."))
    return redirect(PAGE)


@never_cache
@sensitive_post_parameters()
@takes_forms_only
def renew_codes(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    made = services.renew_recovery_codes(account, proof=_proof(request), actor=account)
    return _done(request, made, _("The former recovery codes serve no more."))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """By an administrator, for somebody else who lost it."""
    account = account_of(request)
    factor = get_object_or_404(queries.factors_visible_to(account), pk=pk)
    permit(account, "access.remove_factor", factor.user)
    form = forms.ReasonForm(request.POST or None)
    if form.is_valid():
        helped = services.remove_factor(factor, reason=form.cleaned_data["reason"], actor=account)
        messages.success(request, _("Removed from the account %(name)s.") % {"name": helped.username})
        return redirect("access:person", helped.person_id)
    title = _("Remove the second factor of %(name)s") % {"name": factor.user.person.name}
    context = {
        "form": form,
        "title": title,
        "up_url": reverse("access:person", args=[factor.user.person_id]),
        "up_label": _("People"),
    }
    context |= {"submit": _("Remove"), "kind": "danger"}
    return render(request, "access/form.html", context, status=422 if form.errors else 200)


def _proof(request: HttpRequest) -> services.Proof:
    """What the form shows: a password, a code, or for who has neither the sign-in itself."""
    account = account_of(request)
    given = forms.ConfirmForm(request.POST, account=account)
    secret = given.cleaned_data.get("secret", "") if given.is_valid() else ""
    return services.Proof(forms.confirmed_by(account), secret=secret, signed_in_at=_signed_in_at(request, account))


def _signed_in_at(request: HttpRequest, account: Account) -> dt.datetime | None:
    moments = [float(each["at"]) for each in get_authentication_records(request, account)]
    return dt.datetime.fromtimestamp(max(moments), dt.UTC) if moments else None


def _app_page(request: HttpRequest, form: forms.AppForm, account: Account, secret: str) -> HttpResponse:
    secret = secret or services.secret_of(account, str(form["token"].value() or ""))
    address = services.app_address(account, secret)
    context = {
        "form": form,
        "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "picture": segno.make(address, error="m").svg_data_uri(scale=5, dark="#000", light="#fff"),
    }
    return render(request, "access/add_app.html", context, status=422 if form.errors else 200)


def _done(request: HttpRequest, made: Factor, told: str) -> HttpResponse:
    """With recovery codes they are shown, this once; else back to the list."""
    if not made.codes:
        messages.success(request, told)
        return redirect(PAGE)
    codes = [f"{code[:4]} {code[4:]}" for code in made.codes]
    return render(request, "access/recovery_codes.html", {"told": told, "codes": codes})


def _codes_left(held: list[Any]) -> int:
    """How many recovery codes were not used yet."""
    return sum(len(each.wrap().get_unused_codes()) for each in held if each.type == Factor.Type.RECOVERY_CODES)
