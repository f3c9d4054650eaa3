"""Open an access review, decide on what is in it, and attest that it is done."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from mrm.access import services as access
from mrm.access.models import EXCEPTIONS, Account, BusinessUnit, Person
from mrm.access.queries import account_of
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System, permit
from mrm.core.canonical import canonical, digest, timestamp
from mrm.core.refusal import Invalid, Refused
from mrm.entitlement import policies, queries
from mrm.entitlement.models import Item, Review
from mrm.entitlement.workflow import ITEM, Outcome, ReviewState

CLOCK = System("access review")
SALT = "mrm.entitlement.statement"
FRESH = 300  # seconds between reading the statement and signing it
MEANING = (
    "I attest that every role and exception in the scope of this review was confirmed or revoked by the person who is to"
    " decide on it, or ended without a decision as the record of each says; that nobody decided on his own; and that what"
    " was revoked is no longer held."
)
ATTESTED = (
    "status", "completed_at", "completed_by", "printed_name", "statement", "statement_digest", "method", "evidence",
)  # fmt: skip
LATE, MEANWHILE = "Not reviewed by the due day.", "Ended before it was reviewed."


@audited("entitlement.open_review", "opened the access review {subject}")
def open_review(
    *, title: str, unit: BusinessUnit, due: dt.date, revoke_overdue: bool, substitute: Person | None, actor: Account
) -> Review:
    """Take everything in force on a unit and below it into a review; its digest stands on the review."""
    permit(actor, "entitlement.open_review", unit)
    if fault := policies.due_day(due, timezone.localdate()):
        raise Invalid(fault, fields={"due": [fault]})
    if substitute and (fault := policies.substitute(queries.may_stand_in(substitute))):
        raise Invalid(fault, fields={"substitute": [fault]})
    if running := Review.objects.filter(unit=unit, status=ReviewState.OPEN).first():
        raise Refused(f"{running} is open for {unit.name} already.")
    items = queries.access_in_force(unit)
    if not items:
        raise Refused(f"Nobody holds access on {unit.name} or below it; there is nothing to review.")
    review = Review.objects.create(
        title=title, unit=unit, due=due, revoke_overdue=revoke_overdue, substitute=substitute, opened_by=actor,
        snapshot_digest=queries.snapshot_digest(items),
    )  # fmt: skip
    for item in items:
        item.review = review
    Item.objects.bulk_create(items, batch_size=500)
    describe(unit=unit.name, due=due.isoformat(), items=len(items), snapshot_digest=review.snapshot_digest)
    return review


@audited("entitlement.name_substitute", "named who stands in for {subject}")
def name_substitute(review: Review, *, substitute: Person, actor: Account) -> Review:
    """Name who decides where nobody else may, so that no review is stuck."""
    permit(actor, "entitlement.open_review", review)
    review = _open(review)
    if fault := policies.substitute(queries.may_stand_in(substitute)):
        raise Invalid(fault, fields={"substitute": [fault]})
    review.substitute = substitute
    review.save(update_fields=["substitute"])
    return review


@audited("entitlement.confirm_access", "confirmed {count} in {subject}")
def confirm(review: Review, *, keys: Sequence[int], reason: str, actor: Account) -> Review:
    """Confirm one or many items: the access is still needed. What ended meanwhile lapses instead."""
    review = _open(review)
    _check_reason(reason)
    who, found = queries.reviewers(), list(_locked(review, keys))
    if not found or len(found) != len(set(keys)):
        raise Invalid("Choose what you confirm; it must be in this review.", fields={"items": ["Choose at least one."]})
    for item in found:
        _check_mine(item, actor, who)
    held = queries.still_held(found)
    for item in found:
        if item.pk in held:
            _decide(item, "confirm_access", reason, actor)
        else:
            _decide(item, "let_lapse", MEANWHILE, None)
    describe(count=sum(item.outcome == Outcome.CONFIRMED for item in found), items=[item.pk for item in found])
    return review


@audited("entitlement.revoke_access", "revoked {what} in {review}")
def revoke(item: Item, *, reason: str, actor: Account) -> Item:
    """Revoke one item: the grant or exception ends at once."""
    review = _open(item.review)
    _check_reason(reason)
    (item,) = _locked(review, [item.pk])
    _check_mine(item, actor, queries.reviewers())
    _revoke(item, reason, actor)
    return item


@audited("entitlement.revoke_overdue", "revoked {what} in {review}")
def revoke_overdue(item: Item, *, actor: Actor) -> Item:
    """What nobody reviewed by the due day ends, where the review says so."""
    permit(actor, "entitlement.revoke_overdue", item)
    review = _open(item.review)
    (item,) = _locked(review, [item.pk])
    if not (review.revoke_overdue and review.is_overdue):
        raise Refused(f"{review.ref} does not revoke this by itself now.")
    _revoke(item, LATE, None)
    return item


def compose(review: Review, *, actor: Account) -> tuple[dict[str, Any], str]:
    """The statement that completes a review, to be read and signed, and the sealed token that brings it back."""
    permit(actor, "entitlement.complete_review", review)
    items = list(queries.items_of(review))
    if reasons := queries.against_completion(review, items):
        raise Refused(*reasons)
    done = queries.progress(review, items)
    facts = {
        "review": review.ref,
        "title": review.title,
        "scope": review.unit.path,
        "due": review.due.isoformat(),
        "opened_at": timestamp(review.opened_at),
        "items": done.total,
        "confirmed": done.confirmed,
        "revoked": done.revoked,
        "ended_meanwhile": done.lapsed,
        "snapshot_digest": review.snapshot_digest,
        "decisions_digest": queries.decisions_digest(items),
        "meaning": MEANING,
    }
    return access.composed(facts, actor=actor, salt=SALT)


def attest(
    review: Review,
    *,
    token: str,
    actor: Account,
    password: str = "",
    code: str = "",
    answer: Mapping[str, Any] | None = None,
) -> Review:
    """Confirm who signs, as for any signature, then complete the review under exactly the statement that was shown."""
    statement, confirmed = access.signed(
        token, salt=SALT, seconds=FRESH, where="review", actor=actor, password=password, code=code, answer=answer
    )
    return complete(review, statement=statement, confirmed=confirmed, actor=actor)


@audited(
    "entitlement.complete_review", "attested the access review {subject}: {confirmed} confirmed, {revoked} revoked"
)
def complete(review: Review, *, statement: dict[str, Any], confirmed: access.Confirmed, actor: Account) -> Review:
    """Close the review; what is attested is what is there."""
    permit(actor, "entitlement.complete_review", review)
    review = _open(review)
    items = list(queries.items_of(review))
    if reasons := queries.against_completion(review, items):
        raise Refused(*reasons)
    if statement["review"] != review.ref or statement["person"] != str(actor.person_id):
        raise Refused("This statement was made for another review or another person.")
    if statement["decisions_digest"] != queries.decisions_digest(items):
        raise Refused("Something was decided since the statement was shown; read it again and sign.")
    review.status, review.completed_at, review.completed_by = ReviewState.COMPLETED, timezone.now(), actor
    review.printed_name = statement["name"]
    review.statement, review.statement_digest = canonical(statement).decode(), digest(statement)
    review.method, review.evidence = confirmed.method, confirmed.evidence
    review.save(update_fields=ATTESTED)
    told = ("items", "confirmed", "revoked", "ended_meanwhile", "snapshot_digest", "decisions_digest", "meaning")
    describe(statement_digest=review.statement_digest, method=review.method, **{name: statement[name] for name in told})
    return review


@audited("entitlement.let_lapse", "found that {count} in {subject} had ended meanwhile")
def let_lapse(review: Review, *, actor: Actor) -> Review:
    """Items whose grant or exception ended elsewhere need nobody's decision."""
    permit(actor, "entitlement.let_lapse", review)
    review = _open(review)
    waiting = _locked(review, None)
    held = queries.still_held(waiting)
    ended = [item for item in waiting if item.pk not in held]
    if not ended:
        raise Refused(f"Nothing in {review.ref} ended meanwhile.")
    for item in ended:
        _decide(item, "let_lapse", MEANWHILE, None)
    describe(count=len(ended))
    return review


