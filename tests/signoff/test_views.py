"""The pages of sign-off, and what an outsider sees of them."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mrm.audit.models import Event
from mrm.signoff.models import Comment, Request
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import PASSWORD, Cast, fresh, with_password

HTMX = {"HTTP_HX_REQUEST": "true"}


def rows(*texts: str) -> dict[str, str]:
    blank = {"c-TOTAL_FORMS": "3", "c-INITIAL_FORMS": "0", "c-MIN_NUM_FORMS": "0", "c-MAX_NUM_FORMS": "10"}
    return blank | {f"c-{number}-text": text for number, text in enumerate(texts)}


def test_the_queue_shows_what_waits_and_the_page_opens(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.officer)
    assert asked.ref in client.get("/approvals/").content.decode()
    page = client.get(asked.get_absolute_url()).content.decode()
    for words in (
        "You did not develop, own, validate or submit this",
        "Who may not, and why",
        "Evidence by policy clause",
    ):
        assert words in page


def test_the_developer_is_told_why_he_may_not_sign(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.developer)
    page = client.get(asked.get_absolute_url()).content.decode()
    assert "You may not sign: you developed this version." in page
    assert "Read and sign" not in page
    assert asked.ref not in client.get("/approvals/").content.decode()
    assert asked.ref in client.get("/approvals/?view=open").content.decode()


def test_signing_shows_the_statement_then_records_it(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(with_password(fresh(cast.officer)))
    url = asked.get_absolute_url()
    shown = client.post(f"{url}statement/", {"decision": "approve", "rationale": "It holds.", **rows()}, **HTMX)
    assert shown.headers["HX-Retarget"] == "#signing"
    page = shown.content.decode()
    assert asked.subject_digest in page
    assert "data-open" in page
    token = shown.context["sign"].initial["token"]
    wrong = client.post(f"{url}sign/", {"token": token, "password": "wrong"}, **HTMX)
    assert (wrong.status_code, asked.votes.count()) == (409, 0)
    assert "The password is wrong; nothing was signed." in wrong.content.decode()
    right = client.post(f"{url}sign/", {"token": token, "password": PASSWORD}, **HTMX)
    assert right.headers["HX-Redirect"] == url
    assert asked.votes.get().printed_name == "Rita Officer"


def test_what_is_missing_in_a_decision_is_said_in_the_card(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.officer)
    url = f"{asked.get_absolute_url()}statement/"
    answer = client.post(url, {"decision": "approve", "rationale": "", **rows()}, **HTMX)
    assert answer.status_code == 422
    assert "say why" in answer.content.decode()
    answer = client.post(url, {"decision": "approve", "rationale": "x", **rows("Do this.")}, **HTMX)
    assert answer.status_code == 422
    assert "Conditions belong to an approval with conditions" in answer.content.decode()


def test_a_condition_stands_in_for_a_missing_gate_and_is_offered_to_the_next_signer(cast: Cast, client: Client) -> None:
    version = validation.version(cast, validation.model(cast))
    validation.run(cast, version, ("performance", "explainability"))
    asked = make.submitted(cast, validation.validated(cast, version, runs=False))
    client.force_login(cast.officer)
    page = client.get(asked.get_absolute_url())
    reasons = [choice.reason for choice in page.context["sheet"].choices]
    assert reasons == ["Not open, missing: fairness tests", "", "", ""]
    make.sign(asked, cast.officer, "approve_with_conditions", [make.condition(cast)])
    client.force_login(cast.second_officer)
    assert "Run the fairness tests." in client.get(asked.get_absolute_url()).content.decode()
    same = client.get(asked.get_absolute_url()).context["same"][0].key
    given = {"decision": "approve_with_conditions", "rationale": "As he says.", "same": same, **rows()}
    shown = client.post(f"{asked.get_absolute_url()}statement/", given, **HTMX)
    assert [entry["text"] for entry in shown.context["statement"]["conditions"]] == ["Run the fairness tests."]


def test_the_outcome_is_shown_with_the_signatures(cast: Cast, client: Client) -> None:
    approval = make.approved(cast)
    client.force_login(cast.auditor)
    page = client.get(approval.request.get_absolute_url()).content.decode()
    for vote in approval.request.votes.all():
        assert vote.printed_name in page
        assert vote.statement_digest in page
    assert approval.request.ref in client.get("/approvals/?view=decided").content.decode()


def test_changed_evidence_is_shown_and_closes_the_card(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    validation.run(cast, validation.Version.objects.get(pk=asked.subject_key), ("performance",), auc=0.9)
    client.force_login(cast.officer)
    page = client.get(asked.get_absolute_url()).content.decode()
    assert "The evidence changed since this was submitted" in page
    assert "runs performance" in page
    assert "Read and sign" not in page


def test_nobody_who_may_sign_is_said_clearly(cast: Cast, client: Client) -> None:
    from mrm.access import services as access

    asked = make.submitted(cast)
    access.revoke(cast.second_officer.role_grants.get(), reason="left", actor=cast.administrator)
    client.force_login(cast.officer)
    page = client.get(asked.get_absolute_url()).content.decode()
    assert (
        "This cannot be completed: 2 more signatures of a risk officer of different business units needed, and 1 may"
        in page
    )
    assert "Nobody can complete it" in client.get("/approvals/").content.decode()


def test_comments_are_kept_and_shown(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.validator)
    client.post(f"{asked.get_absolute_url()}comments/", {"say-text": "Seen."})
    assert Comment.objects.get(request=asked).text == "Seen."
    assert Event.objects.filter(verb="signoff.comment", outcome="done").count() == 1


def test_the_submitter_takes_the_question_back(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.developer)
    client.post(f"{asked.get_absolute_url()}withdraw/", {"away-reason": "Refit first."})
    assert Request.objects.get(pk=asked.pk).status == "withdrawn"


@pytest.mark.parametrize("path", ["", "statement/", "sign/", "withdraw/", "comments/"])
def test_an_outsider_finds_nothing(cast: Cast, client: Client, path: str) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.outsider)
    url = asked.get_absolute_url() + path
    assert (client.post(url) if path else client.get(url)).status_code == 404
    assert asked.ref not in client.get("/approvals/?view=open").content.decode()


def test_a_policy_reads_in_sentences(cast: Cast, client: Client) -> None:
    client.force_login(cast.auditor)
    listed = client.get("/approvals/policies/")
    policy = listed.context["policies"].get(key="production-use-tier-1")
    page = client.get(f"/approvals/policies/{policy.pk}/").content.decode()
    assert "2 risk officers of different business units must sign." in page


def test_the_queue_takes_as_many_queries_for_three_as_for_one(cast: Cast, client: Client) -> None:
    def count() -> int:
        client.force_login(cast.officer)
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/approvals/").status_code == 200
        return len(seen)

    make.submitted(cast)
    count()
    first = count()
    for name in ("Card fraud", "Mortgage LGD"):
        make.sign(make.submitted(cast, name=name), cast.second_officer)
    assert count() == first
    assert first <= 24
