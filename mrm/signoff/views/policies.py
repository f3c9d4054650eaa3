"""Policies in plain sentences: read, written, tried on past requests, taken along, and put before the signers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of
from mrm.access.queries import root_unit
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.packs import PackFile, as_yaml
from mrm.core.refusal import Invalid
from mrm.signoff import queries, services
from mrm.signoff.forms import PolicyForm, TrialForm
from mrm.signoff.models import Policy
from mrm.signoff.policies import changed_sentences, sentences


@require_GET
def policies(request: HttpRequest) -> HttpResponse:
    """The policies in force, those that are proposed, and their former versions."""
    account = account_of(request)
    waiting = queries.proposals_visible_to(account).filter(kind=services.PolicyChange.kind, settled_at=None)
    context = {
        "policies": queries.policies(),
        "proposed": [(each, each.request) for each in waiting],
        "closed": account.lacks("signoff.load_policy", None),
    }
    return render(request, "signoff/policies.html", context)


def _policy(pk: int) -> Policy:
    found: Policy = get_object_or_404(queries.policies(), pk=pk)
    return found


@require_GET
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    """One version of a policy in plain sentences, and tried on a past request."""
    account, found = account_of(request), _policy(pk)
    form = TrialForm(request.GET or None, past=queries.past_requests(account, found.content["applies"]["action"]))
    tried = form.cleaned_data.get("request") if form.is_valid() else None
    context = {
        "policy": found,
        "rules": sentences(found.content),
        "notes": found.content.get("notes", []),
        "trial_form": form,
        "trial": queries.trial(found.content, tried) if tried else None,
        "closed": account.lacks("signoff.load_policy", None),
        "waiting": queries.open_proposal(services.PolicyChange.kind, found.key),
    }
    return render(request, "signoff/policy.html", context)


@require_GET
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The policy as the file that it can be read from again."""
    permit(account_of(request), "view", None)
    found = _policy(pk)
    answer = HttpResponse(as_yaml(found.content), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.key}-v{found.version}.yaml"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Write the next version of a policy, or a new policy; what it would say stands beside it."""
    account = account_of(request)
    permit(account, "signoff.load_policy", None)
    former = _policy(pk) if pk else None
    draft = {**former.content, "version": former.version + 1} if former else {}
    form = PolicyForm(request.POST or None, request.FILES or None, initial={"text": as_yaml(draft) if draft else ""})
    if form.is_valid():
        try:
            made = services.propose(
                former or root_unit(), services.PolicyChange.kind, content=form.pack.content,
                reason=form.cleaned_data["reason"], actor=account,
            )  # fmt: skip
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("Proposed; the policy is in force when it is signed for."))
            return redirect(made)
    shown = former.content if former and not form.is_bound else None
    context = {"form": form, "former": former, **_said(request, shown or form.read(), former)}
    return render(request, "signoff/policy_edit.html", context, status=422 if form.errors else 200)


@takes_forms_only
def preview(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What the text would say, what is wrong with it, and what it would have meant for a past request."""
    account = account_of(request)
    permit(account, "signoff.load_policy", None)
    form = PolicyForm(request.POST)
    return render(request, "signoff/_policy_said.html", _said(request, form.read(), _policy(pk) if pk else None))


def _said(request: HttpRequest, content: dict[str, Any] | Invalid, former: Policy | None) -> dict[str, Any]:
    """The text in sentences with what is changed and tried, or the sentence that names what is wrong."""
    if isinstance(content, Invalid):
        return {"faults": content.reasons}
    account = account_of(request)
    fault = services.fault_in(PackFile(content["kind"], content["id"], str(content["version"]), "", content), account)
    past = queries.past_requests(account, content["applies"]["action"])
    tried = TrialForm(request.POST or None, past=past)
    chosen = tried.cleaned_data.get("request") if tried.is_valid() else None
    return {
        "faults": [fault] if fault else [],
        "rules": sentences(content),
        "changes": changed_sentences(former.content, content) if former else [],
        "trial_form": tried,
        "trial": queries.trial(content, chosen) if chosen else None,
    }
