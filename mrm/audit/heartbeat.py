"""Every minute: is the ground that the trail stands on still the one that was written down?"""

from django.db import connection

from mrm.audit import ground, services
from mrm.audit.models import Ground


def beat() -> Ground | None:
    """Look at the ground; a change is an event and a finding for each thing that changed. None when nothing did."""
    with connection.cursor() as cursor:
        state = ground.read(cursor)
    last = services.last_ground()
    if last and last.state == state:
        return None
    if last is None:
        return services.ground_laid(state, migrations=[], actor=services.HEARTBEAT)
    return services.ground_changed(state, actor=services.HEARTBEAT)


def lay(migrations: list[str]) -> Ground:
    """After migrations: what they changed is the new ground."""
    with connection.cursor() as cursor:
        state = ground.read(cursor)
    return services.ground_laid(state, migrations=migrations, actor=services.MIGRATION)
