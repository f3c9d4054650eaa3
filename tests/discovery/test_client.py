"""What a notebook asks about models at places, of the application itself."""

from pathlib import Path

import httpx
import pytest
from django.test import Client as Browser

from mrm.access import services as access
from mrm.access.models import Account
from mrm.client import Client, Refusal
from mrm.deployment import services as deployment
from mrm.jobs.models import Job
from tests.factories import discovery
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_draft, a_model


class Handled(httpx.BaseTransport):
    """The application itself, within the transaction of the test."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = Browser().generic(
            request.method, request.url.raw_path.decode(), request.content, content_type="application/json",
            headers={"authorization": request.headers["authorization"]},
        )  # fmt: skip
        return httpx.Response(answer.status_code, content=answer.content)


def client_of(account: Account) -> Client:
    token = access.issue_token(account, label="Notebook", scopes=["discovery:*"], days=1, actor=fresh(account))
    return Client("http://testserver", token.secret, transport=Handled())  # type: ignore[attr-defined]


def test_a_notebook_lists_places_and_confirms_what_was_seen(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRM_SECRET_GATEWAY", "t" * 40)
    place = deployment.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": "http://127.0.0.1:9", "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
    version = a_draft(cast, a_model(cast), tmp_path)
    seen = discovery.seen(place, ("rogue", "9"), ("other", "1"))
    client = client_of(cast.officer)
    assert [each["key"] for each in client.places()] == ["engine"]
    client.list_place(str(place.pk))
    assert Job.objects.filter(kind__startswith="discovery.").count() == 1
    assert {each["name"] for each in client.sightings("findings")} == {"rogue", "other"}
    confirmed = client.confirm(str(seen[0].pk), str(version.pk), reason="The same file.")
    assert (confirmed["status"], confirmed["version"]) == ("matched", str(version.pk))
    assert client.dismiss(str(seen[1].pk), reason="A test of the network.")["status"] == "dismissed"
    with pytest.raises(Refusal, match="Unknown; known are"):
        client.sightings("nothing")
    with pytest.raises(Refusal):
        client_of(cast.developer).confirm(str(seen[0].pk), str(version.pk))
