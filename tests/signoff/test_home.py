"""Home by role, and find within what one may see."""

import pytest
from django.test import Client

from tests.factories import approval as make
from tests.factories.access import Cast

WORDS = {
    "officer": "Waiting for you",
    "lead": "Waiting for you",
    "validator": "To be taken on",
    "owner": "My models",
    "developer": "My models",
    "deployer": "Approved, not in production",
    "auditor": "Latest events",
    "administrator": "Work that failed",
    "policy_admin": "Work that failed",
    "outsider": "You hold no role yet",
}


@pytest.mark.parametrize("who", sorted(WORDS))
def test_home_shows_each_role_its_work(cast: Cast, client: Client, who: str) -> None:
    make.submitted(cast)
    client.force_login(getattr(cast, who))
    page = client.get("/").content.decode()
    assert WORDS[who] in page
    assert ("Retail PD scorecard" in page) == (who in {"officer", "owner", "developer", "auditor"})


def test_find_goes_to_the_one_hit_and_lists_several(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.auditor)
    assert client.get("/find/", {"q": asked.ref}).url == asked.get_absolute_url()
    assert client.get("/find/", {"q": asked.ref.lower()}).status_code == 302
    page = client.get("/find/", {"q": "retail pd"}).content.decode()
    assert "Models" in page
    assert "Requests" in page


@pytest.mark.parametrize("text", ["REQ-1", "Retail", "Olivia", "MDL-1", "", "x-99999999999"])
def test_an_outsider_finds_nothing(cast: Cast, client: Client, text: str) -> None:
    make.submitted(cast)
    client.force_login(cast.outsider)
    page = client.get("/find/", {"q": text})
    assert (page.status_code, page.context["groups"]) == (200, [])
