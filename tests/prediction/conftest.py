"""An approved version behind an endpoint, and a folder that a gateway writes into; commits are real."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from mrm.deployment import services as deployment
from mrm.deployment.models import Revision
from tests.conftest import TEMPLATE, copied, kept_in, own_copy, shipped_blobs, used
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    made = tmp_path / "gateway" / "log"
    settings.PREDICTION_FOLDERS = [made]
    return made


@dataclass(frozen=True)
class Released:
    """A database to copy, the folder with its blobs, and what stands in it."""

    database: str
    folder: Path
    bank: Cast
    revision: Any


@pytest.fixture(scope="session")
def first_release(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Released]:
    """The first revision of an endpoint for an approved version, made once in a process; nothing listens there."""
    folder = tmp_path_factory.mktemp("released")
    shipped_blobs(folder)
    with copied() as name:
        with (
            override_settings(**kept_in(folder)),
            used(django_db_blocker, name),
            pytest.MonkeyPatch.context() as secret,
        ):
            secret.setenv("MRM_SECRET_GATEWAY", "of no use")
            bank, revision = _released(folder)
        yield Released(name, folder, bank, revision.pk)


def _released(folder: Path) -> tuple[Cast, Revision]:
    bank = Cast()
    model = a_model(bank)
    version = an_approved(bank, model, folder)
    place = deployment.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=bank.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    opened = deployment.create(model, target=place, endpoint="credit", actor=bank.deployer)
    return bank, released(bank, deployment.deploy(opened, version=version, actor=bank.deployer))


@pytest.fixture
def own_database(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """As everywhere; where the test asks for the revision, with everything up to it."""
    asked = "revision" in request.fixturenames
    with own_copy(django_db_blocker, request.getfixturevalue("first_release").database if asked else TEMPLATE) as name:
        yield name


@pytest.fixture
def bank(request: pytest.FixtureRequest, own_database: str) -> Cast:
    if "revision" in request.fixturenames:
        people: Cast = request.getfixturevalue("first_release").bank.anew()
        return people
    return Cast()


@pytest.fixture
def revision(bank: Cast, first_release: Released, storage: Path, monkeypatch: pytest.MonkeyPatch) -> Revision:
    """The first revision of an endpoint for an approved version; nothing listens there."""
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "of no use")
    shutil.copytree(first_release.folder, storage, dirs_exist_ok=True)
    return Revision.objects.select_related("deployment", "version__model").get(pk=first_release.revision)
