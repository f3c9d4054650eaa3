"""System checks: no table is forgotten, and the database guards what the code declares."""

from typing import Any

from django.core.checks import Error, Tags, register
from django.db import connections

from mrm.audit.governed import forgotten, governed_models
from mrm.audit.operations import CAPTURE_TRIGGER, TRUNCATE_TRIGGER


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
            hint="Add Govern(...) to the migration that creates the table.",
            id="audit.E002",
        )
        for alias in databases or []
        for table, trigger in missing_triggers(alias)
    ]


def missing_triggers(alias: str) -> list[tuple[str, str]]:
    """Pairs of governed table and the always-on trigger it lacks in the database."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgname = ANY(%s) AND t.tgenabled = 'A'",
            [[CAPTURE_TRIGGER, TRUNCATE_TRIGGER]],
        )
        present = set(cursor.fetchall())
    existing = set(connections[alias].introspection.table_names())
    wanted = {
        (model._meta.db_table, trigger)
        for model in governed_models()
        if model._meta.db_table in existing
        for trigger in (CAPTURE_TRIGGER, TRUNCATE_TRIGGER)
    }
    return sorted(wanted - present)
