"""A database of its own for the benchmark: a cluster in a temporary folder, migrated and founded."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from mrm.project.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def ground() -> Iterator[EmbeddedPostgres]:
    """Start, migrate, set Django up as the application's role; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mrm-bench-", dir="/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "pg", folder / "s", shared_buffers="512MB")
    server.initialise()
    server.start()
    try:
        server.provision()
        url = f"postgresql:///mrm?host={server.sockets}"
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "mrm.project.settings",
            "DATABASE_URL": f"{url}&user=mrm_app",
            "DATABASE_OWNER_URL": f"{url}&user=mrm_owner",
            "DATABASE_LOG_URL": f"{url}&user=mrm_log",
            "MRM_DATA_DIR": str(folder / "data"),
        }
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"MRM_DB_ROLE": "owner"})
        import_module("mrm.project.wsgi")  # sets up as the server does, which pages are measured as
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
