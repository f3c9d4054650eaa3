from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from mrm.audit import heartbeat
from mrm.audit.models import Ground


class Command(Migrate):
    help = f"{Migrate.help} What guards the trail is looked at before, and written down anew after."

    def handle(self, *args: Any, **options: Any) -> None:
        with heartbeat.migrating():
            self._migrate(*args, **options)

    def _migrate(self, *args: Any, **options: Any) -> None:
        before = _applied()
        # a change that somebody made by hand is told before the migrations hide it
        if before and _is_kept():
            heartbeat.look()
        super().handle(*args, **options)
        applied = _applied()
        changed = [f"{app}.{name}" for app, name in sorted(applied ^ before)]
        if changed and _is_kept():
            heartbeat.lay(changed)


def _applied() -> set[tuple[str, str]]:
    return set(MigrationRecorder(connection).applied_migrations())


def _is_kept() -> bool:
    """Whether this database has the table that the ground is written down in, and all its guards."""
    if Ground._meta.db_table not in connection.introspection.table_names():
        return False
    return ("audit", "0004_integrity") in _applied()
