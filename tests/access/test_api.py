"""Who the caller is, and tokens."""

from typing import Any

from rest_framework.test import APIClient

from mrm.access import services
from mrm.access.models import Token
from tests.factories.access import Cast


def with_token(account: Any, scopes: list[str]) -> APIClient:
    token = services.issue_token(account, label="test", scopes=scopes, days=1, actor=account)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.secret}")  # type: ignore[attr-defined]
    return client


def test_me_tells_roles_units_and_scopes(cast: Cast) -> None:
    body = with_token(cast.owner, ["inventory:*"]).get("/api/v1/me/").json()
    assert (body["username"], body["email"], body["roles"], body["scopes"]) == (
        "olivia",
        "olivia.owner@bank.example",
        ["owner"],
        ["inventory:*"],
    )
    assert body["grants"] == [{"role": "owner", "unit": "retail", "until": None}]


def test_an_unknown_or_ended_token_is_401(cast: Cast) -> None:
    client = with_token(cast.owner, [])
    services.revoke_token(Token.objects.get(), actor=cast.owner)
    answer = client.get("/api/v1/me/")
    assert (answer.status_code, answer.json()["reasons"]) == (401, ["This token is unknown, expired or revoked."])


def test_a_token_makes_no_token(cast: Cast) -> None:
    """Else a narrow, short-lived token would make itself a wide and lasting one."""
    answer = with_token(cast.owner, ["access:*"]).post("/api/v1/tokens/", {"label": "wider", "scopes": ["*"]})
    assert answer.status_code == 403
    assert Token.objects.count() == 1


def test_a_session_makes_and_ends_a_token(cast: Cast) -> None:
    client = APIClient()
    client.force_authenticate(cast.owner)
    made = client.post("/api/v1/tokens/", {"label": "CI", "scopes": ["inventory:*"], "days": 7})
    assert (made.status_code, made.json()["secret"].startswith("mrm_")) == (201, True)
    (listed,) = client.get("/api/v1/tokens/").json()["results"]
    assert "secret" not in listed
    assert client.delete(f"/api/v1/tokens/{listed['id']}/").json()["revoked_at"] is not None


def test_anothers_token_is_not_there(cast: Cast) -> None:
    services.issue_token(cast.owner, label="x", scopes=[], days=1, actor=cast.owner)
    client = APIClient()
    client.force_authenticate(cast.developer)
    assert client.delete(f"/api/v1/tokens/{Token.objects.get().pk}/").status_code == 404
