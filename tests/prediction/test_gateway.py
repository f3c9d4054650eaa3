"""From the real gateway to the answer: what it served is found with its version, bytes and approval, and by its customer."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mrm.deployment import services as deployment
from mrm.deployment.models import Incident, Revision
from mrm.jobs.runner import run_next
from mrm.prediction import queries, services
from tests.deployment.conftest import start
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released


def test_what_the_gateway_served_is_found_with_what_it_rested_on(
    bank: Cast, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = start(tmp_path)
    try:
        monkeypatch.setenv("MRM_SECRET_GATEWAY", gateway.token)
        settings.PREDICTION_FOLDERS = [gateway.root / "data" / "log"]
        place = deployment.add_target(
            key="engine", name="Engine", connector_id="embedded", environment="production", unit=bank.bank,
            config={"base_url": gateway.address, "token_secret": "gateway"}, actor=SETUP,
        )  # fmt: skip
        model = a_model(bank)
        version = an_approved(bank, model, tmp_path)
        opened = deployment.create(model, target=place, endpoint="credit", actor=bank.deployer)
        asked = released(bank, deployment.deploy(opened, version=version, actor=bank.deployer))
        while run_next():
            pass
        _infer(gateway.address)
        _until_taken()
    finally:
        gateway.stop()
    day = queries.last_day(fresh(bank.auditor))
    assert day is not None
    (row,) = queries.listed(fresh(bank.auditor), day, unit="customer-17").rows
    (found,) = queries.decisions(queries.by_request("r-17", fresh(bank.auditor)).rows, fresh(bank.auditor))
    revision = Revision.objects.get(pk=asked.pk)
    assert row.request == found.prediction.request == "r-17"
    assert (found.revision, found.approval, found.mismatch, found.out_of_force) == (
        revision,
        revision.approval,
        None,
        None,
    )
    assert found.prediction.digest == revision.verification["digest"]
    assert found.outputs
    assert Incident.objects.count() == 0


def _infer(address: str) -> None:
    given = [{"name": name, "shape": [1, 1], "datatype": "FP32", "data": [0.3]} for name in ("income", "debt")]
    body = {"id": "r-17", "inputs": given, "parameters": {"unit": "customer-17"}}
    assert httpx.post(f"{address}/v2/models/credit/infer", json=body, timeout=5).status_code == 200


def _until_taken() -> None:
    """The gateway hands a file over within seconds."""
    ends = time.monotonic() + 20
    rows = 0
    while not rows and time.monotonic() < ends:
        rows = services.take().rows
        time.sleep(0.2)
    assert rows
