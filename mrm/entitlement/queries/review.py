"""Access reviews: what is in their scope, who decides on which item, and how far they are."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from mrm.access import queries as access
from mrm.access.models import EXCEPTIONS, Account, AccountKind, BusinessUnit, Person, RoleGrant
from mrm.access.queries import unit_ids_for
from mrm.access.roles import Role, roles_with
from mrm.core.canonical import digest
from mrm.entitlement import policies
from mrm.entitlement.models import Item, Review
from mrm.entitlement.workflow import Outcome, ReviewState

PERMISSION = "entitlement.review"


@dataclass(frozen=True)
class Reviewers:
    """Who leads which unit now, for the question who decides on an item."""

    leads: Mapping[str, frozenset[str]]  # path of a unit to the people who lead it
    names: Mapping[str, str] = field(default_factory=dict)

    def of(self, item: Item) -> frozenset[str]:
        """The leads of the item's unit; where that is the person concerned alone, of the unit above; or the substitute."""
        concerned, path = str(item.account.person_id), item.unit.path
        while path:
            if found := self.leads.get(path, frozenset()) - {concerned}:
                return found
            path = path.rstrip("/").rpartition("/")[0] + "/" if path.strip("/") else ""
        substitute = str(item.review.substitute_id or "")
        return frozenset({substitute} - {"", concerned})

    def names_of(self, item: Item) -> list[str]:
        substitute = item.review.substitute
        named = {**self.names, **({str(substitute.pk): substitute.name} if substitute else {})}
        return sorted(named[person] for person in self.of(item))


@dataclass(frozen=True)
class Progress:
    """How many items of a review, or of one reviewer's part, stand where."""

    name: str
    pending: int
    confirmed: int
    revoked: int
    lapsed: int

    @property
    def total(self) -> int:
        return self.pending + self.confirmed + self.revoked + self.lapsed

    @property
    def decided(self) -> int:
        return self.total - self.pending


def reviews() -> QuerySet[Review]:
    related = ("unit", "substitute", "opened_by__person", "completed_by__person")
    counted = Review.objects.select_related(*related).annotate(
        count=Count("items"), pending=Count("items", filter=Q(items__outcome=Outcome.PENDING))
    )
    return counted.order_by("-opened_at", "pk")


def reviews_visible_to(account: Account) -> QuerySet[Review]:
    """Reviews of units whose people the account looks after or audits."""
    return reviews().filter(unit__in=unit_ids_for(account, "audit.view"))


def items() -> QuerySet[Item]:
    related = ("review__substitute", "review__unit", "account__person", "unit", "grant", "decided_by__person")
    return Item.objects.select_related(*related)


def items_of(review: Review) -> QuerySet[Item]:
    return items().filter(review=review)


def access_in_force(unit: BusinessUnit) -> list[Item]:
    """Every grant and exception in force on a unit and below it, as items that are not saved yet."""
    grants = access.grants_in_force().filter(unit__path__startswith=unit.path).order_by("pk")
    found = [Item(account=grant.account, unit=grant.unit, grant=grant, content=_grant(grant)) for grant in grants]
    for kind in EXCEPTIONS:
        rows = access.exceptions(kind).filter(
            until__gt=timezone.now(), content_object__unit__path__startswith=unit.path
        )
        found += [
            Item(account=row.user, unit=row.unit, kind=kind, key=row.pk, content=_exception(kind, row))
            for row in rows.order_by("pk")
        ]
    return found


def _grant(grant: RoleGrant) -> dict[str, str]:
    return {
        "type": "role",
        "key": str(grant.pk),
        "person": str(grant.account.person_id),
        "account": str(grant.account_id),
        "role": grant.role,
        "unit": grant.unit.path,
        "what": f"{grant.get_role_display()} on {grant.unit.name}",
        "since": grant.since.isoformat(),
        "until": grant.until.isoformat() if grant.until else "",
    }


def _exception(kind: str, row: Any) -> dict[str, str]:
    return {
        "type": f"exception:{kind}",
        "key": str(row.pk),
        "person": str(row.user.person_id),
        "account": str(row.user_id),
        "record": str(row.content_object_id),
        "unit": row.unit.path,
        "what": f"Reads {getattr(row.content_object, 'ref', row.content_object)}, {row.content_object}",
        "until": row.until.isoformat(),
    }


def snapshot_digest(items: Iterable[Item]) -> str:
    """The digest of all that was under review, whatever the order it was read in."""
    return digest(sorted((item.content for item in items), key=lambda content: (content["type"], content["key"])))


