"""Pages and JSON of validations and findings."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mrm.audit.models import Event
from mrm.inventory.queries.tabs import Panel
from mrm.signoff.models import Request
from mrm.validation import queries, views
from mrm.validation.models import Evidence, Finding, Validation
from tests.factories import validation as make
from tests.factories.access import Cast, fresh
from tests.factories.signing import sign


def drawn(panel: Panel) -> str:
    return render_to_string(panel.template, panel.context)


def read(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_a_validation_is_walked_by_pages(cast: Cast, client: Client) -> None:
    version = make.version(cast, make.model(cast))
    run = make.run(cast, version)
    assert "Ask for validation" in drawn(views.panel(version, cast.developer))
    client.force_login(cast.developer)
    url = client.post(f"/validations/request/{version.pk}/", {"kind": "initial"}).url
    client.force_login(cast.validator)
    assert "Take on this validation" in client.get(url).content.decode()
    client.post(f"{url}take/")
    assert client.post(f"{url}plan/", {"plan-plan": ""}).status_code == 422
    client.post(f"{url}plan/", {"plan-plan": "Everything."})
    proof = SimpleUploadedFile("proof.html", b"<script>", "text/html")
    client.post(f"{url}evidence/", {"evidence-pillar": "soundness", "evidence-title": "Paper", "evidence-file": proof})
    client.post(
        f"{url}evidence/", {"evidence-pillar": "outcomes", "evidence-title": "Run", "evidence-run": str(run.pk)}
    )
    nothing = client.post(f"{url}evidence/", {"evidence-pillar": "outcomes", "evidence-title": "None"})
    assert nothing.status_code == 422
    assert "Nothing given." in nothing.content.decode()
    given = {"title": "Shift", "description": "Index over.", "severity": "medium", "owner": str(cast.owner.person_id)}
    client.post(f"{url}finding/", {f"finding-{name}": value for name, value in given.items()})
    given = {"outcome": "fit_with_findings", "residual_risk": "low", "conclusion": "Good enough."}
    client.post(f"{url}conclude/", {f"conclude-{name}": value for name, value in given.items()})
    asked = Validation.objects.get().asked
    assert asked is not None
    assert asked.ref in client.get(url).content.decode()
    sign(asked, cast.second_validator)
    found = Validation.objects.get()
    assert (found.outcome, found.evidence.count(), found.findings.count()) == ("fit_with_findings", 2, 1)
    page = client.get(url).content.decode()
    assert "Good enough." in page
    assert "Give the outcome" not in page


def test_files_come_as_attachments_that_no_browser_runs(cast: Cast, client: Client) -> None:
    on = make.under_way(cast, make.version(cast, make.model(cast)))
    make.services.add_evidence(
        on, pillar="soundness", title="P", chunks=[b"<script>"], filename="p.html", actor=cast.validator
    )
    client.force_login(cast.auditor)
    answer = client.get(f"/validations/evidence/{Evidence.objects.get().pk}/")
    assert read(answer) == b"<script>"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="p.html"'
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Content-Type"]) == (
        "nosniff",
        "application/octet-stream",
    )
    client.force_login(cast.outsider)
    assert client.get(f"/validations/evidence/{Evidence.objects.get().pk}/").status_code == 404


def test_a_finding_is_answered_by_pages(cast: Cast, client: Client) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    url = found.get_absolute_url()
    client.force_login(cast.owner)
    assert "Accept" in client.get(url).content.decode()
    assert client.post(f"{url}accept_finding/", {"accept_finding-response": ""}).status_code == 422
    client.post(f"{url}accept_finding/", {"accept_finding-response": "Agreed."})
    proof = SimpleUploadedFile("proof.csv", b"1,2")
    client.post(
        f"{url}remediate_finding/", {"remediate_finding-remediation": "Refit.", "remediate_finding-file": proof}
    )
    assert read(client.get(f"{url}file/")) == b"1,2"
    client.force_login(cast.validator)
    assert found.asked is not None
    assert found.asked.ref in client.get(url).content.decode()
    assert client.post(f"{url}verify_finding/", {"verify_finding-verification": "Recomputed."}).status_code == 404
    sign(found.asked, cast.second_validator)
    found.refresh_from_db()
    assert (found.status, found.verified_by) == ("closed", cast.second_validator.person)
    assert "verified and closed" in client.get(url).content.decode()
    assert client.post(f"{url}erase/").status_code == 404


def test_a_closed_move_says_why(cast: Cast, client: Client) -> None:
    found = make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast))))
    client.force_login(cast.officer)
    assert "you hold no such role there" in client.get(found.get_absolute_url()).content.decode()


def test_the_list_of_findings_has_views_and_filters(cast: Cast, client: Client) -> None:
    on = make.under_way(cast, make.version(cast, make.model(cast)))
    high, low = make.finding(cast, on, "high", "Recall"), make.finding(cast, on, "low", "Naming")
    make.answer(cast, low, "withdrawn")
    client.force_login(cast.owner)

    def shown(**asked: str) -> set[str]:
        return {finding.ref for finding, _ in client.get("/validations/findings/", asked).context["rows"]}

    assert shown() == shown(view="mine") == shown(severity="high") == shown(q="retail") == {high.ref}
    assert shown(view="closed") == {low.ref}
    assert shown(view="overdue") == shown(q="other") == shown(severity="medium") == set()


@pytest.mark.parametrize("url", ["/validations/", "/validations/findings/"])
def test_lists_take_as_many_queries_for_three_as_for_one(cast: Cast, client: Client, url: str) -> None:
    def count() -> int:
        client.force_login(cast.auditor)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(url).status_code == 200
        return len(seen)

    for name in ("One", "Two", "Three"):
        make.finding(cast, make.under_way(cast, make.version(cast, make.model(cast, name))))
        counted = count()
        if name == "One":
            first = counted
    assert counted == first


def test_an_outsider_finds_nothing(cast: Cast, client: Client) -> None:
    on = make.under_way(cast, make.version(cast, make.model(cast)))
    found = make.finding(cast, on)
    client.force_login(cast.outsider)
    for url in (on.get_absolute_url(), found.get_absolute_url(), f"{found.get_absolute_url()}file/"):
        assert client.get(url).status_code == 404
    for path in ("take", "plan", "evidence", "finding", "conclude"):
        assert client.post(f"{on.get_absolute_url()}{path}/").status_code == 404
    assert client.post(f"/validations/request/{on.version_id}/").status_code == 404
    for url in ("/validations/", "/validations/findings/"):
        page = client.get(url).content.decode()
        assert on.ref not in page
        assert found.ref not in page
    assert client.get("/api/v1/findings/").json()["count"] == 0
    assert client.get(f"/api/v1/validations/{on.pk}/").status_code == 404


def test_the_same_by_json(cast: Cast, client: Client) -> None:
    version = make.version(cast, make.model(cast))

    def post(url: str, **body: object) -> object:
        return client.post(f"/api/v1/{url}", body, content_type="application/json")

    client.force_login(cast.developer)
    made = post(f"versions/{version.pk}/validations/")
    assert made.status_code == 201
    pk = made.json()["id"]
    assert client.get(f"/api/v1/validations/{pk}/").json()["moves"][0]["open"] is False
    client.force_login(fresh(cast.validator))
    assert post(f"validations/{pk}/take/").json()["status"] == "under_way"
    assert post(f"validations/{pk}/plan/", plan="All.").json()["plan"] == "All."
    assert post(f"validations/{pk}/evidence/", pillar="soundness", title="Read", text="Seen.").status_code == 201
    raised = post(
        f"validations/{pk}/findings/", title="Shift", description="x", severity="low", owner=cast.owner.person.email
    )
    assert raised.status_code == 201
    wrong = post(f"validations/{pk}/findings/", title="Shift", description="x", severity="low", owner="no@bank.example")
    assert (wrong.status_code, list(wrong.json()["fields"])) == (422, ["owner"])
    done = post(f"validations/{pk}/conclude/", outcome="fit_with_findings", conclusion="Good.", residual_risk="low")
    assert (done.json()["status"], done.json()["request"]) == ("under_way", str(Request.objects.latest("number").pk))
    sign(Request.objects.latest("number"), cast.second_validator)
    assert client.get(f"/api/v1/validations/{pk}/").json()["status"] == "concluded"
    finding = f"findings/{raised.json()['id']}/"
    refused = post(f"{finding}accept/", text="Agreed.")
    assert refused.status_code == 403
    client.force_login(fresh(cast.owner))
    assert post(f"{finding}accept/", text="Agreed.").json()["status"] == "accepted"
    assert post(f"{finding}erase/").status_code == 404
    assert Finding.objects.get().response == "Agreed."


def test_a_run_is_attached_with_one_click_under_the_pillars_it_speaks_to(cast: Cast, client: Client) -> None:
    version = make.version(cast, make.model(cast))
    run = make.run(cast, version)
    assert queries.relying(run, cast.validator) == []
    found = make.under_way(cast, version)
    client.force_login(cast.developer)
    address = f"/validations/{found.pk}/runs/{run.number}/"
    assert client.post(address).status_code in {403, 409}
    assert "Attach as evidence" in drawn(views.run_panel(run, cast.developer))
    assert not found.evidence.exists()
    client.force_login(cast.validator)
    assert "Attach under Outcomes analysis, Fairness, Explainability" in drawn(views.run_panel(run, cast.validator))
    assert client.post(address).status_code == 302
    assert sorted(found.evidence.values_list("pillar", "run")) == [
        ("explainability", run.pk), ("fairness", run.pk), ("outcomes", run.pk),
    ]  # fmt: skip
    assert Event.objects.filter(verb="validation.add_evidence", object_id=str(version.model_id)).count() == 3
    again = client.post(address)
    assert found.evidence.count() == 3
    assert again.status_code == 409
    assert "is evidence of" in again.content.decode()
