"""The register of exceptions and accepted risks, and the page on which an exception is asked for."""

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.audit.models import Event
from mrm.inventory.models import Model, Version
from mrm.signoff import services as signoff
from mrm.signoff.models import Proposal
from mrm.validation.models import RiskAcceptance
from tests.factories import validation as make
from tests.factories.access import Cast, account, fresh
from tests.factories.proposal import later
from tests.factories.signing import sign

REASON = "The vendor gives no attributions before May."
REGISTER = "/accepted-risks/"


def day(days: int) -> str:
    return (timezone.localdate() + dt.timedelta(days=days)).isoformat()


def excepted(cast: Cast, model: Model, clause: str = "bias", days: int = 90) -> RiskAcceptance:
    content = {"clause": clause, "compensation": "Every refusal is read by a person.", "until": day(days)}
    made = signoff.propose(model, "policy_exception", content=content, reason=REASON, actor=cast.owner)
    sign(made.request, cast.lead)
    sign(made.request, cast.officer)
    return RiskAcceptance.objects.get(request=made.request)


@pytest.fixture
def version(cast: Cast) -> Version:
    return make.validated(cast, make.version(cast, make.model(cast)), runs=False)


def test_an_exception_is_asked_for_on_the_page_of_its_model(cast: Cast, version: Version, client: Client) -> None:
    client.force_login(cast.owner)
    address = f"{REGISTER}propose/{version.model_id}/"
    assert f"{address}?clause=bias" in client.get(version.get_absolute_url()).content.decode()
    tab = f"{REGISTER}model/{version.model_id}/"
    assert tab in client.get(version.model.get_absolute_url()).content.decode()
    assert address in client.get(tab).content.decode()
    page = client.get(address, {"clause": "bias"}).content.decode()
    assert '<option value="bias" selected>Fairness tests</option>' in page
    given = {"clause": "bias", "reason": REASON, "compensation": "Read by a person.", "until": day(90)}
    answer = client.post(address, given)
    made = Proposal.objects.get(kind="policy_exception")
    assert (answer.status_code, answer["Location"]) == (302, made.get_absolute_url())
    assert (made.target, made.reason) == (f"{version.model_id}/bias", REASON)
    assert Event.objects.filter(verb="signoff.propose", outcome="done", subject_id=str(made.pk)).count() == 1
    again = client.post(address, given, follow=True)
    assert "This is proposed already" in again.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("until", day(400), "Within a year, from tomorrow on."),
        ("until", "soon", "Enter a valid date."),
        ("clause", "validation", "Select a valid choice."),
        ("compensation", " ", "This field is required."),
        ("reason", "", "This field is required."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    cast: Cast, version: Version, client: Client, field: str, value: str, sentence: str
) -> None:
    client.force_login(cast.owner)
    given = {"clause": "bias", "reason": REASON, "compensation": "Read by a person.", "until": day(90)}
    answer = client.post(f"{REGISTER}propose/{version.model_id}/", given | {field: value})
    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["form"].errors[field])
    assert not Proposal.objects.filter(kind="policy_exception").exists()


def test_only_who_stands_behind_the_model_asks(cast: Cast, version: Version, client: Client) -> None:
    address = f"{REGISTER}propose/{version.model_id}/"
    for who, status in ((cast.officer, 403), (cast.auditor, 403), (cast.outsider, 404)):
        client.force_login(who)
        assert (client.get(address).status_code, client.post(address).status_code) == (status, status)
    client.force_login(cast.auditor)
    page = client.get(f"{REGISTER}model/{version.model_id}/").content.decode()
    assert "Ask for an exception" in page
    assert address not in page
    client.force_login(cast.outsider)
    assert client.get(f"{REGISTER}model/{version.model_id}/").status_code == 404