def decisions_digest(items: Iterable[Item]) -> str:
    """The digest of what was decided about each, by whom, when and why."""
    told = [
        {
            "type": item.content["type"],
            "key": item.content["key"],
            "outcome": item.outcome,
            "reason": item.reason,
            "by": str(item.decided_by.person_id) if item.decided_by else "",
            "at": item.decided_at.isoformat() if item.decided_at else "",
        }
        for item in items
    ]
    return digest(sorted(told, key=lambda each: (each["type"], each["key"])))


def still_held(items: Sequence[Item]) -> frozenset[int]:
    """The keys of those items whose grant or exception is in force now: one query for grants, one for each kind."""
    grants = RoleGrant.objects.in_force().filter(pk__in=[item.grant_id for item in items if item.grant_id])
    held = set(grants.values_list("pk", flat=True))
    open_keys = {
        (kind, key)
        for kind, rows in EXCEPTIONS.items()
        for key in rows.objects.filter(
            pk__in=[item.key for item in items if item.kind == kind], until__gt=timezone.now()
        ).values_list("pk", flat=True)
    }
    return frozenset(item.pk for item in items if item.grant_id in held or (item.kind, item.key) in open_keys)


def reviewers() -> Reviewers:
    """Who leads which unit at this moment."""
    held = access.grants_in_force().filter(
        role=Role.BU_LEAD, account__is_active=True, account__kind=AccountKind.PERSONAL
    )
    leads: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for grant in held:
        person = str(grant.account.person_id)
        leads.setdefault(grant.unit.path, set()).add(person)
        names[person] = grant.account.person.name
    return Reviewers({path: frozenset(people) for path, people in leads.items()}, names)


def why_not_decide(item: Item, account: Account, who: Reviewers | None = None) -> str | None:
    """Why the account does not decide on the item, or None."""
    if reason := account.lacks(PERMISSION, None):
        return reason
    return policies.reviews(str(account.person_id), str(item.account.person_id), (who or reviewers()).of(item))


def may_stand_in(person: Person) -> bool:
    return bool(access.roles_of_person(person) & roles_with(PERMISSION))


def own_items(review: Review, account: Account) -> list[Item]:
    """The items that the account decides on now, and those that it decided."""
    who = reviewers()
    return [
        item
        for item in items_of(review)
        if (item.decided_by_id == account.pk if not item.is_pending else why_not_decide(item, account, who) is None)
    ]


def waiting_reviews(account: Account) -> list[tuple[Review, int]]:
    """Open reviews with the number of items that wait for the account, the first due first."""
    if not account.may(PERMISSION):
        return []
    who = reviewers()
    found = []
    for review in reviews().filter(status=ReviewState.OPEN).order_by("due", "pk"):
        pending = items_of(review).filter(outcome=Outcome.PENDING)
        count = sum(why_not_decide(item, account, who) is None for item in pending)
        if count:
            found.append((review, count))
    return found


def open_to(review: Review, account: Account) -> bool:
    """Whether the account has a part in the review."""
    return bool(own_items(review, account))


def progress(review: Review, items: Sequence[Item]) -> Progress:
    return _progress(review.title, items)


def parts(items: Sequence[Item]) -> list[Progress]:
    """The same for each who decides or decided; what nobody can decide stands under no name."""
    who = reviewers()
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.is_pending:
            name = " or ".join(who.names_of(item))
        else:
            name = item.decided_by.name if item.decided_by else "The system"
        found.setdefault(name, []).append(item)
    return [_progress(name, own) for name, own in sorted(found.items())]


def _progress(name: str, items: Sequence[Item]) -> Progress:
    counts = Counter(item.outcome for item in items)
    return Progress(
        name, *(counts[state] for state in (Outcome.PENDING, Outcome.CONFIRMED, Outcome.REVOKED, Outcome.LAPSED))
    )


def against_completion(review: Review, items: Sequence[Item]) -> list[str]:
    """Every reason why the review cannot be completed now."""
    if not review.is_open:
        return [f"{review.ref} is completed."]
    pending = sum(item.is_pending for item in items)
    reasons = []
    if pending:
        reasons.append(f"{pending} of {len(items)} are not reviewed yet.")
    if snapshot_digest(items) != review.snapshot_digest:
        reasons.append("What is under review is not what it was when the review was opened.")
    return reasons
