"""A database of its own for the benchmark: a cluster in a temporary folder, migrated and founded."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

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
            "MRM_DATA_DIR": str(folder / "data"),
        }
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"MRM_DB_ROLE": "owner"})
        import django

        django.setup()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def add_events(server: EmbeddedPostgres, count: int) -> None:
    """Fill the trail with events spread over the models; chains stay gapless, payloads are short."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL")
        connection.execute(
            """
            INSERT INTO audit_event (id, position, at, verb, outcome, actor, actor_name, actor_roles, person, on_behalf_of,
              reason, request_id, subject_type, subject_id, subject_label, object_type, object_id, object_seq, object_prev,
              details, payload, digest)
            SELECT gen_random_uuid(), nextval('audit_event_position'), now() - (n || ' seconds')::interval, 'inventory.edit',
              'done', 'bench', 'Bench Person', '[]', '', '', '', '', 'inventory.model', m.id::text, m.name,
              'inventory.model', m.id::text, 1000 + n / m.total, '', '{"fields": "use summary"}', '{}', ''
            FROM generate_series(0, %s - 1) AS n
            JOIN (SELECT id, name, row_number() OVER () - 1 AS place, count(*) OVER () AS total FROM inventory_model) AS m
              ON m.place = n %% m.total
            """,
            [count],
        )
        connection.execute("ALTER TABLE audit_event ENABLE TRIGGER ALL")
        connection.execute("ANALYZE")
