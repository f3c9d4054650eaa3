"""An access review ends under a signature, confirmed as any signature is."""

import json

import pytest
from django.urls import reverse
from fido2.utils import websafe_encode

from mrm.access import services as access
from mrm.access.models import Account
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.canonical import digest
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.entitlement import services
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, with_password
from tests.factories.entitlement import client_of, decide_all, item_of, under_review
from tests.factories.factors import code_of, with_app, with_key


def test_it_is_attested_under_a_signature(cast: Cast, head: Account) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    services.revoke(item_of(review, cast.owner), reason="Moved.", actor=fresh(cast.lead))
    decide_all(cast, review, cast.lead, head, cast.officer)
    signer = with_password(cast.auditor)
    statement, token = services.compose(review, actor=fresh(signer))
    with pytest.raises(Refused, match="The password is wrong; nothing was signed"):
        services.attest(review, token=token, password="wrong", actor=fresh(signer))
    with pytest.raises(Refused, match="not a statement that was shown here"):
        services.attest(review, token=token[:-2] + "xx", password=PASSWORD, actor=fresh(signer))
    other = with_password(cast.administrator)
    with pytest.raises(Refused, match="made for another review or another person"):
        services.attest(review, token=token, password=PASSWORD, actor=fresh(other))
    services.attest(review, token=token, password=PASSWORD, actor=fresh(signer))
    review.refresh_from_db()
    total = review.items.count()
    assert (statement["items"], statement["confirmed"], statement["revoked"]) == (total, total - 1, 1)
    assert (review.status, review.completed_by, review.printed_name) == ("completed", cast.auditor, "Anna Auditor")
    assert json.loads(review.statement) == statement
    assert review.statement_digest == digest(statement)
    event = Event.objects.get(verb="entitlement.complete_review", outcome="done")
    for name in ("items", "confirmed", "revoked", "snapshot_digest", "decisions_digest", "meaning"):
        assert event.details[name] == statement[name], name
    assert event.details["statement_digest"] == review.statement_digest
    assert "Anna" not in json.dumps(event.details)
    with pytest.raises(Refused, match="is completed"):
        services.compose(review, actor=fresh(signer))


def test_who_does_not_attest_and_what_is_not_fresh(cast: Cast, head: Account) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    with pytest.raises(Forbidden):
        services.compose(review, actor=fresh(cast.lead))
    decide_all(cast, review, cast.lead, head, cast.officer)
    statement, _token = services.compose(review, actor=fresh(cast.administrator))
    with pytest.raises(Refused, match="Something was decided since"):
        services.complete(
            review,
            statement={**statement, "decisions_digest": "0"},
            confirmed=access.Confirmed("password"),
            actor=fresh(cast.administrator),
        )


def without_password(account: Account) -> Account:
    """Somebody who signs in elsewhere, and confirms by what he carries."""
    with recorded("access.change_password", actor=SETUP, subject=account):
        account.set_unusable_password()
        account.save(update_fields=["password"])
    return fresh(account)


def test_it_is_attested_by_a_security_key_of_somebody_without_a_password(cast: Cast, head: Account) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    decide_all(cast, review, cast.lead, head, cast.officer)
    signer, key = with_key(cast.auditor)
    signer = without_password(signer)
    statement, token = services.compose(review, actor=signer)
    with pytest.raises(Refused, match="Your account has no password; nothing was signed"):
        services.attest(review, token=token, password=PASSWORD, actor=signer)
    other = key.get(websafe_encode(bytes(32)))
    with pytest.raises(Refused, match="it answered something else"):
        services.attest(review, token=token, answer=other, actor=signer)
    answer = key.get(websafe_encode(bytes.fromhex(digest(statement))))
    services.attest(review, token=token, answer=answer, actor=signer)
    review.refresh_from_db()
    assert (review.status, review.method) == ("completed", "webauthn")
    assert review.evidence["signature"] == answer["response"]["signature"]
    event = Event.objects.get(verb="entitlement.complete_review", outcome="done")
    assert (event.details["method"], event.details["statement_digest"]) == ("webauthn", digest(statement))
    assert Event.objects.filter(verb="access.confirm_identity", outcome="refused").count() == 2


def test_it_is_attested_by_a_code_that_serves_once(cast: Cast, head: Account) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    decide_all(cast, review, cast.lead, head, cast.officer)
    signer, secret = with_app(cast.auditor)
    _statement, token = services.compose(review, actor=signer)
    for given in ({}, {"code": code_of(secret), "password": PASSWORD}):
        with pytest.raises(Invalid, match="in one way"):
            services.attest(review, token=token, actor=signer, **given)
    with pytest.raises(Refused, match="The code is wrong; nothing was signed"):
        services.attest(review, token=token, code="000000", actor=signer)
    services.attest(review, token=token, code=code_of(secret), actor=signer)
    review.refresh_from_db()
    assert (review.status, review.method, review.evidence) == ("completed", "totp", {})


def test_the_page_offers_each_way_and_says_why_one_is_closed(cast: Cast, head: Account) -> None:
    review = under_review(cast, substitute=cast.officer.person)
    decide_all(cast, review, cast.lead, head, cast.officer)
    signer, key = with_key(cast.auditor)
    client = client_of(without_password(signer))
    attest = reverse("entitlement:attest", args=[review.pk])
    shown = client.get(attest)
    text = shown.content.decode()
    assert "Your account has no password." in text
    assert "Not set up: add an authenticator app on your account page." in text
    assert [(way.method, way.checked) for way in shown.context["ways"]] == [
        ("webauthn", True), ("totp", False), ("password", False)
    ]  # fmt: skip
    options = json.loads(shown.context["key_options"])
    challenge = websafe_encode(bytes.fromhex(shown.context["statement_digest"]))
    assert options["publicKey"]["challenge"] == challenge
    bare = client.post(attest, {"token": shown.context["token"], "method": "webauthn", "answer": ""})
    assert (bare.status_code, "Your security key gave no answer" in bare.content.decode()) == (422, True)
    assert f'value="{bare.context["token"]}"' in bare.content.decode()
    answer = key.get(websafe_encode(bytes.fromhex(bare.context["statement_digest"])))
    client.post(attest, {"token": bare.context["token"], "method": "webauthn", "answer": json.dumps(answer)})
    review.refresh_from_db()
    assert (review.status, review.method) == ("completed", "webauthn")
    assert "passkey" in client.get(review.get_absolute_url()).content.decode()