def test_the_register_shows_what_runs_what_ends_soon_and_what_has_ended(
    cast: Cast, version: Version, client: Client
) -> None:
    long, short = excepted(cast, version.model), excepted(cast, version.model, "performance", days=20)
    client.force_login(fresh(cast.officer))
    page = client.get(REGISTER)
    assert [row.entry for row in page.context["rows"]] == [short, long]
    text = page.content.decode()
    tab = client.get(f"{REGISTER}model/{version.model_id}/")
    assert [row.entry for row in tab.context["rows"]] == [short, long]
    for words in (long.ref, "Fairness tests", version.model.name, REASON, "Every refusal is read by a person."):
        assert words in text
    assert [row.entry for row in client.get(REGISTER, {"view": "soon"}).context["rows"]] == [short]
    assert client.get(REGISTER, {"view": "ended"}).context["rows"] == []
    with later(days=21):
        client.force_login(fresh(cast.officer))
        assert [row.entry for row in client.get(REGISTER).context["rows"]] == [long]
        (over,) = client.get(REGISTER, {"view": "ended"}).context["rows"]
        assert (over.entry, over.ended_on) == (short, short.until)
    assert "Accepted risks" in client.get("/validations/findings/").content.decode()
    assert "Accepted risks" in client.get("/approvals/").content.decode()


def test_each_sees_the_units_that_his_roles_reach(cast: Cast, version: Version, client: Client) -> None:
    found = excepted(cast, version.model)
    client.force_login(account("Mats Markets", cast.markets, ("owner", cast.markets)))
    page = client.get(REGISTER)
    assert page.context["rows"] == []
    assert version.model.name not in page.content.decode()
    assert found.ref not in b"".join(client.get(f"{REGISTER}export/").streaming_content).decode()
    client.force_login(fresh(cast.officer))
    assert len(client.get(REGISTER, {"unit": "retail"}).context["rows"]) == 1
    assert client.get(REGISTER, {"unit": "markets"}).context["rows"] == []
    assert client.get(REGISTER, {"unit": "bank"}).context["tabs"][0]["count"] == 1
    wrong = client.get(REGISTER, {"unit": "nowhere"})
    assert wrong.status_code == 422
    assert "No such business unit; choose one of those offered." in wrong.content.decode()


def test_the_register_is_exported_as_it_is_shown(cast: Cast, version: Version, client: Client) -> None:
    found = excepted(cast, version.model)
    client.force_login(cast.auditor)
    answer = client.get(f"{REGISTER}export/", {"unit": "retail"})
    assert answer["Content-Type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (row["ref"], row["kind"], row["model"], row["about"], row["state"], row["ended"], row["request"]) == (
        found.ref, "exception", version.model.ref, "Fairness tests", "in force", "", found.request.ref
    )  # fmt: skip
    assert client.get(f"{REGISTER}export/", {"unit": "nowhere"}).status_code == 422


def test_the_register_reads_over_the_api(cast: Cast, version: Version) -> None:
    found = excepted(cast, version.model)
    api = APIClient()
    api.force_authenticate(fresh(cast.auditor))
    (row,) = api.get("/api/v1/accepted-risks/", {"unit": "retail"}).json()["results"]
    assert (row["ref"], row["kind"], row["about"], row["until"], row["in_force"], row["ended_on"]) == (
        found.ref, "Exception", "Fairness tests", found.until.isoformat(), True, None
    )  # fmt: skip
    assert api.get("/api/v1/accepted-risks/", {"view": "ended"}).json()["results"] == []
    wrong = api.get("/api/v1/accepted-risks/", {"view": "lost"})
    assert (wrong.status_code, wrong.json()["reasons"]) == (
        422, ["view: lost is none; use one of in_force, soon, ended."]
    )  # fmt: skip
    assert api.get("/api/v1/accepted-risks/", {"unit": "nowhere"}).status_code == 404
    api.force_authenticate(fresh(cast.outsider))
    assert api.get("/api/v1/accepted-risks/").json()["results"] == []


def test_the_register_asks_no_more_for_many_than_for_one(cast: Cast, version: Version, client: Client) -> None:
    excepted(cast, version.model)
    client.force_login(cast.auditor)
    client.get(REGISTER)
    with CaptureQueriesContext(connection) as one:
        client.get(REGISTER)
    excepted(cast, version.model, "performance")
    excepted(cast, version.model, "explainability")
    with CaptureQueriesContext(connection) as three:
        client.get(REGISTER)
    assert len(three) == len(one)
