"""The page of a sighting, and what it says of a form that was not right."""

import pytest
from django.test import Client

from mrm.deployment import services as deployment
from mrm.discovery.models import ShadowFinding
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.discovery import seen


def test_the_fault_stands_at_the_finding_that_was_to_be_closed(
    cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "of no use")
    place = deployment.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    (sighting,) = seen(place, ("Rogue", "9"))
    seen(place)  # it is there no longer, so what was found may be closed
    finding = ShadowFinding.objects.get(sighting=sighting)
    client.force_login(fresh(cast.officer), backend="mrm.project.signin.AccountBackend")
    field = f'id="close-{finding.pk}-resolution"'
    assert field in client.get(sighting.get_absolute_url()).content.decode()
    answer = client.post(f"/found/findings/{finding.pk}/close/", {"resolution": ""})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert field in page
    assert f'id="close-{finding.pk}-resolution_error"' in page
    finding.refresh_from_db()
    assert finding.status == "open"
