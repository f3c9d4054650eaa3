"""An approved version behind an endpoint, and a folder that a gateway writes into; commits are real."""

from pathlib import Path
from typing import Any

import pytest

from mrm.deployment import services as deployment
from mrm.deployment.models import Revision
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    made = tmp_path / "gateway" / "log"
    settings.PREDICTION_FOLDERS = [made]
    return made


@pytest.fixture
def bank(own_database: str) -> Cast:
    return Cast()


@pytest.fixture
def revision(bank: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Revision:
    """The first revision of an endpoint for an approved version; nothing listens there."""
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "of no use")
    model = a_model(bank)
    version = an_approved(bank, model, tmp_path)
    place = deployment.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=bank.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    opened = deployment.create(model, target=place, endpoint="credit", actor=bank.deployer)
    asked = released(bank, deployment.deploy(opened, version=version, actor=bank.deployer))
    return Revision.objects.select_related("deployment", "version__model").get(pk=asked.pk)
