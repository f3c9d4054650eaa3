import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mrm.project.demo.bank import is_founded
from mrm.project.embedded import default_postgres, default_valkey
from mrm.project.places import BASE
from mrm.project.route_key import is_signing, make_route_key
from mrm.project.supervisor import AlreadyRunning, Lock, Service, Supervisor, python


class Command(BaseCommand):
    help = "Run everything on this machine: database, broker, gateway, web, worker, clock and sequencer. Ctrl-C stops it all."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="found the demo bank when there are no accounts yet")
        parser.add_argument(
            "--check", action="store_true", help="walk the main job over HTTP, print each step, and stop"
        )
        parser.add_argument("--host", default=os.environ.get("MRM_HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("MRM_PORT", "8000")))
        parser.add_argument("--gateway-port", type=int, default=int(os.environ.get("MRM_GATEWAY_PORT", "8090")))

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            lock = Lock(settings.DATA_DIR)
        except AlreadyRunning as error:
            raise CommandError(f"{error} Stop it first, or set MRM_DATA_DIR to another folder.") from error
        supervisor = Supervisor(self.say)
        supervisor.trap()
        try:
            address = f"http://{options['host']}:{options['port']}"
            # security keys and printed reports name it
            os.environ.setdefault("MRM_HOST_URL", address.replace("//0.0.0.0:", "//127.0.0.1:"))
            self._start(supervisor, options)
            self.say(f"Ready at {address} after {time.monotonic() - began:.1f} s")
            if options["check"]:
                self._check(address)
                return
            if options["demo"]:
                self._introduce(address)
            supervisor.watch()
        except RuntimeError as error:
            if not supervisor.stopping:
                raise CommandError(str(error)) from error
        finally:
            self.say("Stopping")
            supervisor.stop()
            lock.path.unlink(missing_ok=True)

    def say(self, words: str) -> None:
        """At once, also into a pipe: whoever waits for a line gets it when it is true."""
        self.stdout.write(words)
        self.stdout.flush()

    def _start(self, supervisor: Supervisor, options: dict[str, Any]) -> None:
        logs = settings.DATA_DIR / "logs"
        if not os.environ.get("DATABASE_URL"):
            self._database(supervisor, logs)
        if not os.environ.get("MRM_BROKER_URL"):
            valkey = default_valkey()
            supervisor.add(Service("broker", valkey.command(), logs / "broker.log"), valkey.socket.exists)
        self._gateway(supervisor, options, logs)
        if not _migrated():
            self._manage("migrate", "--verbosity=0")
        if (options["demo"] or options["check"]) and not is_founded():
            self._manage("demo", "--gateway", f"http://127.0.0.1:{options['gateway_port']}")
        connection.close()
        self._web(supervisor, options, logs)

    def _database(self, supervisor: Supervisor, logs: Path) -> None:
        server = default_postgres()
        server.initialise()
        service = Service("database", server.command(), logs / "database.log", stop=signal.SIGINT, user=server.user)
        supervisor.add(service, server.answers)
        server.provision()

    def _gateway(self, supervisor: Supervisor, options: dict[str, Any], logs: Path) -> None:
        secrets = settings.DATA_DIR / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        port, root = str(options["gateway_port"]), settings.DATA_DIR / "gateway"
        command = python(
            "-m", "mrm.gateway", "--root", str(root), "--port", port,
            "--token-file", str(secrets / "gateway"), *self._route_key(root),
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}/healthz"
        supervisor.add(Service("gateway", command, logs / "gateway.log"), lambda: _answers(address))

    def _route_key(self, root: Path) -> list[str]:
        """From its first start on the gateway believes only what is signed; one that served before keeps its routes."""
        return ["--route-key", str(make_route_key())] if is_signing() or not root.exists() else []

    def _web(self, supervisor: Supervisor, options: dict[str, Any], logs: Path) -> None:
        host, port = options["host"], str(options["port"])
        worker = python(
            "-m", "celery", "-A", "mrm.project.celery", "worker", "--concurrency=2", "--loglevel=WARNING",
            "--without-gossip", "--without-mingle",
        )  # fmt: skip
        beat = python(
            "-m", "celery", "-A", "mrm.project.celery", "beat", "--loglevel=WARNING",
            "--schedule", str(settings.DATA_DIR / "beat"),
        )  # fmt: skip
        web = python(
            "-m", "granian", "--interface", "wsgi", "--host", host, "--port", port, "--workers", "1",
            "--blocking-threads", "8", "--no-ws", "mrm.project.wsgi:application",
        )  # fmt: skip
        supervisor.add(Service("sequencer", python("manage.py", "sequencer"), logs / "sequencer.log"))
        supervisor.add(Service("worker", worker, logs / "worker.log"))
        supervisor.add(Service("clock", beat, logs / "clock.log"))
        supervisor.add(Service("web", web, logs / "web.log"), lambda: _answers(f"http://{host}:{port}/healthz"))

    def _manage(self, *arguments: str) -> None:
        done = subprocess.run(python("manage.py", *arguments), cwd=BASE, check=False)
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} ended with {done.returncode}; its words stand above.")

    def _introduce(self, address: str) -> None:
        from mrm.project.demo.tour import introduction  # noqa: PLC0415  only the demo knows its cast

        self.say(introduction(address))

    def _check(self, address: str) -> None:
        from mrm.project.demo.check import main_job  # noqa: PLC0415  only the check loads the training libraries

        if not main_job(address, self.say):
            raise CommandError("The main job failed; see the step above.")


def _migrated() -> bool:
    """Whether the database is at the migrations of this code; asked here, since a process of its own costs seconds."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310  our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