def watch(*, actor: Actor = CLOCK) -> int:
    """Let lapse what ended meanwhile, and revoke what is overdue where a review says so. It may run more than once."""
    done = 0
    for review in Review.objects.filter(status=ReviewState.OPEN):
        pending = queries.items_of(review).filter(outcome=Outcome.PENDING)
        if len(queries.still_held(list(pending))) < len(pending):
            let_lapse(review, actor=actor)
        if review.revoke_overdue and review.is_overdue:
            for item in pending.all():
                revoke_overdue(item, actor=actor)
                done += 1
    return done


def _open(review: Review) -> Review:
    review = Review.objects.select_for_update(of=("self",)).select_related("unit", "substitute").get(pk=review.pk)
    if not review.is_open:
        raise Refused(f"{review.ref} is completed; nothing in it is decided any more.")
    return review


def _locked(review: Review, keys: Sequence[int] | None) -> Sequence[Item]:
    """The items that still wait, held until the action ends."""
    found = queries.items_of(review).select_for_update(of=("self",))
    if keys is None:
        return list(found.filter(outcome=Outcome.PENDING))
    rows = list(found.filter(pk__in=keys))
    if decided := next((item for item in rows if not item.is_pending), None):
        raise Refused(f"{decided.what} is decided already: {decided.get_outcome_display().lower()}.")
    return rows


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("A decision on access needs its reason.", fields={"reason": ["Needed."]})


def _check_mine(item: Item, actor: Account, who: queries.Reviewers) -> None:
    if reason := queries.why_not_decide(item, actor, who):
        raise Refused(f"{item.what}: {reason[:1].lower()}{reason[1:]}")


def _revoke(item: Item, reason: str, by: Account | None) -> None:
    """Take the access away through its own services, then write down that it was."""
    describe(what=item.what, review=item.review.ref)
    if item.pk not in queries.still_held([item]):
        _decide(item, "let_lapse", MEANWHILE, None)
    elif item.grant_id:
        assert item.grant is not None
        access.take_back(item.grant, by=by)
        _decide(item, "revoke_access", reason, by)
    else:
        access.close_record(EXCEPTIONS[item.kind].objects.select_related("user").get(pk=item.key))
        _decide(item, "revoke_access", reason, by)


def _decide(item: Item, move: str, reason: str, by: Actor | None) -> None:
    item.outcome = ITEM.moves[move].target
    item.reason, item.decided_at = reason.strip(), timezone.now()
    item.decided_by = account_of(by) if by else None
    item.save(update_fields=["outcome", "reason", "decided_at", "decided_by"])
