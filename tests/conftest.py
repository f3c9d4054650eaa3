"""One real PostgreSQL for the whole run, and the cast: one person for each part."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction
from django.test import override_settings

from mrm.project.embedded import EmbeddedPostgres
from tests.project.running import Up, start, stop

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "60"}
CLUSTER = "MRM_TEST_CLUSTER"
TEMPLATE = "mrm_template"


def _cluster() -> EmbeddedPostgres:
    folder = Path(os.environ[CLUSTER])
    return EmbeddedPostgres(folder / "pg", folder / "s", **FAST)


# every program that a test starts would compile its modules anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# the journeys' browser keeps an event loop in the process, beside which Django's own tests go on
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the server and migrates one template; the workers copy it."""
    if hasattr(config, "workerinput") or os.environ.get(CLUSTER):
        return
    folder = Path(tempfile.mkdtemp(prefix="mrm-test-", dir="/tmp"))
    folder.chmod(0o711)
    os.environ[CLUSTER] = str(folder)
    server = _cluster()
    server.initialise()
    server.start()
    server.provision(TEMPLATE)
    config.stash[_SERVER] = (server, folder)
    _migrate(server, folder)


BANK_GROUP = "demo bank"
# who walks the demo bank when: the pages that others compare come first, and what breaks it comes last
BANK_ORDER = ("tests/journeys/", "tests/journeys/test_signing.py", "tests/faults/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker walks the demo bank, which is founded once."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(ROOT).as_posix()
    marks = [mark.args[0] for mark in item.iter_markers("xdist_group")]
    if BANK_GROUP in marks:
        return max(at for at, start in enumerate(BANK_ORDER) if path.startswith(start))
    return len(BANK_ORDER)


_SERVER = pytest.StashKey[tuple[EmbeddedPostgres, Path]]()


def _migrate(server: EmbeddedPostgres, folder: Path) -> None:
    code = (
        "import django; from django.conf import settings;"
        f"settings.DATABASES['default'].update(NAME='{TEMPLATE}', USER='mrm_owner', HOST='{server.sockets}');"
        "django.setup(); from django.core.management import call_command;"
        "call_command('migrate', verbosity=0);"
        "settings.DATABASES['default'].update(USER='mrm_app');"
        "from django.db import connections; connections['default'].close(); del connections['default'];"
        "from mrm.project.packs import load_shipped; from mrm.core.actors import System;"
        "load_shipped(actor=System('tests'))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE")}
    environment |= {"DJANGO_SETTINGS_MODULE": "mrm.project.settings", "MRM_DATA_DIR": str(folder / "data")}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)


def pytest_unconfigure(config: pytest.Config) -> None:
    kept = config.stash.get(_SERVER, None)
    if kept:
        server, folder = kept
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.pop(CLUSTER, None)


def _copy(name: str, template: str = TEMPLATE) -> None:
    with psycopg.connect(_cluster().url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" OWNER mrm_owner TEMPLATE "{template}"')


def _drop(name: str) -> None:
    with psycopg.connect(_cluster().url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _use(name: str) -> None:
    connection = connections["default"]
    connection.close()
    connection.settings_dict.update(NAME=name, USER="mrm_app", HOST=str(_cluster().sockets), PORT="", CONN_MAX_AGE=0)


@contextmanager
def own_copy(blocker: Any, template: str = TEMPLATE) -> Iterator[str]:
    """A copy of the template that this process uses until the end of the block; gives its name."""
    with copied(template) as name, used(blocker, name):
        yield name


@contextmanager
def copied(template: str = TEMPLATE) -> Iterator[str]:
    """A copy of the template until the end of the block; gives its name."""
    name = f"mrm_{uuid.uuid4().hex[:12]}"
    _copy(name, template)
    yield name
    _drop(name)


@contextmanager
def used(blocker: Any, name: str) -> Iterator[None]:
    """The database that this process uses until the end of the block; afterwards nobody is at it."""
    before = connections["default"].settings_dict["NAME"]
    _use(name)
    try:
        with blocker.unblock():
            yield
            connections.close_all()
    finally:
        _use(before)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """A copy of the template for this process, used as the application's own role."""
    with copied() as name:
        _use(name)
        yield
        with django_db_blocker.unblock():
            connections.close_all()


@pytest.fixture(scope="module")
def module_storage(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """What fixtures of a module write is there for each of its tests, which sees nothing of the others, and then gone.

    Gives the folder that holds its blobs; a test that reads them copies them to its own.
    """
    folder, around = tmp_path_factory.mktemp("module"), transaction.atomic()
    around._from_testcase = True  # so that durable transactions begin within, as in Django's own tests
    shipped_blobs(folder)
    with django_db_blocker.unblock():
        around.__enter__()
    with override_settings(**kept_in(folder)):
        yield folder
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        around.__exit__(None, None, None)


@pytest.fixture
def own_database(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this test's own, where commits are real; gives its name."""
    with own_copy(django_db_blocker) as name:
        yield name


@pytest.fixture
def owner_connection(own_database: str) -> Iterator[psycopg.Connection]:
    """The same database as the owner of its tables."""
    with psycopg.connect(_cluster().url("mrm_owner", own_database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def log_connection(own_database: str) -> Iterator[psycopg.Connection]:
    """The same database as the sequencer."""
    with psycopg.connect(_cluster().url("mrm_log", own_database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def superuser_connection(own_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(_cluster().url("postgres", own_database), autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def storage(settings: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Blobs of each test in a folder of their own, beside those that the template's trail names."""
    shipped_blobs(tmp_path)
    for name, value in kept_in(tmp_path).items():
        setattr(settings, name, value)
    return tmp_path


def shipped_blobs(folder: Path) -> None:
    """The blobs that the template's trail names, for a folder that starts anew."""
    kept = Path(os.environ[CLUSTER]) / "data" / "blobs"
    if kept.is_dir():
        shutil.copytree(kept, folder / "blobs")


def kept_in(folder: Path) -> dict[str, Any]:
    """The settings under which a test keeps what it writes in a folder."""
    return {
        "STORAGE_URL": f"file://{folder}/blobs",
        "PASSWORD_HASHERS": ["tests.hashing.QuickScrypt"],
        "DATA_DIR": folder,
    }


@pytest.fixture
def taiwan() -> Path:
    """The UCI credit data; tests that need them say loudly when they are absent."""
    path = SHARED / "taiwan-credit" / "taiwan_credit.csv"
    if not path.exists():
        pytest.skip("LOUD: the shared data folder is absent, so the real credit data are not tested")
    return path


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="session")
def demo_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The whole application with the demo bank and its models, made by walking the services; once a run."""
    up = start(tmp_path_factory.mktemp("bank"), MRM_GALLERY="true")
    gateway = f"http://127.0.0.1:{up.environment['MRM_GATEWAY_PORT']}"
    try:
        found = [sys.executable, "manage.py", "demo", "--gateway", gateway]
        subprocess.run(found, cwd=ROOT, env=up.environment, check=True)
        yield up
    finally:
        stop(up)


@pytest.fixture
def cast(db: None) -> object:
    from tests.factories.access import Cast

    return Cast()
