"""Which version, digest, approval and policy decided a request: on the page, over the API, by command; to whom it is open."""

import datetime as dt
import hmac
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account
from mrm.audit.models import Event
from mrm.client import Client, Refusal
from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid
from mrm.deployment.models import Revision
from mrm.deployment.services.record import settle
from mrm.jobs.runner import run_next
from mrm.prediction import services
from mrm.prediction.models import Extract
from mrm.prediction.queries.latency import bucket_of, middle_of, quantile
from tests.factories.access import Cast, fresh
from tests.factories.prediction import NOBODY, an_answer, spooled

UNIT = "customer-17"


def page(account: Account, address: str, **sent: Any) -> Any:
    client = Browser()
    client.force_login(fresh(account), backend="mrm.project.signin.AccountBackend")
    return client.post(address, sent) if sent else client.get(address)


def api(account: Account) -> APIClient:
    client = APIClient()
    client.force_authenticate(fresh(account))
    return client


@pytest.fixture
def answers(revision: Revision, folder: Path) -> list[dict[str, Any]]:
    """A good answer of a known customer with its shadow, one of other bytes, one outside the scope, one of a stranger."""
    folder.mkdir(parents=True)
    (folder.parent / "log.key").write_text("ab" * 32)
    unit = hmac.digest(bytes.fromhex("ab" * 32), UNIT.encode(), "sha256").hex()
    good = an_answer(revision, id="good", unit=unit, micros=2_000)
    made = [
        good,
        an_answer(revision, parent="good", role="shadow", version="2.0.0", id="shadow"),
        an_answer(revision, digest="b" * 64, id="other"),
        an_answer(revision, flags=["outside:age"], reason="age is 17, below 18.", id="flagged"),
        an_answer(deployment=NOBODY, id="stranger", endpoint="backdoor"),
        an_answer(
            revision, outcome="refused", reason="age is missing.", id="refused", digest="", version="", approval=""
        ),
    ]
    spooled(folder, made)
    services.take()
    return made


