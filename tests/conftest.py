"""One real PostgreSQL for the whole run, and the cast: one person for each part."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from mrm.project.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "60"}
CLUSTER = "MRM_TEST_CLUSTER"
TEMPLATE = "mrm_template"


def _cluster() -> EmbeddedPostgres:
    folder = Path(os.environ[CLUSTER])
    return EmbeddedPostgres(folder / "pg", folder / "s", **FAST)


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


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """A copy of the template for this process, used as the application's own role."""
    name = f"mrm_{uuid.uuid4().hex[:12]}"
    _copy(name)
    _use(name)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    _drop(name)


@pytest.fixture
def own_database(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this test's own, where commits are real; gives its name."""
    before = connections["default"].settings_dict["NAME"]
    name = f"mrm_{uuid.uuid4().hex[:12]}"
    _copy(name)
    _use(name)
    with django_db_blocker.unblock():
        yield name
        connections.close_all()
    _use(before)
    _drop(name)


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
    kept = Path(os.environ[CLUSTER]) / "data" / "blobs"
    if kept.is_dir():
        shutil.copytree(kept, tmp_path / "blobs")
    settings.STORAGE_URL = f"file://{tmp_path}/blobs"
    settings.PASSWORD_HASHERS = ["tests.hashing.QuickScrypt"]
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def taiwan() -> Path:
    """The UCI credit data; tests that need them say loudly when they are absent."""
    path = SHARED / "taiwan-credit" / "taiwan_credit.csv"
    if not path.exists():
        pytest.skip("LOUD: the shared data folder is absent, so the real credit data are not tested")
    return path


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def cast(db: None) -> object:
    from tests.factories.access import Cast

    return Cast()
