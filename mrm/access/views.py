"""People, roles and units for those who keep them, and everybody's own account."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import Q
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access import forms, queries, services
from mrm.access.models import Account, AccountKind, Token
from mrm.access.pages import account_of, options_of, page_of
from mrm.access.permissions import WORDS
from mrm.access.roles import APPROVERS, DESCRIPTIONS, INCOMPATIBLE, Role
from mrm.audit import reading
from mrm.audit.queries import reads_everything, timeline
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid

# needed of a section that is not cut by unit
WHOLE = "the whole institution"


# what can be kept and inspected: label, address, what for, and the permission that opens it
SECTIONS = (
    (
        lazy("People"),
        "access:people",
        lazy("Who there is, which accounts they use, which roles they hold."),
        "audit.view",
    ),
    (lazy("Roles"), "access:roles", lazy("What each role may do, and which roles exclude each other."), "view"),
    (
        lazy("Roles held"),
        "oversight:roles",
        lazy("Who holds which role since when, granted by whom, until when, as of any day."),
        "audit.view",
    ),
    (
        lazy("Proposed roles"),
        "entitlement:proposals",
        lazy("Roles that sign, proposed by an administrator, and who may sign for them."),
        "view",
    ),
    (
        lazy("Access reviews"),
        "entitlement:reviews",
        lazy("Leads confirm or revoke who holds what in their units; the result is attested."),
        "view",
    ),
    (
        lazy("Exceptions"),
        "entitlement:exceptions",
        lazy("Records opened to single people beside their roles, until when and why."),
        "audit.view",
    ),
    (
        lazy("Separation of duties"),
        "oversight:attempts",
        lazy("What was tried and refused, and where one person held or did what two should."),
        WHOLE,
    ),
    (
        lazy("Ageing of requests"),
        "oversight:ageing",
        lazy("How long requests wait against what their policy allows, and which are overdue."),
        "audit.view",
    ),
    (lazy("Business units"), "access:units", lazy("The tree along which roles reach."), "view"),
    (
        lazy("Policies and packs"),
        "inventory:packs",
        lazy("Regulation and policy as versioned data, with sources."),
        "view",
    ),
    (lazy("Serving places"), "deployment:targets", lazy("Where models run, and whether they answer."), "view"),
    (lazy("Work"), "jobs:jobs", lazy("Long work: waiting, running, done, failed."), None),
    (
        lazy("Erasure"),
        "privacy:erasures",
        lazy("Personal data that were asked to be erased, and what became of it."),
        "audit.view",
    ),
    (lazy("Trail"), "audit:timeline", lazy("Every change and every refusal, in order."), "audit.view"),
    (
        lazy("Your account and tokens"),
        "access:account",
        lazy("Your name, roles, password, and tokens for the API."),
        None,
    ),
    (lazy("API"), "api:docs", lazy("The same services for programs, with a description of each call."), None),
)


@require_safe
def admin(request: HttpRequest) -> HttpResponse:
    """What can be kept and inspected, each with the door open or the reason why not."""
    account = account_of(request)
    rows = [(label, name, text, _closed(account, need)) for label, name, text, need in SECTIONS]
    return render(request, "access/admin.html", {"rows": rows})


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "audit.view", None)
    text = request.GET.get("q", "").strip()
    found = queries.persons_visible_to(account).prefetch_related("accounts")
    if text:
        found = found.filter(
            Q(name__icontains=text) | Q(email__icontains=text) | Q(accounts__username__iexact=text)
        ).distinct()
    page = page_of(request, found)
    held: dict[UUID, set[str]] = {}
    for grant in queries.grants_in_force().filter(account__person__in=[person.pk for person in page]):
        held.setdefault(grant.account.person_id, set()).add(f"{grant.get_role_display()}, {grant.unit.name}")
    notes: dict[UUID, list[str]] = {}
    for tell in (tell for _name, tell in queries.PEOPLE_NOTES.items()):
        for key, lines in tell(page).items():
            notes.setdefault(key, []).extend(lines)
    rows = [(person, sorted(held.get(person.pk, ())), notes.get(person.pk, [])) for person in page]
    context = {"rows": rows, "page": page, "text": text, "lacks_add": account.lacks("access.add_person", None)}
    return render(request, "access/people.html", context)


@require_safe
def person(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.persons_visible_to(account), pk=pk)
    accounts = list(queries.accounts_of(found))
    context = {
        "person": found,
        "accounts": accounts,
        "grant_form": forms.GrantForm(account=account),
        "account_form": forms.AccountForm(),
        "lacks": {
            name: account.lacks(f"access.{name}", found)
            for name in ("grant", "revoke", "add_account", "deactivate", "remove_factor")
        },
        "days": reading.days(timeline(accounts[0])[:20]) if accounts else [],
        "doors": [door(found, account) for _name, door in queries.PERSON_DOORS.items()],
        "panels": [draw(found, account) for _name, draw in queries.PERSON_PANELS.items()],
    }
    return render(request, "access/person.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add_person(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "access.add_person", None)
    form = forms.PersonForm(request.POST or None, account=account)
    if form.is_valid():
        try:
            made = services.add_person(**form.cleaned_data, actor=account)
        except Invalid as refusal:
            forms.take_refusal(form, refusal)
        else:
            messages.success(
                request, _("%(name)s is entered. Open an account and grant roles here.") % {"name": made.name}
            )
            return redirect("access:person", made.pk)
    return render(
        request, "access/form.html", _page(form, _("Add a person"), "access:people", _("People")), status=_status(form)
    )


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def add_account(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.persons_visible_to(account), pk=pk)
    permit(account, "access.add_account", found)
    form = forms.AccountForm(request.POST or None)
    if form.is_valid():
        given = {**form.cleaned_data, "password": form.cleaned_data["password"] or None}
        try:
            made = services.add_account(**given, person=found, actor=account)
        except Invalid as refusal:
            forms.take_refusal(form, refusal)
        else:
            messages.success(
                request, _("The account %(name)s is open; it holds no role yet.") % {"name": made.username}
            )
            return redirect("access:person", found.pk)
    title = _("Open an account for %(name)s") % {"name": found.name}
    return render(request, "access/form.html", _page(form, title, "access:people", _("People")), status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
def grant(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    granted = get_object_or_404(queries.accounts().filter(person__in=queries.persons_visible_to(account)), pk=pk)
    permit(account, "access.grant", None)
    form = forms.GrantForm(request.POST or None, account=account)
    if form.is_valid():
        made = services.grant(granted, **form.cleaned_data, actor=account)
        messages.success(request, _("Granted: %(grant)s.") % {"grant": made})
        return redirect("access:person", granted.person_id)
    title = _("Grant a role to %(name)s") % {"name": granted.name}
    return render(request, "access/form.html", _page(form, title, "access:people", _("People")), status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.grants_visible_to(account), pk=pk)
    permit(account, "access.revoke", found.unit)
    form = forms.ReasonForm(request.POST or None)
    if form.is_valid():
        services.revoke(found, reason=form.cleaned_data["reason"], actor=account)
        messages.success(request, _("Revoked: %(grant)s.") % {"grant": found})
        return redirect("access:person", found.account.person_id)
    title = _("Revoke: %(grant)s") % {"grant": found}
    context = {**_page(form, title, "access:people", _("People")), "submit": _("Revoke"), "kind": "danger"}
    return render(request, "access/form.html", context, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    closing = get_object_or_404(queries.accounts().filter(person__in=queries.persons_visible_to(account)), pk=pk)
    permit(account, "access.deactivate", closing)
    form = forms.ReasonForm(request.POST or None)
    if form.is_valid():
        services.deactivate(closing, reason=form.cleaned_data["reason"], actor=account)
        messages.success(request, _("The account %(name)s is closed.") % {"name": closing.username})
        return redirect("access:person", closing.person_id)
    title = _("Close the account %(name)s") % {"name": closing.username}
    context = {**_page(form, title, "access:people", _("People")), "submit": _("Close the account"), "kind": "danger"}
    return render(request, "access/form.html", context, status=_status(form))


@require_safe
def find_person(request: HttpRequest) -> HttpResponse:
    return options_of(request, forms.PersonField, queries.persons_named_to(account_of(request)))


@require_safe
def roles(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "view", None)
    permissions = sorted({name for entry in DESCRIPTIONS.values() for name in entry.permissions}, key=_by_area)
    rows = [(name, WORDS[name], [name in DESCRIPTIONS[role].permissions for role in Role]) for name in permissions]
    held, named = queries.held_by_role(account), account.may("audit.view")
    context = {
        "roles": [
            (role.value, role.label, DESCRIPTIONS[role].text, role in APPROVERS, held.get(role, ())) for role in Role
        ],
        "named": named,
        "rows": rows,
        "excluding": [(Role(one).label, Role(other).label) for one, other in INCOMPATIBLE],
    }
    return render(request, "access/roles.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def units(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "view", None)
    form = forms.UnitForm(request.POST or None, account=account)
    if request.method == "POST":
        permit(account, "access.add_unit", None)
    if form.is_valid():
        try:
            made = services.add_unit(**form.cleaned_data, actor=account)
        except Invalid as refusal:
            forms.take_refusal(form, refusal)
        else:
            messages.success(request, _("%(name)s is part of the tree.") % {"name": made.name})
            return redirect("access:units")
    found = queries.units_visible_to(account).select_related("parent")
    rows = [(unit, "–" * (unit.path.count("/") - 2)) for unit in found]
    context = {"rows": rows, "form": form, "lacks_add": account.lacks("access.add_unit", None)}
    return render(request, "access/units.html", context, status=_status(form))


@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return _account_page(request, forms.PasswordForm(account=account_of(request)), forms.TokenForm())


@never_cache
@sensitive_post_parameters()
@takes_forms_only
def change_password(request: HttpRequest) -> HttpResponse:
    """The session that changes it stays; every other one ends."""
    changing = account_of(request)
    form = forms.PasswordForm(request.POST, account=changing)
    if form.is_valid():
        try:
            services.change_password(changing, password=form.cleaned_data["password"], actor=changing)
        except Invalid as refusal:
            forms.take_refusal(form, refusal)
        else:
            update_session_auth_hash(request, changing)
            messages.success(request, _("Your password is changed; your other sessions are signed out."))
            return redirect("access:account")
    return _account_page(request, form, forms.TokenForm())


@never_cache
@takes_forms_only
def issue_token(request: HttpRequest) -> HttpResponse:
    """Shows the secret once, on the answer itself."""
    issuing = account_of(request)
    form = forms.TokenForm(request.POST)
    if not form.is_valid():
        return _account_page(request, forms.PasswordForm(account=issuing), form)
    token = services.issue_token(issuing, **form.cleaned_data, actor=issuing)
    return _account_page(request, forms.PasswordForm(account=issuing), forms.TokenForm(), token)


@takes_forms_only
def revoke_token(request: HttpRequest, pk: UUID) -> HttpResponse:
    revoking = account_of(request)
    token = services.revoke_token(get_object_or_404(queries.tokens_visible_to(revoking), pk=pk), actor=revoking)
    messages.success(request, _("The token %(label)s is ended.") % {"label": token})
    own = token.account.person_id == revoking.person_id
    return redirect("access:account") if own else redirect("access:person", token.account.person_id)


def _account_page(
    request: HttpRequest, password_form: forms.PasswordForm, token_form: forms.TokenForm, issued: Token | None = None
) -> HttpResponse:
    own = account_of(request)
    context = {
        "own": own,
        "grants": own.grants,
        "descriptions": {role: entry.text for role, entry in DESCRIPTIONS.items()},
        "tokens": own.tokens.all(),
        "services": queries.accounts().filter(person=own.person_id, kind=AccountKind.SERVICE),
        "password_form": password_form,
        "token_form": token_form,
        "issued": issued,
        "reads_trail": reads_everything(own),
        "days": reading.days(timeline(own)[:15]),
    }
    return render(
        request,
        "access/account.html",
        context,
        status=_status(password_form) if password_form.errors else _status(token_form),
    )


def _page(form: object, title: str, up: str, up_label: str) -> dict[str, object]:
    return {"form": form, "title": title, "up_url": reverse(up), "up_label": up_label}


def _status(form: Form) -> int:
    return 422 if form.errors else 200


def _closed(account: Account, need: str | None) -> str | None:
    """Why a section is not open to the account, or None."""
    if need != WHOLE:
        return account.lacks(need, None) if need else None
    whole = None if reads_everything(account) else _("This opens to who audits the whole institution.")
    return account.lacks("audit.view", None) or whole


def _by_area(permission: str) -> tuple[bool, str]:
    return ("." in permission, permission)
