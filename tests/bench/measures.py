"""The benchmarks of the inventory and the trail."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from django.db import connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from mrm.access.models import Account, Person
from mrm.audit.trail import recorded, register_verb
from mrm.inventory.models import Model
from mrm.project.demo import bank
from mrm.project.embedded import EmbeddedPostgres
from tests.bench.ground import ROOT, add_events
from tests.bench.table import ROUNDS, Row, median_ms

MODELS, EVENTS, SAVES = 10_000, 100_000, 200
register_verb("bench.save", "saved {subject}")


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    """Found a bank, import the inventory (timed), fill the trail, then measure pages and saves."""
    _found()
    rows = [_import()]
    add_events(server, EVENTS)
    rows += _pages()
    rows.append(_save(server))
    return [row for row in rows if not wanted or any(word in row.name for word in wanted)]


def _found() -> None:
    from django.conf import settings

    secret = settings.DATA_DIR / "secrets" / "gateway"
    secret.parent.mkdir(parents=True)
    secret.write_text("bench")
    bank.found("http://127.0.0.1:9")


def _csv(count: int) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["name", "use_summary", "unit", "owner", "developer"])
    for number in range(count):
        writer.writerow(
            [
                f"Model {number:05d}",
                "Decides about credit",
                "retail-lending",
                "daniel@nordhaven.example",
                "priya@nordhaven.example",
            ]
        )
    return out.getvalue()


def _import() -> Row:
    from mrm.inventory.services.importing import import_models, plan_import

    actor = bank.account_of("daniel")
    text = _csv(MODELS)
    began = time.perf_counter()
    plan = plan_import(text, actor=actor)
    import_models(plan, actor=actor)
    taken = time.perf_counter() - began
    assert Model.objects.count() >= MODELS
    return Row("import of 10,000 models from CSV", taken, "s", "under 60 s", taken < 60)


def _pages() -> list[Row]:
    client = Client()
    with override_settings(ALLOWED_HOSTS=["*"]):
        client.force_login(Account.objects.get(username="ingrid"), backend="mrm.project.signin.AccountBackend")
        model = Model.objects.order_by("number").first()
        assert model is not None
        rows = []
        for name, address in (
            ("inventory list", "/models/"),
            ("model page", model.get_absolute_url()),
            ("model timeline", f"{model.get_absolute_url()}timeline/"),
        ):
            rows += _page(client, name, address)
    return rows


def _page(client: Client, name: str, address: str) -> list[Row]:
    def visit() -> None:
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)

    taken = median_ms(visit)
    with CaptureQueriesContext(connection) as queries:
        visit()
    count = len(queries)
    return [
        Row(f"{name}, server time", taken, "ms", "under 150 ms", taken < 150),
        Row(f"{name}, queries", count, "queries", "at most 12", count <= 12),
    ]


class BarePerson(models.Model):
    """A person's row without guards: the same save through the same framework, unaudited."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=120)

    class Meta:
        app_label = "access"
        db_table = "bench_person"
        managed = False

    def __str__(self) -> str:
        return self.name


def _save(server: EmbeddedPostgres) -> Row:
    """Save one row in a transaction of its own: governed and audited, against a copy of the table without guards."""
    with psycopg.connect(server.url("mrm_owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE bench_person AS SELECT id, name FROM access_person")
        owner.execute("ALTER TABLE bench_person ADD PRIMARY KEY (id)")
    person = Person.objects.first()
    assert person is not None
    bare = BarePerson.objects.get(pk=person.pk)
    actor = bank.account_of("admin")

    def audited() -> None:
        for number in range(SAVES):
            with recorded("bench.save", actor=actor, subject=person):
                person.name = f"Name {number}"
                person.save(update_fields=["name"])

    def plain() -> None:
        for number in range(SAVES):
            with transaction.atomic():
                bare.name = f"Name {number}"
                bare.save(update_fields=["name"])

    ours, theirs = median_ms(audited) / SAVES, median_ms(plain) / SAVES
    return Row("audited save, 1 connection", ours, "ms", "", None, "plain save", theirs, ours / theirs)


def second_start(wanted: list[str]) -> list[Row]:
    """`manage.py up --demo` on a folder that holds the demo already, until it answers."""
    name = "second start of the demo"
    if wanted and not any(word in name for word in wanted):
        return []
    folder = Path(tempfile.mkdtemp(prefix="mrm-bench-up-"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DATABASE")}
    environment |= {"MRM_DATA_DIR": str(folder), "MRM_PORT": "8471", "MRM_GATEWAY_PORT": "8472"}
    try:
        _until_ready(environment)
        taken = sorted(_until_ready(environment) for _ in range(ROUNDS))[ROUNDS // 2]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [Row(name, taken, "s", "under 10 s", taken < 10)]


def _until_ready(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "manage.py", "up", "--demo"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("Ready at"):
                return time.perf_counter() - began
        raise RuntimeError("the demo did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        process.wait(60)
