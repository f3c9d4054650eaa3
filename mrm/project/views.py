"""Home by role, and find."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from mrm.access import queries as access
from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.access.roles import Role
from mrm.approval import queries as approval
from mrm.audit.models import Event
from mrm.deployment import queries as deployment
from mrm.discovery import queries as discovery
from mrm.entitlement import queries as entitlement
from mrm.evaluation import queries as evaluation
from mrm.inventory import queries as inventory
from mrm.inventory.models import Model, Version
from mrm.inventory.workflow import VersionState
from mrm.jobs import queries as jobs
from mrm.reporting.models import Document
from mrm.signoff import queries as signoff
from mrm.signoff.models import GateState
from mrm.validation import queries as validation
from mrm.validation.workflow import ValidationState

SHORT = 12


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What waits for this person, by the roles held; each role adds its part."""
    account = account_of(request)
    parts = [part(account) for roles, part in PARTS if roles & set(account.roles)]
    return render(request, "home/home.html", {"parts": parts, "name": account.person.name})


def _queue(account: Account) -> dict[str, Any]:
    known = signoff.tally(account)
    waiting = signoff.waiting(account, of_roles=known.for_roles)
    count, overdue = signoff.waiting_numbers(waiting, known)
    return {
        "template": "home/queue.html",
        "groups": signoff.grouped(signoff.queue(waiting[:SHORT], account), timezone.localdate()),
        "count": count,
        "overdue": overdue,
    }


def _validations(account: Account) -> dict[str, Any]:
    listed = validation.listed(account)
    return {
        "template": "home/validations.html",
        "waiting": listed.filter(status=ValidationState.REQUESTED)[:SHORT],
        "own": listed.filter(status=ValidationState.UNDER_WAY, validator=account.person)[:SHORT],
        "verify": validation.findings_listed(account, "open").filter(status="evidence_submitted")[:SHORT],
    }


def _models(account: Account) -> dict[str, Any]:
    person = account.person
    visible = inventory.models_visible_to(account)
    mine = (visible.filter(owner=person) | visible.filter(developer=person)).order_by("-registered_at")[:SHORT]
    return {
        "template": "home/models.html",
        "models": _with_gates(list(mine)),
        "findings": validation.findings_listed(account, "mine")[:SHORT],
    }


def _with_gates(models: list[Model]) -> list[dict[str, Any]]:
    """Each model with its newest version and what that version still owes before it may be approved."""
    newest: dict[Any, Version] = {}
    for version in approval.subject_versions().filter(model__in=models).order_by("created_at"):
        newest[version.model_id] = version
    evidence = approval.evidence_of(list(newest.values()))
    found = []
    for model in models:
        last = newest.get(model.pk)
        gates = signoff.in_order(approval.gates_of(evidence[last.pk])) if last else []
        missing = [gate for gate in gates if gate.state == GateState.MISSING]
        met = len(gates) - len(missing)
        found.append({"model": model, "version": last, "missing": missing, "met": met, "all": len(gates)})
    return found


def _deployments(account: Account) -> dict[str, Any]:
    versions = inventory.versions_visible_to(account).filter(status=VersionState.APPROVED)
    return {
        "template": "home/deployments.html",
        "deployments": deployment.visible_to(account)[:SHORT],
        "ready": versions.order_by("-created_at")[:SHORT],
    }


def _trail(account: Account) -> dict[str, Any]:
    documents = Document.objects.filter(version__in=inventory.versions_visible_to(account))
    return {
        "template": "home/trail.html",
        "events": Event.objects.all()[:SHORT],
        "refused": Event.objects.filter(outcome="refused")[:5],
        "documents": documents.select_related("version__model")[:SHORT],
    }


def _keeping(account: Account) -> dict[str, Any]:
    return {
        "template": "home/keeping.html",
        "failed": jobs.visible_to(account).filter(state="failed")[:SHORT],
        "silent": deployment.targets_visible_to(account).filter(answers=False),
        "people": access.persons().count(),
        "accounts": access.accounts().filter(is_active=True).count(),
    }


def _found(account: Account) -> dict[str, Any]:
    """What serves elsewhere and nobody registered or approved; nothing is shown when there is none."""
    counts = discovery.counts(account)
    return {"template": "home/found.html", "findings": counts["findings"], "confirm": counts["confirm"]}


def _reviews(account: Account) -> dict[str, Any]:
    """What waits for the reader in access reviews; nothing is shown when nothing does."""
    return {"template": "home/reviews.html", "reviews": entitlement.waiting_reviews(account)}


PARTS: tuple[tuple[set[str], Callable[[Account], dict[str, Any]]], ...] = (
    ({Role.RISK_OFFICER, Role.BU_LEAD}, _reviews),
    ({Role.RISK_OFFICER}, _found),
    ({Role.RISK_OFFICER, Role.BU_LEAD}, _queue),
    ({Role.VALIDATOR}, _validations),
    ({Role.OWNER, Role.DEVELOPER}, _models),
    ({Role.DEPLOYER}, _deployments),
    ({Role.AUDITOR}, _trail),
    ({Role.ADMINISTRATOR, Role.POLICY_ADMIN}, _keeping),
)


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """Models, requests, findings, runs and people by reference or name, as far as the account sees them."""
    text = request.GET.get("q", "").strip()
    groups = _hits(account_of(request), text) if text else []
    hits = [hit for group in groups for hit in group["hits"]]
    if len(hits) == 1 and hits[0]["url"]:
        return redirect(hits[0]["url"])
    return render(request, "home/find.html", {"q": text, "groups": groups, "count": len(hits)})


def _hits(account: Account, text: str) -> list[dict[str, Any]]:
    prefix, _, digits = text.upper().partition("-")
    number = int(digits) if digits.isdigit() and len(digits) < 10 else None
    kinds: dict[str, tuple[str, Any]] = {
        "MDL": ("Models", inventory.models_visible_to(account)),
        "REQ": ("Requests", signoff.visible_to(account)),
        "FND": ("Findings", validation.findings_visible_to(account)),
        "VAL": ("Validations", validation.visible_to(account)),
        "EV": ("Evaluations", evaluation.visible_to(account)),
        "DS": ("Data sets", inventory.datasets_visible_to(account)),
    }
    if prefix in kinds and number is not None:
        title, rows = kinds[prefix]
        return _groups([(title, rows.filter(number=number))])
    return _groups(
        [
            ("Models", kinds["MDL"][1].filter(name__icontains=text)),
            ("Requests", kinds["REQ"][1].filter(subject_label__icontains=text)),
            ("Findings", kinds["FND"][1].filter(title__icontains=text)),
            ("Data sets", kinds["DS"][1].filter(name__icontains=text)),
            ("People", access.persons_named_to(account).filter(name__icontains=text)),
        ]
    )


def _groups(found: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    groups = [{"title": title, "hits": [_hit(row) for row in rows[:SHORT]]} for title, rows in found]
    return [group for group in groups if group["hits"]]


def _hit(row: Any) -> dict[str, str]:
    url = row.get_absolute_url() if hasattr(row, "get_absolute_url") else ""
    sub = getattr(row, "ref", "") or str(getattr(row, "unit", ""))
    return {"url": url, "label": str(row), "sub": sub}
