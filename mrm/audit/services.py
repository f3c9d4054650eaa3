"""Keep what was compared, open what differs, explain it; and keep the ground that the trail stands on."""

import json
import uuid
from collections.abc import Iterable, Sequence

from django.db import connection
from django.utils import timezone

from mrm.audit.carry import Carried
from mrm.audit.models import FindingKind, Ground, IntegrityFinding, Replay
from mrm.audit.replay import Difference, Result
from mrm.audit.trail import audited, describe
from mrm.audit.workflow import FLOW
from mrm.core.actors import Actor, System
from mrm.core.canonical import digest
from mrm.core.refusal import Invalid

INTEGRITY = System("integrity")
HEARTBEAT = System("heartbeat")
MIGRATION = System("migration")
TOLD, CUT = 50, 300  # changes of the ground that their event names, and how much of each
GROUND_LOCK = 0x6D7267  # two that look at the ground at once write it down once


@audited("audit.replay", "compared {rows} rows with the log: {differences} differences")
def keep(result: Result, *, actor: Actor) -> Replay:
    """Put a comparison on record, open what is new in it, and mark what is no longer found."""
    replay = Replay.objects.create(
        seconds=round(result.seconds), events=result.events, changes=result.changes, rows=result.rows,
        tables=result.tables, differences=len(result.differences), complete=result.complete,
    )  # fmt: skip
    opened = open_new(result.differences, actor=actor)
    if result.complete:
        _mark_gone({difference.fingerprint for difference in result.differences})
    describe(rows=result.rows, differences=len(result.differences), opened=len(opened), complete=result.complete)
    return replay


def open_new(differences: Iterable[Difference], *, actor: Actor) -> list[IntegrityFinding]:
    """Open a finding for each difference that is not on record already."""
    wanted = {difference.fingerprint: difference for difference in differences}
    known = IntegrityFinding.objects.filter(fingerprint__in=list(wanted), gone_at=None)
    for fingerprint in known.values_list("fingerprint", flat=True):
        del wanted[fingerprint]
    return [open_finding(difference, actor=actor) for difference in wanted.values()]


@audited("audit.open_finding", "found that {subject} is not as the log says")
def open_finding(difference: Difference, *, actor: Actor) -> IntegrityFinding:
    return IntegrityFinding.objects.create(
        kind=difference.kind, table=difference.table[:80], row=difference.row[:120], field=difference.field[:200],
        expected=difference.expected, found=difference.found, last_event=_event(difference.event),
        fingerprint=difference.fingerprint,
    )  # fmt: skip


@audited("audit.explain_finding", "explained why {subject} was not as the log says")
def explain(finding: IntegrityFinding, *, reason: str, actor: Actor) -> IntegrityFinding:
    """Say why the difference is there; the finding stays, with what was said."""
    finding = IntegrityFinding.objects.select_for_update().get(pk=finding.pk)
    FLOW.apply(finding, "explain_finding", actor)
    if len(reason.strip()) < 10:
        raise Invalid("Say in a sentence why the difference is there.", fields={"reason": ["A sentence, please."]})
    finding.explanation, finding.explained_at = reason.strip(), timezone.now()
    finding.explained_by, finding.explained_person = actor.identity.name, actor.identity.person or ""
    finding.save(update_fields=["status", "explanation", "explained_by", "explained_person", "explained_at"])
    return finding


def _mark_gone(still: set[str]) -> None:
    """What the same comparison no longer finds may be opened anew when it comes back."""
    before = IntegrityFinding.objects.filter(gone_at=None).exclude(kind=FindingKind.GROUND)
    gone = [pk for pk, fingerprint in before.values_list("pk", "fingerprint") if fingerprint not in still]
    IntegrityFinding.objects.filter(pk__in=gone).update(gone_at=timezone.now())


def _event(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def last_ground() -> Ground | None:
    return Ground.objects.order_by("-id").first()


@audited("audit.ground_changed", "found that what guards the trail was changed: {names}")
def ground_changed(state: dict[str, str], *, actor: Actor) -> Ground:
    """Write down the new ground; each thing that changed without a migration becomes a finding."""
    ground, changed = _written(state, [])
    for name, (before, after) in changed.items():
        difference = Difference(FindingKind.GROUND, before, after, field=name, occasion=str(ground.pk))
        open_finding(difference, actor=INTEGRITY)
    return ground


@audited("audit.migrate", "changed what guards the trail by migrations: {migrations}")
def ground_laid(state: dict[str, str], *, migrations: list[str], actor: Actor) -> Ground:
    """Write down the ground as migrations left it."""
    ground, _ = _written(state, migrations)
    describe(migrations=", ".join(migrations) or "none")
    return ground


def _written(state: dict[str, str], migrations: list[str]) -> tuple[Ground, dict[str, tuple[str, str]]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GROUND_LOCK])
    last = last_ground()
    known: dict[str, str] = last.state if last else {}
    changed = differing(known, state) if last else {}
    if last and not changed:
        # somebody wrote the same down while we waited
        ground = last
    else:
        ground = Ground.objects.create(state=state, digest=digest(state), migrations=migrations)
    # the whole is in the row and in the findings; the event itself must stay within its size
    first = list(changed.items())[:TOLD]
    describe(
        names=", ".join(name[:CUT] for name, _ in first[:5]) + (", …" if len(changed) > 5 else ""),
        changes={name[:CUT]: {"before": before[:CUT], "after": after[:CUT]} for name, (before, after) in first},
    )
    return ground, changed


def differing(known: dict[str, str], state: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What is not the same, by name: what was there before and what is there now; empty where nothing was."""
    names = sorted({*known, *state})
    return {
        name: (known.get(name, ""), state.get(name, "")) for name in names if known.get(name, "") != state.get(name, "")
    }


@audited("audit.carry", "carried {rows} rows of {table} over migrations")
def carry(ground: Ground, *, table: str, rows: Sequence[Carried], actor: Actor) -> Ground:
    """Tell the log how migrations left the rows of a table; only the owner of the trail may write this."""
    changes = [
        (table, row, op, json.dumps(before) if before else None, json.dumps(after) if after else None)
        for row, known, now in rows
        for op, before, after in (("delete", known, None), ("insert", None, now))
        if before or after
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO audit_change (event_id, "table", "row", op, before, after)'
            " VALUES (current_setting('mrm.audit_event')::uuid, %s, %s, %s, %s, %s)",
            changes,
        )
    describe(table=table, rows=len(rows))
    return ground
