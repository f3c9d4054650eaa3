"""An audited save against a plain one and against the peers: the same row, one connection and eight processes."""

import os
import statistics
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg
from django.db import connection, models, transaction

from mrm.access import services
from mrm.access.models import BusinessUnit
from mrm.audit.trail import recorded, register_verb
from mrm.project.demo import bank
from mrm.project.embedded import EmbeddedPostgres
from tests.bench import hammer
from tests.bench.ground import ROOT
from tests.bench.table import Row, turns

HERE = Path(__file__).resolve().parent
PEERS = ("django-auditlog", "django-simple-history", "django-pghistory")
AHEAD_OF = ("django-auditlog", "django-simple-history")
AT_LEAST = 0.60
PROCESSES = 8
SECONDS, ROUNDS = 0.8, 15  # short turns: a busy moment meets all
ROWS = 10  # that each process saves in turn
register_verb("bench.save", "saved {subject}")


class BareUnit(models.Model):
    """A unit's row without guards: the same save through the same framework, unaudited."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    path = models.CharField(max_length=500, unique=True)

    class Meta:
        app_label = "access"
        db_table = "bench_unit"
        managed = False

    def __str__(self) -> str:
        return self.name


def rows(server: EmbeddedPostgres) -> list[Row]:
    """Every way to save in turn, round by round."""
    _prepare(server)
    with _peers(server) as peers:
        ways = {"plain save": _here(plain), "audited": _here(audited), **peers}
        found: dict[tuple[str, int], list[float]] = {}
        for turn in turns(ways, ROUNDS):
            for processes in (1, PROCESSES):
                for name in turn:
                    found.setdefault((name, processes), []).append(ways[name](processes))
    return [
        _row(peer, processes, found["audited", processes], found[peer, processes])
        for processes in (1, PROCESSES)
        for peer in ways
        if peer != "audited"
    ]


def _row(peer: str, processes: int, ours: list[float], theirs: list[float]) -> Row:
    """The ratio is the median of those of each round, in which the machine was the same for both."""
    name = "audited save, 1 connection" if processes == 1 else f"audited save, {processes} processes"
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    goal, holds = "", None
    if processes > 1 and peer == "plain save":
        goal, holds = f"at least {AT_LEAST:.2f}", ratio >= AT_LEAST
    elif processes > 1 and peer in AHEAD_OF:
        goal, holds = "ahead", ratio > 1
    return Row(name, statistics.median(ours), "saves/s", goal, holds, peer, statistics.median(theirs), ratio)


def _here(begin: hammer.Begin) -> Callable[[int], float]:
    def run(processes: int) -> float:
        connection.close()  # a forked process must not speak on ours
        return hammer.saves_per_second(begin, processes, SECONDS)

    return run


def audited(place: int) -> Callable[[], None]:
    """Save a governed row under an action of its own."""
    actor = bank.account_of("admin")
    mine = list(BusinessUnit.objects.filter(key__startswith="bench").order_by("key")[place * ROWS : (place + 1) * ROWS])
    count = 0

    def save() -> None:
        nonlocal count
        count += 1
        unit = mine[count % ROWS]
        with recorded("bench.save", actor=actor, subject=unit):
            unit.name = f"Name {count}"
            unit.save(update_fields=["name"])

    return save


def plain(place: int) -> Callable[[], None]:
    """Save the same row of the copy without guards in a transaction of its own."""
    mine = list(BareUnit.objects.filter(key__startswith="bench").order_by("key")[place * ROWS : (place + 1) * ROWS])
    count = 0

    def save() -> None:
        nonlocal count
        count += 1
        unit = mine[count % ROWS]
        with transaction.atomic():
            unit.name = f"Name {count}"
            unit.save(update_fields=["name"])

    return save


def units() -> None:
    """Units that nobody else edits, ten for each process."""
    actor = bank.account_of("admin")
    parent = BusinessUnit.objects.get(parent=None)
    if not BusinessUnit.objects.filter(key__startswith="bench").exists():
        for number in range(PROCESSES * ROWS):
            services.add_unit(key=f"bench{number:04d}", name="Name", parent=parent, actor=actor)


def _prepare(server: EmbeddedPostgres) -> None:
    units()
    with psycopg.connect(server.url("mrm_owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE bench_unit (LIKE access_businessunit INCLUDING ALL)")
        owner.execute("ALTER TABLE bench_unit ADD FOREIGN KEY (parent_id) REFERENCES bench_unit")
        owner.execute("INSERT INTO bench_unit SELECT * FROM access_businessunit")


@contextmanager
def _peers(server: EmbeddedPostgres) -> Iterator[dict[str, Callable[[int], float]]]:
    """The peers in an environment of their own, each with a database of its own on the same server."""
    python = _environment()
    found = {}
    if python:
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connected:
            for peer in PEERS:
                connected.execute(f'CREATE DATABASE "bench_{peer}"')
        for peer in PEERS:
            _peer(python, server, peer, "prepare")
            found[peer] = _runs(python, server, peer)
    yield found


def _runs(python: Path, server: EmbeddedPostgres, peer: str) -> Callable[[int], float]:
    return lambda processes: float(_peer(python, server, peer, str(processes), str(SECONDS)))


def _peer(python: Path, server: EmbeddedPostgres, peer: str, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PEER": peer, "PEER_HOST": str(server.sockets)}
    environment["PEER_DATABASE"] = f"bench_{peer}"
    command = [str(python), str(HERE / "peers" / "run.py"), *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _environment() -> Path | None:
    """The interpreter of an environment that holds the peers, with our own Django and driver; None, said aloud, when it
    cannot be made."""
    folder = ROOT / "build" / "bench-peers"
    python = folder / "bin" / "python"
    wanted = [f"django=={version('django')}", f"psycopg[binary]=={version('psycopg')}", *PEERS]
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == "\n".join(wanted):
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
            check=True, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"THE PEERS ARE LEFT OUT: they could not be installed ({str(getattr(error, 'stderr', error))[-300:]})")
        return None
    stamp.write_text("\n".join(wanted))
    return python
