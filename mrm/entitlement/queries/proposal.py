"""Proposals of roles that sign: where each stands, and who may sign it."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from mrm.access import queries as access
from mrm.access.models import Account, BusinessUnit, Person, RoleGrant
from mrm.access.queries import Door, Panel, unit_ids_for
from mrm.access.roles import Role
from mrm.entitlement.models import Proposal
from mrm.signoff import queries as signoff
from mrm.signoff.models import Gate, GateState, Request, RequestState

KIND = "role_grant"
ACTION = "grant_approver_role"


@dataclass(frozen=True)
class Standing:
    """A proposal with its request, as a page shows it; `state` is a request's, or cooling, granted, ended or lapsed."""

    proposal: Proposal
    request: Request | None
    state: str
    words: str
    signers: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state in {RequestState.OPEN, "cooling"}


def proposals() -> QuerySet[Proposal]:
    return Proposal.objects.select_related("account__person__unit", "unit", "proposed_by__person")


def proposals_visible_to(account: Account) -> QuerySet[Proposal]:
    """Those about people whose roles the account may inspect, and those on units whose requests it reads."""
    return proposals().filter(unit__in=unit_ids_for(account, "view"))


def request_of(proposal: Proposal) -> Request | None:
    """The request that asked the signers."""
    asked = Request.objects.filter(subject_kind=KIND, subject_key=str(proposal.pk), action=ACTION)
    return asked.select_related("policy", "unit", "submitted_by__person").order_by("-number").first()


def waiting_proposal(account: Account, role: str, unit: BusinessUnit) -> Proposal | None:
    """The same proposal, when it waits for its signatures already."""
    keys = Request.objects.filter(subject_kind=KIND, status=RequestState.OPEN).values_list("subject_key", flat=True)
    return proposals().filter(account=account, role=role, unit=unit, pk__in=list(keys)).first()


def policy_admins() -> set[str]:
    """The people who keep the policies: by whose rules this is signed, and who therefore do not sign it."""
    held = access.grants_in_force().filter(role=Role.POLICY_ADMIN)
    return {str(key) for key in held.values_list("account__person_id", flat=True)}


def gates(proposal: Proposal) -> list[Gate]:
    """What must hold for the grant, at every signature and once more when it takes effect."""
    against = access.against_holding(proposal.account, proposal.role, proposal.unit)
    past = proposal.until is not None and proposal.until <= timezone.now()
    return [
        _gate("holdable", "The person can hold the role", " ".join(against)),
        _gate("ahead", "The last day lies ahead", "It has passed: propose the role anew." if past else ""),
    ]


def _gate(key: str, title: str, against: str) -> Gate:
    return Gate(key, title, GateState.MISSING if against else GateState.MET, against or "Nothing stands against it.")


def standing(proposal: Proposal) -> Standing:
    (found,) = standings([proposal])
    return found


def standings(listed: Iterable[Proposal]) -> list[Standing]:
    """Where each proposal stands; who may sign is asked for those that wait."""
    rows = list(listed)
    keys = [str(each.pk) for each in rows]
    requests = {
        each.subject_key: each
        for each in Request.objects.filter(subject_kind=KIND, subject_key__in=keys)
        .select_related("policy", "unit", "submitted_by__person")
        .order_by("number")
    }
    grants = {grant.pk: grant for grant in RoleGrant.objects.filter(pk__in=[each.pk for each in rows])}
    return [_standing(each, requests.get(str(each.pk)), grants.get(each.pk)) for each in rows]


def _standing(proposal: Proposal, request: Request | None, grant: RoleGrant | None) -> Standing:
    if grant is not None:
        ended = grant.revoked_at is not None or (grant.until is not None and grant.until <= timezone.now())
        return Standing(proposal, request, "ended" if ended else "granted", "")
    if proposal.lapsed:
        return Standing(proposal, request, "lapsed", proposal.lapsed)
    if request is None or request.status != RequestState.OPEN:
        return Standing(proposal, request, request.status if request else "", "")
    reading = signoff.Reading(request)
    now = reading.verdict
    if now.state == "cooling":
        return Standing(proposal, request, "cooling", now.reason)
    may = tuple(each.account.person.name for each in signoff.candidates(reading) if each.reason is None)
    return Standing(proposal, request, request.status, now.reason, tuple(dict.fromkeys(may)))


def proposal_door(person: Person, account: Account) -> Door:
    """Where the person's page leads: to proposing a role that signs."""
    own = "You may not propose a role for yourself." if person.pk == account.person_id else ""
    none = "" if person.accounts.filter(is_active=True, kind="personal").exists() else "No personal account is open."
    closed = account.lacks("entitlement.propose", None) or own or none
    return Door("Propose a role that signs", reverse("entitlement:propose", args=[person.pk]), closed)


def proposal_panel(person: Person, account: Account) -> Panel:
    """The proposals about a person, the newest first."""
    found = proposals().filter(account__person=person)[:20]
    return Panel("entitlement/_proposals.html", {"rows": standings(found)})


def proposal_notes(people: Iterable[Person]) -> dict[UUID, list[str]]:
    """For the list of people: what is proposed and waits."""
    waiting = Request.objects.filter(subject_kind=KIND, status=RequestState.OPEN).values_list("subject_key", flat=True)
    found = proposals().filter(pk__in=list(waiting), account__person__in=[person.pk for person in people])
    notes: dict[UUID, list[str]] = {}
    for each in found:
        line = f"Proposed: {each.get_role_display().lower()}, {each.unit.name}"
        notes.setdefault(each.account.person_id, []).append(line)
    return notes
