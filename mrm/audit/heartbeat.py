"""Every minute: is the ground that the trail stands on still the one that was written down?"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from mrm.audit import ground, services
from mrm.audit.carry import altered, carried
from mrm.audit.models import Ground
from mrm.audit.replay import snapshot

MIGRATING = 0x6D726D67  # held while migrations run: what they change is not told before it is written down


def beat() -> Ground | None:
    """Look at the ground; a change is an event and a finding for each thing that changed. None when nothing did."""
    if _migrating():
        return None
    return look()


def look() -> Ground | None:
    """The same, whatever else goes on."""
    state = _state()
    last = services.last_ground()
    if last and last.state == state:
        return None
    if last is None:
        return services.ground_laid(state, migrations=[], actor=services.HEARTBEAT)
    return services.ground_changed(state, actor=services.HEARTBEAT)


def lay(migrations: list[str]) -> Ground:
    """After migrations: carry the rows over that they altered, and write down what they left as the new ground."""
    state = _state()
    if last := services.last_ground():
        for table, (known, now) in altered(last.state, state).items():
            with snapshot() as raw:
                for rows in carried(raw, table, known, now):
                    services.carry(last, table=table, rows=rows, actor=services.MIGRATION)
    return services.ground_laid(state, migrations=migrations, actor=services.MIGRATION)


@contextmanager
def migrating() -> Iterator[None]:
    """No heartbeat while migrations run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])


def _migrating() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND classid = 0 AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [MIGRATING],
        )
        return bool(cursor.fetchone()[0])


def _state() -> dict[str, str]:
    with connection.cursor() as cursor:
        return ground.read(cursor)
