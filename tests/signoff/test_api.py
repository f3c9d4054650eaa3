"""Sign-off over JSON: the same rules, the same sentences."""

import pytest
from django.test import Client

from mrm.signoff.models import Vote
from tests.factories import approval as make
from tests.factories.access import PASSWORD, Cast, fresh, with_password

URL = "/api/v1/requests/"


def post(client: Client, url: str, **body: object) -> object:
    return client.post(url, body, content_type="application/json")


def test_a_request_is_read_with_all_that_bears_on_it(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.officer)
    found = client.get(f"{URL}{asked.pk}/").json()
    assert (found["ref"], found["verdict"], found["why_not"], found["blocked"]) == (asked.ref, "open", None, None)
    assert found["needs"] == [{"stage": "committee", "role": "risk_officer", "quorum": 2, "signed": 0, "missing": 2}]
    assert {gate["state"] for gate in found["gates"]} == {"met"}
    client.force_login(cast.developer)
    assert client.get(f"{URL}{asked.pk}/").json()["why_not"] == "You may not sign: you developed this version."


def test_a_signature_is_given_in_two_steps(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(with_password(fresh(cast.officer)))
    shown = post(client, f"{URL}{asked.pk}/statement/", decision="approve", rationale="It holds.").json()
    assert shown["statement"]["subject_digest"] == asked.subject_digest
    wrong = post(client, f"{URL}{asked.pk}/sign/", token=shown["token"], password="wrong")
    assert (wrong.status_code, wrong.json()["reasons"]) == (409, ["The password is wrong; nothing was signed."])
    right = post(client, f"{URL}{asked.pk}/sign/", token=shown["token"], password=PASSWORD)
    assert right.status_code == 201
    assert (
        right.json()["statement_digest"]
        == shown["statement_digest"]
        == Vote.objects.get(request=asked).statement_digest
    )


def test_the_list_filters_by_status_and_by_what_waits_for_me(cast: Cast, client: Client) -> None:
    mine, other = make.submitted(cast), make.submitted(cast, name="Card fraud")
    make.sign(other, cast.officer)
    client.force_login(fresh(cast.officer))
    waiting = client.get(URL, {"waiting": "me"}).json()["results"]
    assert [entry["ref"] for entry in waiting] == [mine.ref]
    assert client.get(URL, {"status": "open"}).json()["count"] == 2
    decided = client.get(URL, {"status": "approved"}).json()["results"]
    assert {entry["action"] for entry in decided} == {"sign_validation"}


def test_unknown_fields_and_decisions_are_refused_by_name(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.officer)
    answer = post(client, f"{URL}{asked.pk}/statement/", decision="approve", rationale="x", extra=1)
    assert (answer.status_code, "extra" in answer.json()["fields"]) == (400, True)
    assert post(client, f"{URL}{asked.pk}/statement/", decision="bless", rationale="x").status_code == 400


def test_comments_and_withdrawal(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.developer)
    assert post(client, f"{URL}{asked.pk}/comments/", text="Ready.").status_code == 201
    assert client.get(f"{URL}{asked.pk}/comments/").json()[0]["text"] == "Ready."
    assert post(client, f"{URL}{asked.pk}/withdraw/", reason="Refit.").json()["status"] == "withdrawn"


@pytest.mark.parametrize("path", ["", "statement/", "sign/", "comments/", "withdraw/"])
def test_an_outsider_finds_nothing(cast: Cast, client: Client, path: str) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.outsider)
    url = f"{URL}{asked.pk}/{path}"
    assert (client.get(url) if path in ("", "comments/") else post(client, url)).status_code == 404
    assert client.get(URL).json()["count"] == 0
