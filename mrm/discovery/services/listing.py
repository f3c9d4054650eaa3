"""List what a place holds, page by page: note what is new, changed or gone, match it, and open findings."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError, RateLimited
from mrm.connectors.protocol import Cap, Listed
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Refused
from mrm.deployment.models import Target
from mrm.deployment.services import contact, offered_by
from mrm.discovery.models import Glimpse, Listing, Sighting
from mrm.discovery.policies import Guess, How, guess
from mrm.discovery.queries import Candidates
from mrm.discovery.services.findings import open_findings
from mrm.discovery.workflow import SIGHTINGS, SightingState
from mrm.jobs import services as jobs
from mrm.jobs.alone import alone
from mrm.jobs.kinds import Later

CLOCK = System("discovery")
RESUMED_WITHIN = dt.timedelta(hours=1)  # after which a place's cursor is taken to be stale
MOST_PAGES = 10_000
Report = Callable[[str, int, int], None]


@audited("discovery.list", "asked for a listing of {subject}")
def ask_for_listing(target: Target, *, actor: Actor) -> Target:
    """Have the place list what it holds."""
    permit(actor, "discovery.list", target)
    if Cap.INVENTORY not in offered_by(target):
        raise Refused(f"{target} cannot list what it holds; its connector, {target.connector}, has no listing.")
    _request(target, actor)
    return target


def ask_for_listings(*, actor: Actor = CLOCK) -> int:
    """Every place that can list what it holds, once a night; a place whose secret is not set is told as any other fault."""
    asked = 0
    for target in Target.objects.order_by("pk"):
        try:
            able = Cap.INVENTORY in offered_by(target)
        except Refused as fault:
            note_failure(str(target.pk), str(fault))
            continue
        if able:
            _request(target, actor)
            asked += 1
    return asked


def ask_soon(target: Target, *, actor: Actor = CLOCK) -> None:
    """Have the place listed early, unless that is asked for already and waits."""
    if not jobs.waiting("discovery.list", target):
        _request(target, actor)


def list_anew(target_id: str) -> None:
    """By other settings a place may hold other models: it is listed early, where it lists at all."""
    target = Target.objects.get(pk=target_id)
    try:
        able = Cap.INVENTORY in offered_by(target)
    except Refused:  # a secret that is not set is told by the listing of the night
        return
    if able:
        ask_soon(target)


def _request(target: Target, actor: Actor) -> None:
    label = f"List what {target} holds"
    jobs.request("discovery.list", label=label, subject=target, actor=actor, target=str(target.pk))


def note_failure(target_id: str, sentence: str) -> None:
    Listing.objects.update_or_create(target_id=target_id, defaults={"error": sentence, "ended_at": timezone.now()})


def list_place(target_id: str, progress: Report) -> int:
    """The whole listing of a place, by one worker; it goes on where an interrupted one stopped."""
    target = Target.objects.select_related("unit", "environment").get(pk=target_id)
    with alone(f"listing {target.pk}"):
        return _list(target, progress)


def _list(target: Target, progress: Report) -> int:
    listing, candidates = begin(target)
    seen = 0
    try:
        with contact(target) as place:
            for number in range(1, MOST_PAGES + 1):
                page = place.list_models(listing.cursor or None)
                take(listing, candidates, page.items)
                seen += len(page.items)
                progress(f"Listing, {seen} found", number, 0)
                if page.cursor is None:
                    break
                if page.cursor == listing.cursor:
                    raise Refused(f"{target} gives the same page again and again; the listing was given up.")
                listing.cursor = page.cursor
                listing.save(update_fields=["cursor"])
    except RateLimited as limited:
        raise Later(str(limited), limited.retry_after or 30.0) from limited
    except ConnectorError as error:
        listing.cursor, listing.error = "", str(error)
        listing.save(update_fields=["cursor", "error"])
        raise Refused(str(error)) from error
    end(listing)
    return seen


def begin(target: Target) -> tuple[Listing, Candidates]:
    """A listing that begins, or the interrupted one that goes on; and what its models could be."""
    listing, _ = Listing.objects.get_or_create(target=target)
    now = timezone.now()
    going_on = listing.cursor and listing.begun_at and now - listing.begun_at < RESUMED_WITHIN
    if not going_on or listing.settings != target.revision:
        listing.number, listing.cursor, listing.begun_at = listing.number + 1, "", now
        listing.settings = target.revision
    listing.ended_at, listing.error = None, ""
    listing.save()
    return listing, Candidates(target)


def take(listing: Listing, candidates: Candidates, items: Iterable[Listed]) -> None:
    """One page in one transaction: the records that change, and that each was seen."""
    listed = {(item.source[:500], item.name[:200], item.version[:200]): item for item in items}
    with transaction.atomic():
        known = {
            (each.source, each.name, each.label): each
            for each in Sighting.objects.filter(
                target=listing.target, source__in={key[0] for key in listed}
            ).select_related("version")
        }
        guesses = _guesses(candidates, listed)
        changed = [
            sighting
            for key, item in listed.items()
            if (sighting := _changed(listing.target, known.get(key), key, item, guesses.get(key)))
        ]
        if changed:
            _note(listing.target, changed, actor=CLOCK)
        there = known | {(each.source, each.name, each.label): each for each in changed}
        Glimpse.objects.bulk_create(
            [Glimpse(sighting=there[key], number=listing.number, at=timezone.now()) for key in listed],
            update_conflicts=True, unique_fields=["sighting"], update_fields=["number", "at"],
        )  # fmt: skip


def _guesses(candidates: Candidates, listed: dict[tuple[str, str, str], Listed]) -> dict[tuple[str, str, str], Guess]:
    possible = candidates.of(listed.values())
    placed = candidates.placed(item.name for item in listed.values() if item.managed)
    found = {}
    for key, item in listed.items():
        made = guess(item.name, item.version, item.digest, item.source, possible)
        if item.managed and not (made and made.certain) and (own := placed.get((item.name, item.version))):
            made = Guess(own, How.DEPLOYMENT)
        if made:
            found[key] = made
    return found


def _changed(
    target: Target, sighting: Sighting | None, key: tuple[str, str, str], item: Listed, made: Guess | None
) -> Sighting | None:
    """The record as it must be now, or None when nothing about it changed."""
    facts: dict[str, Any] = {
        "digest": item.digest or "", "aliases": list(item.aliases), "serving": item.serving, "managed": item.managed,
        "gone_at": None,
    }  # fmt: skip
    if sighting is None:
        source, name, label = key
        sighting, before = Sighting(target=target, source=source, name=name, label=label, **facts), None
    else:
        before = _state(sighting)
        if sighting.digest != facts["digest"] and sighting.status != SightingState.UNKNOWN:
            _doubt(sighting)
        for field, value in facts.items():
            setattr(sighting, field, value)
    _believe(sighting, made)
    return None if _state(sighting) == before else sighting


def _state(sighting: Sighting) -> tuple[Any, ...]:
    fields = ("digest", "aliases", "serving", "managed", "gone_at", "status", "version_id", "how")
    return tuple(getattr(sighting, field) for field in fields)


def _doubt(sighting: Sighting) -> None:
    """Other bytes under the same name are another model until somebody or the digest says otherwise."""
    SIGHTINGS.move(sighting, "doubt", CLOCK)
    sighting.version, sighting.how, sighting.reason, sighting.settled_by, sighting.settled_at = None, "", "", None, None


def _believe(sighting: Sighting, made: Guess | None) -> None:
    """What the evidence says; what a person said stands until the bytes say otherwise."""
    if made and made.certain:
        if sighting.status != SightingState.MATCHED:
            SIGHTINGS.move(sighting, "recognise", CLOCK)
        elif sighting.how == How.PERSON and made.how != How.DIGEST:
            return
        sighting.version_id, sighting.how = made.key, made.how
    elif sighting.status in {SightingState.UNKNOWN, SightingState.PROPOSED}:
        if made and sighting.status == SightingState.UNKNOWN:
            SIGHTINGS.move(sighting, "propose", CLOCK)
        elif not made and sighting.status == SightingState.PROPOSED:
            SIGHTINGS.move(sighting, "doubt", CLOCK)
        sighting.version_id, sighting.how = (made.key, made.how) if made else (None, "")


@audited("discovery.note", "saw {number} new or changed model versions at {subject}")
def _note(target: Target, changed: list[Sighting], *, actor: Actor) -> Target:
    for sighting in changed:
        sighting.save()
    describe(number=len(changed))
    return target


def end(listing: Listing) -> None:
    """What the listing no longer showed is gone; what serves and should not is found."""
    gone = Sighting.objects.filter(target=listing.target, gone_at=None).exclude(glimpse__number=listing.number)
    with transaction.atomic():
        if rows := list(gone.order_by("pk")):
            _note_gone(listing.target, rows, actor=CLOCK)
        open_findings(listing.target, actor=CLOCK)
        listing.cursor, listing.ended_at = "", timezone.now()
        listing.save()


@audited("discovery.note_gone", "no longer saw {number} model versions at {subject}")
def _note_gone(target: Target, rows: list[Sighting], *, actor: Actor) -> Target:
    for sighting in rows:
        sighting.gone_at, sighting.serving = timezone.now(), False
        sighting.save(update_fields=["gone_at", "serving"])
    describe(number=len(rows))
    return target
