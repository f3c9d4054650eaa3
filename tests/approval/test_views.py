"""Asking for an approval, ending it, and accepting conditions, by page and by JSON."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mrm.approval import services, views
from mrm.approval.models import Approval, Condition
from mrm.inventory.queries.tabs import Panel
from mrm.signoff.models import Request
from tests.approval.test_services import conditional
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import Cast, fresh


def drawn(panel: Panel) -> str:
    return render_to_string(panel.template, panel.context)


def test_the_developer_submits_from_the_version_page(cast: Cast, client: Client) -> None:
    version = validation.validated(cast, validation.version(cast, validation.model(cast)))
    client.force_login(cast.developer)
    assert "Submit for approval" in drawn(views.panel(version, cast.developer))
    answer = client.post(f"/conditions/submit/{version.pk}/", {"note": "Refit.", "environments": "any:production"})
    asked = Request.objects.latest("number")
    assert (answer.url, asked.note) == (asked.get_absolute_url(), "Refit.")
    assert f"{asked.ref} is before the signers already." in drawn(views.panel(version, cast.developer))


def test_page_and_signature_read_the_evidence_once(cast: Cast, client: Client) -> None:
    version = validation.validated(cast, validation.version(cast, validation.model(cast)))
    asked = services.submit(version, actor=cast.developer)
    signer = fresh(cast.officer)
    client.force_login(signer)

    def evidence_read(doing: Callable[[], object]) -> int:
        with CaptureQueriesContext(connection) as seen:
            doing()
        return sum('FROM "validation_finding"' in each["sql"] for each in seen)

    assert evidence_read(lambda: client.get(asked.get_absolute_url())) == 1
    assert (
        evidence_read(lambda: make.sign(asked, signer)) == 3
    )  # to compose, under the lock, and to judge what was signed


def test_the_panel_and_the_seal_say_what_holds(cast: Cast) -> None:
    approval = conditional(cast)
    panel = drawn(views.panel(approval.version, cast.officer))
    assert "Run the fairness tests." in panel
    assert "Accept as met" in panel
    seal = views.seal(approval.version.model, cast.officer)
    assert seal is not None
    assert seal.title == "Approved with 1 open condition"


def test_a_risk_officer_accepts_and_withdraws_by_page(cast: Cast, client: Client) -> None:
    approval = conditional(cast)
    client.force_login(fresh(cast.officer))
    client.post(f"/conditions/{approval.conditions.get().pk}/met/", {"note": "Seen."})
    assert Condition.objects.get().met_by == cast.officer.person
    client.post(f"/conditions/withdraw/{approval.pk}/", {"reason": "Shift."})
    assert Approval.objects.get().status == "withdrawn"


def test_the_same_by_json(cast: Cast, client: Client) -> None:
    version = validation.validated(cast, validation.version(cast, validation.model(cast)))
    client.force_login(cast.developer)
    answer = client.post(f"/api/v1/versions/{version.pk}/submit/", {}, content_type="application/json")
    assert answer.status_code == 201
    asked = Request.objects.get(pk=answer.json()["request"])
    make.sign(asked, cast.officer)
    make.sign(asked, cast.second_officer)
    client.force_login(fresh(cast.officer))
    found = client.get(f"/api/v1/versions/{version.pk}/approval/").json()
    assert (found[0]["status"], found[0]["why_not"]) == ("valid", None)
    ended = client.post(
        f"/api/v1/approvals/{found[0]['id']}/withdraw/", {"reason": "x"}, content_type="application/json"
    )
    assert ended.json()["status"] == "withdrawn"


@pytest.mark.parametrize("path", ["/conditions/withdraw/{}/", "/api/v1/approvals/{}/withdraw/"])
def test_an_outsider_finds_no_approval(cast: Cast, client: Client, path: str) -> None:
    approval = make.approved(cast)
    client.force_login(cast.outsider)
    assert client.post(path.format(approval.pk), {"reason": "x"}).status_code == 404
    assert client.post(f"/conditions/submit/{approval.version_id}/").status_code == 404
    assert client.get(f"/api/v1/versions/{approval.version_id}/approval/").status_code == 404


def test_each_question_has_a_page_whose_form_carries_its_token(cast: Cast) -> None:
    approval = conditional(cast)
    client = Client(enforce_csrf_checks=True)
    client.force_login(fresh(cast.officer))
    for url in (f"/conditions/{approval.conditions.get().pk}/met/", f"/conditions/withdraw/{approval.pk}/"):
        page = client.get(url)
        token = page.context["csrf_token"]
        assert client.post(url, {"note": "x", "reason": "x"}).status_code == 403
        answer = client.post(url, {"note": "Seen.", "reason": "Shift.", "csrfmiddlewaretoken": str(token)})
        assert answer.status_code == 302
    assert Approval.objects.get().status == "withdrawn"
    client.force_login(cast.developer)
    assert "Submit for approval" in client.get(f"/conditions/submit/{approval.version_id}/").content.decode()
