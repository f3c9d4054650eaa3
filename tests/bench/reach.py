"""The list of models at a hundred thousand, for people whose roles reach little, everything, or single models only."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from mrm.access.models import Account
from mrm.project.embedded import EmbeddedPostgres
from tests.bench.table import ROUNDS, Row, wants

MODELS, UNITS, EXCEPTIONS = 100_000, 100, 200
NAME = "models list"

# their guards stand aside while rows are put in at once
SEEDED = (
    "access_businessunit", "access_person", "access_account", "access_rolegrant", "inventory_model", "inventory_modelexception",
)  # fmt: skip
SEED = """
INSERT INTO access_businessunit (id, key, name, parent_id, path)
SELECT gen_random_uuid(), 'desk-' || n, 'Desk ' || n, root.id, root.path || 'desk-' || n || '/'
  FROM access_businessunit AS root, generate_series(1, %(units)s) AS n WHERE root.parent_id IS NULL;

CREATE TEMP TABLE one AS SELECT * FROM inventory_model ORDER BY number LIMIT 1;
DO $$ DECLARE names text; BEGIN
  SELECT string_agg(quote_ident(attname), ', ') INTO names FROM pg_attribute
   WHERE attrelid = 'inventory_model'::regclass AND attnum > 0 AND NOT attisdropped
     AND attname NOT IN ('id', 'number', 'name', 'unit_id', 'tier', 'lifecycle', 'next_validation_date');
  EXECUTE format('INSERT INTO inventory_model (id, number, name, unit_id, tier, lifecycle, next_validation_date, %%s)
    SELECT gen_random_uuid(), nextval(''inventory_model_number''), ''Model '' || n, u.id, (1 + n %%%% 4)::text,
           (ARRAY[''proposed'', ''in development'', ''in production''])[1 + n %%%% 3], current_date + (n %%%% 700 - 200), %%s
      FROM one, generate_series(1, %(models)s) AS n
      JOIN access_businessunit AS u ON u.key = ''desk-'' || (1 + n %%%% %(units)s)', names, names);
END $$;

INSERT INTO access_person (id, name, email, unit_id)
SELECT gen_random_uuid(), who, who || '@bench.example', (SELECT id FROM access_businessunit WHERE key = 'desk-1')
  FROM unnest(ARRAY['narrow', 'wide', 'excepted', 'both']) AS who;
INSERT INTO access_account (id, username, kind, person_id, is_active, password, created_at)
SELECT gen_random_uuid(), name, 'personal', id, true, '!', now() FROM access_person WHERE email LIKE '%%@bench.example';
INSERT INTO access_rolegrant (id, account_id, role, unit_id, since)
SELECT gen_random_uuid(), a.id, 'auditor', u.id, now() FROM access_account AS a JOIN access_businessunit AS u
    ON u.key = CASE a.username WHEN 'excepted' THEN 'desk-2' WHEN 'wide' THEN (SELECT key FROM access_businessunit
       WHERE parent_id IS NULL) ELSE 'desk-1' END
 WHERE a.username IN ('narrow', 'wide', 'both');
INSERT INTO inventory_modelexception (user_id, permission_id, content_object_id, until, reason)
SELECT a.id, p.id, m.id, now() + interval '30 days', 'Benchmark' FROM access_account AS a
  JOIN auth_permission AS p ON p.codename = 'view_model'
  JOIN LATERAL (SELECT id FROM inventory_model WHERE number %% 480 = 7 ORDER BY number LIMIT %(exceptions)s) AS m ON true
 WHERE a.username IN ('excepted', 'both');
"""
WHO = {
    "narrow": "one unit of a hundred",
    "wide": "the whole institution",
    "excepted": f"{EXCEPTIONS} exceptions, no role",
    "both": f"one unit and {EXCEPTIONS} exceptions",
}
PAGES = {
    "first page": "",
    "page 20": "?page=20",
    "by tier": "?tier=1",
    "overdue": "?overdue=on",
    "by a name": "?q=Model+4711",
    "by the name of one": "?q=Model+47112",
    "by a name that is nowhere": "?q=nothing+of+that+name",
    "by a word of every name": "?q=model",
    "by one figure": "?q=7",
    "by two letters": "?q=mo",
    "by an owner": "?q=daniel",
}


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    """Database time of each list for each reader, all queries of the page together."""
    if not wants(wanted, NAME):
        return []
    _seed(server)
    return [*_rows()]


def _seed(server: EmbeddedPostgres) -> None:
    numbers = {"models": MODELS, "units": UNITS, "exceptions": EXCEPTIONS}
    with psycopg.connect(server.url("postgres"), autocommit=True) as raw:
        raw.execute(";".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in SEEDED))
        raw.execute(SEED % numbers)
        raw.execute(";".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in SEEDED))
        raw.execute("VACUUM ANALYZE")


def _rows() -> Iterator[Row]:
    for username, reach in WHO.items():
        client = Client()
        with override_settings(ALLOWED_HOSTS=["*"]):
            account = Account.objects.get(username=username)
            client.force_login(account, backend="mrm.project.signin.AccountBackend")
            for page, query in PAGES.items():
                taken = _database_ms(client, f"/models/{query}")
                yield Row(f"{NAME}, {reach}, {page}, database time", taken, "ms", "under 50 ms", taken < 50)


def _database_ms(client: Client, address: str) -> float:
    """Median over several visits of what all their statements took together."""
    found = []
    for round_ in range(ROUNDS + 1):
        spent = [0.0]

        def timed(execute: Callable[..., Any], *given: Any, spent: list[float] = spent) -> Any:
            began = time.perf_counter()
            try:
                return execute(*given)
            finally:
                spent[0] += time.perf_counter() - began

        with connection.execute_wrapper(timed):
            answer = client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        if round_:  # the first one warms up
            found.append(spent[0] * 1000)
    return sorted(found)[len(found) // 2]