def test_the_question_is_answered_with_all_that_it_rested_on(
    answers: list[dict[str, Any]], revision: Revision, bank: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revision.approval is not None
    told = page(bank.auditor, "/predictions/requests/good/").content.decode()
    request = revision.approval.request
    for words in (
        revision.artifact_sha256, request.ref, str(request.policy), "Rita Officer", "Sven Officer", "The approved bytes",
        "In force then", "a\\tcar", "never verified", "2.0.0", str(revision.approval.conditions.all()[0].text),
    ):  # fmt: skip
        assert words in told, words
    assert "Not what was approved" not in told
    other = page(bank.auditor, "/predictions/requests/other/").content.decode()
    assert "Version 1.0.0 answered with the digest bbbbbbbbbbbb…" in other
    (record,) = api(bank.auditor).get("/api/v1/predictions/requests/good/").json()
    assert [each["person"] for each in record["signatures"]] == ["Rita Officer", "Sven Officer"]
    assert (record["mismatch"], record["out_of_force"], record["prediction"]["id"]) == (None, None, "good")
    assert [each["id"] for each in record["shadows"]] == ["shadow"]
    call_command("predictions", "find", "good", "--as", "anna", "--on", answers[0]["at"][:10])
    out = capsys.readouterr().out
    assert f"digest    {revision.artifact_sha256}" in out
    assert "signed    Rita Officer" in out
    with pytest.raises(CommandError, match=r"No request nowhere was found, or it is not open to anna\."):
        call_command("predictions", "find", "nowhere", "--as", "anna")
    with pytest.raises(CommandError, match="Name the account that asks"):
        call_command("predictions", "find", "good")


def test_what_was_verified_is_told_of_the_version_that_answered(
    answers: list[dict[str, Any]], revision: Revision, bank: Cast
) -> None:
    proofs = {"observed": {}, "digest": "of the champion", "others": {"1.0.0": {"digest": "its own"}}}
    settle(revision, verification=proofs, actor=bank.deployer)
    (record,) = api(bank.auditor).get("/api/v1/predictions/requests/good/").json()
    assert record["verification"] == {"digest": "its own"}


def test_a_notebook_asks_the_same(answers: list[dict[str, Any]], revision: Revision, bank: Cast) -> None:
    token = access.issue_token(
        bank.auditor, label="Notebook", scopes=["prediction:*"], days=1, actor=fresh(bank.auditor)
    )
    transport = httpx.WSGITransport(app=get_wsgi_application())
    client = Client("http://testserver", token.secret, transport=transport)  # type: ignore[attr-defined]
    (found,) = client.decisions("good", on=dt.date.fromisoformat(answers[0]["at"][:10]))
    assert found["prediction"]["digest"] == revision.artifact_sha256
    with pytest.raises(Refusal, match="There is no such record, or it is not open to you"):
        client.decisions("nowhere")


def test_the_log_opens_by_unit_and_inputs_by_their_own_word(answers: list[dict[str, Any]], bank: Cast) -> None:
    address = "/predictions/requests/good/"
    deployer = page(bank.deployer, address).content.decode()
    assert "a\\tcar" not in deployer
    assert "This is done by" in deployer
    (record,) = api(bank.deployer).get("/api/v1" + address).json()
    assert (record["inputs"], record["outputs"]) == (None, None)
    assert record["closed"].startswith("This is done by")
    assert page(bank.outsider, address).status_code == 403
    assert page(bank.administrator, address).status_code == 403
    assert api(bank.outsider).get("/api/v1" + address).status_code == 403
    # who reads all there is also finds what an endpoint answered that nobody registered
    assert page(bank.auditor, "/predictions/requests/stranger/").status_code == 200
    assert page(bank.deployer, "/predictions/requests/stranger/").status_code == 422
    assert api(bank.deployer).get("/api/v1/predictions/requests/stranger/").status_code == 404


def test_a_day_has_its_counts_and_its_rows(answers: list[dict[str, Any]], revision: Revision, bank: Cast) -> None:
    told = page(bank.owner, "/predictions/").content.decode()
    assert "outside:age" in told
    assert "backdoor" not in told
    counts = api(bank.owner).get("/api/v1/predictions/counts/").json()
    assert (counts["outcomes"], counts["flagged"], counts["flags"]) == (
        {"served": 4, "refused": 1},
        1,
        {"outside:age": 1},
    )
    assert sum(hour["answers"] for hour in counts["hours"]) == 5
    assert counts["micros"]["p50"] == pytest.approx(812, rel=0.0625)
    rows = api(bank.owner).get("/api/v1/predictions/", {"unit": UNIT}).json()["results"]
    assert [row["id"] for row in rows] == ["good"]
    assert api(bank.owner).get("/api/v1/predictions/", {"flagged": "true"}).json()["results"][0]["id"] == "flagged"
    wrong = api(bank.owner).get("/api/v1/predictions/", {"on": "Tuesday"})
    assert (wrong.status_code, wrong.json()["reasons"]) == (422, ["on: Enter a valid date."])
    assert api(bank.owner).get("/api/v1/predictions/", {"before": "x"}).status_code == 422


def test_today_is_followed_while_it_is_written(
    answers: list[dict[str, Any]], revision: Revision, bank: Cast, folder: Path
) -> None:
    followed = page(bank.owner, f"/predictions/?deployment={revision.deployment_id}&follow=1").content.decode()
    address = f"/predictions/tail/?deployment={revision.deployment_id}"
    assert f'hx-get="{address}" hx-trigger="every 3s"' in followed
    assert "Stop following" in followed
    assert "hx-trigger" not in page(bank.owner, "/predictions/?on=2026-01-05&follow=1").content.decode()
    assert "later" not in page(bank.owner, address).content.decode()
    spooled(folder, [an_answer(revision, id="later")])
    services.take()
    newest = page(bank.owner, address).content.decode()
    assert newest.index("later") < newest.index("good")
    assert "backdoor" not in page(bank.owner, "/predictions/tail/").content.decode()
    assert page(bank.outsider, address).status_code == 403


def test_pages_follow_each_other_and_ask_no_more_for_more_rows(
    answers: list[dict[str, Any]], revision: Revision, bank: Cast, folder: Path
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert page(bank.auditor, "/predictions/").status_code == 200
        return len(seen)

    few = asked()
    at = dt.datetime.now(dt.UTC).isoformat()
    spooled(folder, [an_answer(revision, at=at) for _ in range(60)])
    services.take()
    assert asked() == few
    first = api(bank.auditor).get("/api/v1/predictions/").json()
    second = api(bank.auditor).get("/api/v1/predictions/", {"before": first["older"]}).json()
    assert (len(first["results"]), len(second["results"]), second["older"]) == (50, 16, "")
    assert not {row["id"] for row in first["results"]} & {row["id"] for row in second["results"]}


def test_without_a_gateways_key_nobody_is_found_by_name(
    answers: list[dict[str, Any]], bank: Cast, folder: Path
) -> None:
    (folder.parent / "log.key").unlink()
    told = page(bank.auditor, "/predictions/?unit=customer-17")
    assert told.status_code == 422
    assert "Nobody is found by name here" in told.content.decode()


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_a_part_of_the_log_goes_out_as_a_file(
    format: str, answers: list[dict[str, Any]], revision: Revision, bank: Cast
) -> None:
    model, day = revision.deployment.model, dt.datetime.now(dt.UTC).date()
    with pytest.raises(Forbidden):
        services.request_extract(model, since=day, until=day, actor=fresh(bank.owner))
    with pytest.raises(Invalid, match="366 days at most"):
        services.request_extract(model, since=day, until=day - dt.timedelta(days=1), actor=fresh(bank.auditor))
    asked = page(
        bank.auditor, "/predictions/extracts/", model=model.pk, since=day, until=day, format=format, with_inputs="on"
    )
    extract = Extract.objects.get()
    assert asked.headers["Location"] == extract.get_absolute_url()
    while run_next():
        pass
    extract.refresh_from_db()
    assert (extract.status, extract.rows) == ("issued", 5)
    content = b"".join(page(bank.auditor, f"{extract.get_absolute_url()}file/").streaming_content)
    assert content == blobs.read(extract.sha256)
    if format == "csv":
        assert content.decode().count("\n") == 6
        assert "backdoor" not in content.decode()
    assert page(bank.owner, extract.get_absolute_url()).status_code == 404
    done = Event.objects.filter(verb__startswith="prediction.", outcome="done", subject_id=str(extract.pk))
    assert sorted(done.values_list("verb", flat=True)) == [
        "prediction.download_extract", "prediction.issue_extract", "prediction.request_extract",
    ]  # fmt: skip


def test_a_quantile_is_told_within_a_sixteenth() -> None:
    assert all(abs(middle_of(bucket_of(micros)) - micros) <= max(0.5, micros / 16) for micros in range(0, 200_000, 7))
    assert quantile({str(bucket_of(micros)): 1 for micros in range(1_000, 2_000)}, 0.5) == pytest.approx(
        1_500, rel=0.0625
    )
    assert quantile({}, 0.5) is None
