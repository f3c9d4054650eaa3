"""What stands against an erasure, and where each one is."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.urls import reverse

from mrm.access.models import Account, Person, RoleGrant
from mrm.access.queries import Door, unit_ids_for
from mrm.approval.models import Condition
from mrm.approval.workflow import ApprovalState
from mrm.inventory.models import Model
from mrm.inventory.workflow import Lifecycle
from mrm.privacy.models import Erasure
from mrm.signoff.models import Gate, GateState, Request, RequestState
from mrm.validation.models import Finding
from mrm.validation.workflow import OPEN_STATES

KIND = "erasure"
ACTION = "erase_personal_data"


def erasures() -> QuerySet[Erasure]:
    return Erasure.objects.select_related("person__unit", "asked_by__person")


def visible_to(account: Account) -> QuerySet[Erasure]:
    """Those of the units whose people the account may look after."""
    return erasures().filter(person__unit__in=unit_ids_for(account, "audit.view"))


def request_of(erasure: Erasure) -> Request | None:
    """The request that asked the signers, the last one."""
    return (
        Request.objects.filter(subject_kind=KIND, subject_key=str(erasure.pk), action=ACTION)
        .order_by("-number")
        .first()
    )


def erased(person: Person) -> Erasure | None:
    return erasures().filter(person=person, erased_at__isnull=False).first()


def asked(person: Person) -> Erasure | None:
    """The erasure of the person that waits for its signatures."""
    keys = Request.objects.filter(subject_kind=KIND, status=RequestState.OPEN).values_list("subject_key", flat=True)
    return erasures().filter(person=person, erased_at=None, pk__in=list(keys)).first()


def door(person: Person, account: Account) -> Door:
    """Where the person's page leads: to the erasure that is there, or to asking for one."""
    if found := erased(person) or asked(person):
        return Door("Erasure of personal data", found.get_absolute_url(), "")
    return Door(
        "Erase personal data",
        reverse("privacy:ask", args=[person.pk]),
        account.lacks("privacy.ask_erasure", person) or "",
    )


def gates(person: Person) -> list[Gate]:
    """A name is erased when nothing that still runs depends on whose it is."""
    return [
        _gate("accounts", "Accounts are closed", [a.username for a in person.accounts.filter(is_active=True)]),
        _gate(
            "roles",
            "Roles are revoked",
            [f"{grant.get_role_display()} on {grant.unit}" for grant in _roles(person)],
        ),
        _gate("models", "No model in use has this owner or developer", [model.ref for model in _models(person)]),
        _gate("findings", "No open finding is owed", [finding.ref for finding in _findings(person)]),
        _gate("conditions", "No open condition is owed", [f"{each.approval}: {each}" for each in _conditions(person)]),
    ]


def _gate(key: str, title: str, against: Iterable[str]) -> Gate:
    found = list(against)
    state = GateState.MISSING if found else GateState.MET
    return Gate(key, title, state, f"Still there: {', '.join(found)}." if found else "Nothing stands against it.")


def _roles(person: Person) -> QuerySet[RoleGrant]:
    return RoleGrant.objects.in_force().filter(account__person=person).select_related("unit")


def _models(person: Person) -> QuerySet[Model]:
    return Model.objects.filter(Q(owner=person) | Q(developer=person)).exclude(lifecycle=Lifecycle.DECOMMISSIONED)


def _findings(person: Person) -> QuerySet[Finding]:
    return Finding.objects.filter(owner=person, status__in=OPEN_STATES)


def _conditions(person: Person) -> QuerySet[Condition]:
    open_ones = Condition.objects.filter(owner=person, met_on=None, approval__status=ApprovalState.VALID)
    return open_ones.select_related("approval__version__model")


def missing(person: Person) -> list[Gate]:
    """What must be done before the erasure can be signed."""
    return [gate for gate in gates(person) if gate.state == GateState.MISSING]


def states_of(listed: Iterable[Erasure]) -> dict[str, str]:
    """Where each erasure stands, by key: erased, or the state of its request; one query."""
    rows = {str(each.pk): each for each in listed}
    asked = Request.objects.filter(subject_kind=KIND, subject_key__in=rows).order_by("number")
    states = {request.subject_key: request.status for request in asked}
    return {key: "erased" if each.erased_at else states.get(key, "") for key, each in rows.items()}
