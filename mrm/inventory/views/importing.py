"""Many models from a file: the dry run first, then the import."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.core.refusal import Invalid
from mrm.inventory import forms, services
from mrm.inventory.services.importing import CHOICES, COLUMNS, MOST_BYTES, NEEDED

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
def import_models(request: HttpRequest) -> HttpResponse:
    """The file is judged and put aside; `apply` enters what was judged."""
    account = account_of(request)
    permit(account, "inventory.import_models", None)
    if "kept" in request.POST:
        return _apply(request)
    form = forms.ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, object] = {"form": form, "columns": COLUMNS, "needed": NEEDED, "choices": CHOICES}
    if form.is_valid():
        content = form.cleaned_data["file"].read(MOST_BYTES + 1)
        try:
            plan = services.plan_import(services.decode(content), actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            kept = forms.ApplyForm(account=account).seal(services.keep_import(content)) if plan.ready else ""
            context |= {"plan": plan, "kept": kept, "rows": plan.rows[:SHOWN], "problems": plan.problems[:500]}
            return render(request, "inventory/import.html", context, status=200 if plan.ready else 422)
    return render(request, "inventory/import.html", context, status=422 if form.errors else 200)


def _apply(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = forms.ApplyForm(request.POST, account=account)
    if not form.is_valid():
        messages.error(request, _("The dry run is too old; send the file again. Nothing was imported."))
        return redirect("inventory:import")
    plan = services.plan_import(services.kept_import(form.cleaned_data["kept"]), actor=account)
    services.import_models(plan, actor=account)
    messages.success(request, _("%(count)s models are registered.") % {"count": f"{len(plan.rows):,}"})
    return redirect("inventory:models")
