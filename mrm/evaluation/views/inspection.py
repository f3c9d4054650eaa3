"""The inspection of an artifact on the page of its version: what was found, and the door to another look."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.core.methods import takes_forms_only
from mrm.evaluation import queries, services
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Panel


@takes_forms_only
def inspect(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    services.ask_inspection(version, actor=account)
    messages.success(request, _("The artifact is inspected now; the result appears here and counts from then on."))
    return redirect(f"{version.get_absolute_url()}#inspection")


def inspection_panel(version: Version, account: Account) -> Panel:
    """What the page of a version shows of the inspection of its artifact."""
    return Panel("evaluation/_inspection.html", {"version": version, **queries.inspection_facts(version, account)})
