"""The benchmarks: the inventory here, the trail beside."""

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

from django.test import Client
from django.test.utils import override_settings

from mrm.access.models import Account
from mrm.inventory.models import Model
from mrm.project.demo import bank
from mrm.project.embedded import EmbeddedPostgres
from tests.bench import (
    audit,
    computing,
    explaining,
    fairness,
    predicting,
    queueing,
    reach,
    reconciling,
    reporting,
    signing,
)
from tests.bench.ground import ROOT
from tests.bench.paging import page
from tests.bench.table import ROUNDS, Row, wants

MODELS = 10_000


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    """Found a bank and import the inventory (timed); then the pages over a long trail, the trail itself, and who sees what."""
    _found()
    rows = [_import()]
    rows += signing.run(wanted)
    rows += audit.run(server, wanted)
    rows += queueing.run(server, wanted)
    if wants(wanted, "inventory list", "model page"):
        rows += _pages()
    rows += reach.run(server, wanted)
    rows += computing.run(wanted)
    rows += fairness.run(wanted)
    rows += reporting.run(wanted)
    rows += explaining.run(wanted)
    rows += predicting.run(server, wanted)
    rows += reconciling.run(server, wanted)
    return [row for row in rows if wants(wanted, row.name)]


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
        addresses = (("inventory list", "/models/"), ("model page", model.get_absolute_url()))
        return [row for name, address in addresses for row in page(client, name, address)]


def second_start(wanted: list[str]) -> list[Row]:
    """`manage.py up --demo` on a folder that holds the demo already, until it answers."""
    name = "second start of the demo"
    if not wants(wanted, name):
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
