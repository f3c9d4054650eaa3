import ctypes.util
import os
import shutil
import subprocess
import time
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from mrm.access.queries import unit_named
from mrm.audit.checks import missing_event_triggers, missing_triggers, too_powerful
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.measures.modelscan import installed
from mrm.project.celery import app


class Command(BaseCommand):
    help = "Check what the installation stands on, and say what it does not promise."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = 0
        for name, check in (
            ("Database roles", _roles),
            ("Guards", _guards),
            ("Commands on the schema", _event_triggers),
            ("Broker", _broker),
            ("Storage", _storage),
            ("Pango", _pango),
            ("Fonts", _fonts),
            ("Clock", _clock),
            ("Single sign-on", _single_sign_on),
            ("ModelScan", _modelscan),
        ):
            good, words = check()
            faults += not good
            self.stdout.write(f"{'ok  ' if good else 'FAIL'}  {name}: {words}")
        if not os.environ.get("DATABASE_URL"):
            self.stdout.write(
                "note  The embedded database's roles share one operating-system user and a socket without password:"
                " they separate mistakes, not malice. Set DATABASE_URL, DATABASE_OWNER_URL and DATABASE_LOG_URL in production."
            )
        if faults:
            raise SystemExit(1)


def _modelscan() -> tuple[bool, str]:
    if installed(settings.MODELSCAN["program"]):
        return True, f"is installed at {settings.MODELSCAN['program']}"
    required = settings.MODELSCAN["required"]
    then = ". Until then no pickle is clean here." if required else ""
    return not required, f"is not installed; `manage.py install_modelscan` does it{then}"


def _roles() -> tuple[bool, str]:
    faults = [sentence for sentence, _, _ in too_powerful()]
    return not faults, " ".join(
        faults
    ) or f"{connection.settings_dict['USER']} owns nothing and may only add to the trail"


def _guards() -> tuple[bool, str]:
    missing = missing_triggers("default")
    return not missing, f"missing {missing}" if missing else "every governed table has its triggers, always on"


def _event_triggers() -> tuple[bool, str]:
    missing = missing_event_triggers()
    if not missing:
        return True, "whoever changes a table, a trigger or a grant is written down"
    return False, f"{', '.join(missing)} is absent; run mrm/project/roles.sql once as superuser in this database"


def _broker() -> tuple[bool, str]:
    try:
        with app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=0, timeout=2)
    except Exception as error:
        return False, f"does not answer ({type(error).__name__}); work waits until it does"
    return True, "answers"


def _storage() -> tuple[bool, str]:
    try:
        blob = blobs.put_bytes(b"storage check")
        blobs.read(blob.sha256)
    except Refused as refusal:
        return False, str(refusal)
    return True, f"{settings.STORAGE_URL} keeps and returns bytes"


def _pango() -> tuple[bool, str]:
    missing = [name for name in ("pango-1.0", "pangoft2-1.0", "harfbuzz") if not ctypes.util.find_library(name)]
    return not missing, f"missing {', '.join(missing)}" if missing else "found"


def _fonts() -> tuple[bool, str]:
    listed = shutil.which("fc-list") and subprocess.run(["fc-list"], capture_output=True, text=True, check=False).stdout
    count = len(listed.splitlines()) if listed else 0
    return count > 0, f"{count} fonts; Inter ships with the application"


def _clock() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        apart = abs(float(cursor.fetchone()[0]) - time.time())
    return apart < 2.0, f"{apart:.3f} s from the database's"


def _single_sign_on() -> tuple[bool, str]:
    if settings.SSO is None:
        return True, "not configured"
    named = {unit for roles in settings.SSO.roles.values() for _, unit in roles} | {settings.SSO.provision_in} - {""}
    if missing := sorted(key for key in named if unit_named(key) is None):
        return False, f"no unit has the key {', '.join(missing)}, which MRM_SSO_ROLES or MRM_SSO_PROVISION_IN names"
    try:
        told = httpx.get(f"{settings.SSO.issuer}/.well-known/openid-configuration", timeout=5).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        return False, f"{settings.SSO.issuer} does not answer ({type(error).__name__})"
    if told.get("issuer", "").rstrip("/") != settings.SSO.issuer:
        return False, f"{settings.SSO.issuer} calls itself {told.get('issuer')}; enter that as MRM_SSO_ISSUER"
    return True, f"{settings.SSO.issuer} answers"
