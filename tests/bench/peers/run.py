"""One peer: `run.py prepare` makes its tables, `run.py PROCESSES SECONDS` prints how often it saves in a second.

Runs with the peers' own interpreter; PEER names the peer, PEER_HOST and PEER_DATABASE where its tables are.
"""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import django
from django.conf import settings

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import hammer  # noqa: E402  lies beside this folder

KIND = os.environ["PEER"]
APPS = {
    "django-auditlog": ["auditlog"],
    "django-simple-history": ["simple_history"],
    "django-pghistory": ["pgtrigger", "pghistory"],
}
ROWS = 10  # that each process saves in turn


def main(arguments: list[str]) -> None:
    settings.configure(
        SECRET_KEY="bench",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *APPS[KIND], "people"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": os.environ["PEER_DATABASE"],
                "USER": "postgres",
                "HOST": os.environ["PEER_HOST"],
            }
        },
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    if arguments == ["prepare"]:
        prepare()
    else:
        print(hammer.saves_per_second(begin, int(arguments[0]), float(arguments[1])))


def prepare() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from people.models import Unit

    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    if KIND == "django-pghistory":
        call_command("pgtrigger", "install")
    User.objects.create(username="bench")
    root = Unit.objects.create(key="bank", name="Bank", path="/bank/")
    for number in range(64 * ROWS):
        key = f"bench{number:04d}"
        Unit.objects.create(key=key, name="Name", parent=root, path=f"/bank/{key}/")


def begin(place: int) -> Callable[[], None]:
    """What saves one row in a transaction of its own, with who did it."""
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from people.models import Unit

    connection.close()
    user = User.objects.get()
    units = list(Unit.objects.exclude(parent=None).order_by("key")[place * ROWS : (place + 1) * ROWS])
    known = _context(user)
    count = 0

    def save() -> None:
        nonlocal count
        count += 1
        unit = units[count % ROWS]
        with known(), transaction.atomic():
            unit.name = f"Name {count}"
            if KIND == "django-simple-history":
                unit._history_user = user
            unit.save(update_fields=["name"])

    return save


def _context(user: Any) -> Callable[[], Any]:
    """How the peer is told who does it."""
    if KIND == "django-auditlog":
        from auditlog.context import set_actor

        return lambda: set_actor(user)
    if KIND == "django-pghistory":
        import pghistory

        return lambda: pghistory.context(user=user.pk)
    return nullcontext


if __name__ == "__main__":
    main(sys.argv[1:])
