"""System checks: no table is forgotten, the database guards what the code declares, and a deployment is anchored."""

import datetime as dt
from typing import Any

from django.core.checks import Error, Tags, register
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from mrm.audit.governed import forgotten, governed_models
from mrm.audit.models import Anchor, Checkpoint
from mrm.audit.operations import CAPTURE_TRIGGER, TRUNCATE_TRIGGER

TRAIL = (
    "audit_event", "audit_change", "audit_pending", "audit_leaf", "audit_subtree", "audit_checkpoint", "audit_logkey",
    "audit_anchor", "audit_ddl",
)  # fmt: skip
EVENT_TRIGGERS = {"mrm_ground_command", "mrm_ground_drop"}
ANCHORED_WITHIN = dt.timedelta(days=1)


@register(Tags.models)
def every_table_is_governed(**kwargs: Any) -> list[Error]:
    return [
        Error(
            f"{label} is neither governed nor excused.",
            hint="Inherit mrm.audit.models.Governed, or name it in mrm.audit.governed.UNGOVERNED with its reason.",
            id="audit.E001",
        )
        for label in forgotten()
    ]


@register(Tags.database)
def every_governed_table_has_its_triggers(databases: Any = None, **kwargs: Any) -> list[Error]:
    return [
        Error(
            f"{table} lacks the trigger {trigger}.",
            hint="Add Govern(...) to the migration that creates the table; a partition or a child needs its own.",
            id="audit.E002",
        )
        for alias in databases or []
        for table, trigger in missing_triggers(alias)
    ]


@register(Tags.security, deploy=True)
def a_deployment_keeps_its_promise(**kwargs: Any) -> list[Error]:
    """What `manage.py check --deploy` asks of the role that the application runs as, and of the anchors."""
    try:
        faults = [*too_powerful(), *unanchored()]
    except DatabaseError as error:
        faults = [
            ("The database does not answer, or is not migrated.", str(error).strip().split("\n")[0], "audit.E010")
        ]
    return [Error(sentence, hint=hint, id=number) for sentence, hint, number in faults]


def too_powerful() -> list[tuple[str, str, str]]:
    """What the role of this connection may do that the application must not."""
    faults = []
    governed = [model._meta.db_table for model in governed_models()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        user, powerful = cursor.fetchone()
        if powerful:
            faults.append(
                (f"{user} is a superuser or bypasses row security.", "Run the application as mrm_app.", "audit.E003")
            )
        cursor.execute(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
            " AND c.relname = ANY(%s) AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1",
            [[*governed, *TRAIL]],
        )
        if owned := [table for (table,) in cursor.fetchall()]:
            told = f"{user} owns, or may act as the owner of, {_named(owned)}."
            faults.append(
                (told, "Whoever owns a table can take its guards off. Only migrations run as mrm_owner.", "audit.E004")
            )
        cursor.execute(
            "SELECT c.relname, string_agg(p.name, ', ' ORDER BY p.name) FROM pg_class AS c,"
            " unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p(name)"
            " WHERE c.relnamespace = 'public'::regnamespace AND (c.relname = ANY(%s) OR"
            " c.relname = ANY(%s) AND p.name IN ('TRUNCATE', 'TRIGGER')) AND has_table_privilege(c.oid, p.name)"
            " GROUP BY c.relname ORDER BY 1",
            [list(TRAIL), governed],
        )
        faults += [
            (
                f"{user} may do {rights} on {table}.",
                "The trail takes events through audit_append alone; see mrm/project/roles.sql.",
                "audit.E005",
            )
            for table, rights in cursor.fetchall()
        ]
    return faults


def unanchored() -> list[tuple[str, str, str]]:
    """Whether nobody outside has seen the log, or not for a day in which it grew."""
    newest = Anchor.objects.select_related("checkpoint").order_by("-at").first()
    if newest is None:
        return [("The log is anchored nowhere: who holds its key and this database could write it anew.",
                 "Name a place for its checkpoints in MRM_LOG_ANCHORS; deploy/production.md says which there are.", "audit.E006")]  # fmt: skip
    grown = Checkpoint.objects.filter(size__gt=newest.checkpoint.size).exists()
    if grown and newest.at < timezone.now() - ANCHORED_WITHIN:
        return [(f"The log grew, but was last anchored on {newest.at:%Y-%m-%d %H:%M} UTC, at size {newest.checkpoint.size}.",
                 "Look at the sequencer's log, and at whether the places of MRM_LOG_ANCHORS answer.", "audit.E007")]  # fmt: skip
    return []


def missing_triggers(alias: str) -> list[tuple[str, str]]:
    """Pairs of governed table, or partition or child of one, and the always-on trigger it lacks in the database."""
    governed = [model._meta.db_table for model in governed_models()]
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE guarded AS (
              SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
               UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN guarded AS g ON g.oid = i.inhparent)
            SELECT c.relname, wanted.name FROM guarded AS g JOIN pg_class AS c ON c.oid = g.oid
             CROSS JOIN unnest(%s::text[]) AS wanted(name)
             WHERE NOT EXISTS (SELECT FROM pg_trigger AS t
                                WHERE t.tgrelid = g.oid AND t.tgname = wanted.name AND t.tgenabled = 'A')
             ORDER BY 1, 2
            """,
            [governed, [CAPTURE_TRIGGER, TRUNCATE_TRIGGER]],
        )
        return list(cursor.fetchall())


def missing_event_triggers() -> list[str]:
    """The event triggers that write down commands on the schema, as far as they are absent or not always on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT evtname FROM pg_event_trigger WHERE evtenabled = 'A'")
        return sorted(EVENT_TRIGGERS - {name for (name,) in cursor.fetchall()})


def _named(tables: list[str]) -> str:
    return ", ".join(tables[:5]) + (f" and {len(tables) - 5} more" if len(tables) > 5 else "")
