"""Policies on their pages: read in sentences, written, tried on a past request, taken along and brought back."""

import re

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mrm.access.models import Account
from mrm.signoff import queries
from mrm.signoff.models import Policy, Proposal
from tests.factories import approval as make
from tests.factories.access import Cast, account, fresh
from tests.factories.proposal import policy_in_force, signed


@pytest.fixture
def policy(db: None) -> Policy:
    return Policy.objects.get(key="production-use-tier-1")


def enter(client: Client, who: Account) -> Client:
    client.force_login(fresh(who))
    return client


def text_of(policy: Policy, **more: object) -> str:
    return str(yaml.safe_dump(policy.content | {"version": 2} | more, allow_unicode=True))


def test_a_policy_reads_as_sentences_that_leave_nothing_out(cast: Cast, client: Client, policy: Policy) -> None:
    page = enter(client, cast.auditor).get(policy.get_absolute_url())
    told = dict(page.context["rules"])
    assert told["When it applies"] == "To approve for production of tier 1."
    assert told["What one person never combines"].startswith("Developer and validator; validator and approver;")
    assert told["Standing in"] == "A delegate may, for 30 days at most, who must hold the same role; both are counted."
    assert told["What voids it"].startswith("A change of methodology,")
    assert "or security key, on a statement read at most" in told["Signature"]


def test_what_is_exported_comes_back_as_it_was(cast: Cast, client: Client, policy: Policy) -> None:
    answer = enter(client, cast.auditor).get(f"{policy.get_absolute_url()}export/")
    assert answer["Content-Disposition"] == 'attachment; filename="production-use-tier-1-v1.yaml"'
    assert yaml.safe_load(answer.content) == policy.content


def test_the_administrator_writes_and_the_officers_sign(cast: Cast, client: Client, policy: Policy) -> None:
    url = f"{policy.get_absolute_url()}edit/"
    shown = enter(client, cast.policy_admin).get(url)
    assert yaml.safe_load(shown.context["form"].initial["text"])["version"] == 2
    answer = client.post(url, {"text": text_of(policy, valid_days=180), "reason": "Shorter."})
    made = Proposal.objects.get()
    assert answer.url == made.get_absolute_url()
    assert made.label in client.get("/approvals/policies/").content.decode()
    closed = client.get(policy.get_absolute_url()).content.decode()
    assert f"A change is before the signers in {made.request.ref}." in closed
    signed(made.request, cast.officer, cast.second_officer)
    assert Policy.objects.get(key=policy.key, current=True).content["valid_days"] == 180


def test_a_file_is_read_like_what_is_typed(cast: Cast, client: Client, policy: Policy) -> None:
    url, client = f"{policy.get_absolute_url()}edit/", enter(client, cast.policy_admin)
    file = SimpleUploadedFile("p.yaml", text_of(policy, valid_days=90).encode())
    assert client.post(url, {"text": "", "file": file, "reason": "Ours."}).status_code == 302
    assert Proposal.objects.get().content["content"]["valid_days"] == 90


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "does not say its `kind`"),
        ("a: [", "is not YAML"),
        ("kind: signoff_policy", "is a required property"),
        ("kind: regime", "is a required property"),
    ],
)
def test_what_is_no_policy_is_told_and_nothing_is_lost(
    cast: Cast, client: Client, policy: Policy, text: str, sentence: str
) -> None:
    answer = enter(client, cast.policy_admin).post(
        f"{policy.get_absolute_url()}edit/", {"text": text, "reason": "Mine, kept."}
    )
    page = answer.content.decode()
    assert (answer.status_code, sentence in page, "Mine, kept." in page) == (422, True, True)
    assert not Proposal.objects.exists()


def test_a_file_that_is_no_text_is_told(cast: Cast, client: Client, policy: Policy) -> None:
    file = SimpleUploadedFile("p.yaml", b"\xff\xfe\x00")
    answer = enter(client, cast.policy_admin).post(
        f"{policy.get_absolute_url()}edit/", {"file": file, "reason": "Ours."}
    )
    assert (answer.status_code, "This file is no text" in answer.content.decode()) == (422, True)


def test_the_preview_names_the_fault_and_what_changes(cast: Cast, client: Client, policy: Policy) -> None:
    url, client = f"{policy.get_absolute_url()}preview/", enter(client, cast.policy_admin)
    page = client.post(url, {"text": text_of(policy, valid_days=30)}).content.decode()
    assert re.search(r"How long it holds.*365 days.*30 days", page, re.DOTALL)
    many = [{"id": "all", "sla_hours": 1, "requirements": [{"role": "risk_officer", "quorum": 3}]}]
    page = client.post(url, {"text": text_of(policy, stages=many)}).content.decode()
    assert "3 is above the 2 people who could ever sign as risk_officer" in page
    assert not Proposal.objects.exists()


def test_only_a_policy_administrator_writes(cast: Cast, client: Client, policy: Policy) -> None:
    for name in ("officer", "auditor", "administrator", "owner"):
        entered = enter(client, getattr(cast, name))
        for path in ("edit/", "preview/"):
            assert entered.post(policy.get_absolute_url() + path, {"text": "x", "reason": "y"}).status_code == 403
        assert "This is done by a policy administrator" in entered.get("/approvals/policies/").content.decode()


def test_a_policy_is_tried_on_a_past_request(cast: Cast, policy: Policy) -> None:
    late = account("Lars Late", cast.risk, ("risk_officer", cast.bank))
    late.role_grants.get()
    asked = make.approved(cast).request
    found = queries.trial(policy.content, asked)
    assert (found.state, found.was) == ("approved", "approved")
    (place,) = found.places
    assert {person.name for person in place.could} == {"Rita Officer", "Sven Officer", "Lars Late"}
    stricter = policy.content | {"stages": [
        {**policy.content["stages"][0], "requirements": [{"role": "risk_officer", "quorum": 3}]}]}  # fmt: skip
    assert queries.trial(stricter, asked).state in {"open", "blocked"}
    by_validators = policy.content | {"stages": [
        {**policy.content["stages"][0], "requirements": [{"role": "validator", "quorum": 1}]}]}  # fmt: skip
    (place,) = queries.trial(by_validators, asked).places
    assert place.short
    assert {person.name: reason for person, reason in place.could_not}["Vera Validator"].startswith("validated this")


def test_the_page_shows_the_trial(cast: Cast, client: Client, policy: Policy) -> None:
    asked = make.approved(cast).request
    page = enter(client, cast.auditor).get(policy.get_absolute_url(), {"request": str(asked.pk)}).content.decode()
    assert "Enough could have signed" in page
    assert "Rita Officer" in page


def test_a_new_policy_is_for_subjects_that_none_covers(cast: Cast, client: Client, policy: Policy) -> None:
    client = enter(client, cast.policy_admin)
    page = client.post("/approvals/policies/new/", {"text": text_of(policy, id="mine"), "reason": "Mine."})
    assert (page.status_code, "covers this already" in page.content.decode()) == (422, True)
    free = text_of(policy, id="deployment-tier-2", applies={"action": "deploy", "tier": ["2"]})
    assert client.post("/approvals/policies/new/", {"text": free, "reason": "Tier 2 too."}).status_code == 302


def test_a_changed_policy_is_told_by_its_change(cast: Cast) -> None:
    assert policy_in_force(cast, "exception", valid_days=90).version == 2
