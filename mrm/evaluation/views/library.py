"""The library of tests on pages: what each asks, why, and what it cannot tell."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.evaluation import queries
from mrm.evaluation.services import KINDS


@require_safe
def tests(request: HttpRequest) -> HttpResponse:
    permit(account_of(request), "view", None)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    views = [{"url": "?", "label": _("All"), "current": not kind}]
    views += [{"url": f"?kind={each}", "label": each.capitalize(), "current": each == kind} for each in KINDS]
    context = {"pillars": queries.library(kind), "views": views, "kind": kind}
    return render(request, "evaluation/tests.html", context)


@require_safe
def test(request: HttpRequest, name: str) -> HttpResponse:
    permit(account_of(request), "view", None)
    found = queries.library_entry(name)
    if found is None:
        raise Http404
    return render(request, "evaluation/test.html", {"test": found, "suites": queries.suites_naming(name)})
