"""Signing by code and by security key: each attack is refused with its sentence and leaves its row."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing
from django.db import DatabaseError, transaction
from django.test import Client
from fido2.utils import websafe_encode

from mrm.access import services as access
from mrm.access.models import Account, Factor
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.actors import System
from mrm.core.canonical import canonical, digest
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.signoff import queries, services
from mrm.signoff.models import Policy, Request, Vote
from tests.factories import approval as make
from tests.factories.access import PASSWORD, Cast, fresh, with_password
from tests.factories.factors import Key, by_password, code_of, enrolled, with_app, with_key
from tests.factories.proposal import policy_in_force

HTMX = {"HTTP_HX_REQUEST": "true"}


def statement(asked: Request, account: Account, decision: str = "approve") -> tuple[dict[str, Any], str, str]:
    """What is shown, its token, and the challenge that the browser passes to a key."""
    shown, token = services.compose(asked, decision=decision, rationale=make.WHY, conditions=[], actor=account)
    return shown, token, websafe_encode(bytes.fromhex(digest(shown)))


def refused(verb: str) -> Event:
    return Event.objects.filter(verb=verb, outcome="refused").latest("position")


def test_a_code_signs_once(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    one, two = make.submitted(cast), make.submitted(cast, name="Card fraud")
    _, token, _ = statement(one, account)
    code = code_of(secret)
    vote = services.sign(one, token=token, code=code, actor=account)
    assert (vote.method, vote.evidence) == ("totp", {})
    assert Event.objects.filter(verb="signoff.vote", outcome="done").latest("position").details["method"] == "totp"
    assert Event.objects.filter(verb="access.confirm_identity", outcome="done").latest("position").details == {
        "method": "totp"
    }
    _, token, _ = statement(two, account)
    with pytest.raises(Refused, match="This code was used before"):
        services.sign(two, token=token, code=code, actor=account)
    assert refused("access.confirm_identity").details["reasons"] == [
        "This code was used before; wait for the next one; nothing was signed."
    ]
    assert services.sign(two, token=token, code=code_of(secret, 1), actor=account).method == "totp"


def test_a_code_that_signed_in_signs_nothing_and_the_other_way(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    code = code_of(secret)
    access.confirm_second_factor(account, proof=access.Proof("totp", secret=code), actor=account)
    asked = make.submitted(cast)
    _, token, _ = statement(asked, account)
    with pytest.raises(Refused, match="used before"):
        services.sign(asked, token=token, code=code, actor=account)


def test_wrong_codes_are_recorded_and_five_close_the_door_for_every_way(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    asked = make.submitted(cast)
    _, token, _ = statement(asked, account)
    for _ in range(5):
        with pytest.raises(Refused, match=r"The code is wrong; nothing was signed\."):
            services.sign(asked, token=token, code="000000", actor=account)
    for given in ({"code": code_of(secret)}, {"password": PASSWORD}):
        with pytest.raises(Refused, match="Too many"):
            services.sign(asked, token=token, actor=account, **given)
    assert Event.objects.filter(verb="access.confirm_identity", outcome="refused").count() == 7
    assert not Vote.objects.filter(request=asked).exists()


def test_an_old_code_is_wrong(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    asked = make.submitted(cast)
    _, token, _ = statement(asked, account)
    for ahead in (-2, 2):
        with pytest.raises(Refused, match="The code is wrong"):
            services.sign(asked, token=token, code=code_of(secret, ahead), actor=account)


def test_what_is_not_set_up_confirms_nobody(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    asked = make.submitted(cast)
    _, token, _ = statement(asked, account)
    with pytest.raises(Refused, match="No authenticator app is set up"):
        services.sign(asked, token=token, code="123456", actor=account)
    with pytest.raises(Refused, match="No security key is set up"):
        services.sign(asked, token=token, answer={"id": "x"}, actor=account)


def test_exactly_one_way_is_taken(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    asked = make.submitted(cast)
    _, token, _ = statement(asked, account)
    for given in ({}, {"password": PASSWORD, "code": code_of(secret)}):
        with pytest.raises(Invalid, match="in one way"):
            services.sign(asked, token=token, actor=account, **given)


def narrowed(cast: Cast, *methods: str) -> Request:
    """A request under a policy that takes these ways only."""
    old = Policy.objects.get(key="production-use-tier-1", current=True)
    policy_in_force(cast, old.key, signature={**old.content["signature"], "methods": list(methods)})
    return make.submitted(cast)


def test_a_way_that_the_policy_does_not_take_is_refused(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    asked = narrowed(cast, "webauthn")
    _, token, _ = statement(asked, account)
    for given in ({"password": PASSWORD}, {"code": code_of(secret)}):
        with pytest.raises(Refused, match="takes signatures confirmed by security key only"):
            services.sign(asked, token=token, actor=account, **given)
    assert refused("signoff.vote").details["reasons"][0].endswith("confirmed by security key only.")
    closed = {way.method: way.reason for way in queries.ways(asked, account)}
    assert closed["password"] == closed["totp"] == refused("signoff.vote").details["reasons"][0]
    assert closed["webauthn"] == "Not set up: add a security key on your account page."
    key = Key()
    enrolled(account, key)
    _, token, challenge = statement(asked, account)
    assert services.sign(asked, token=token, answer=key.get(challenge), actor=account).method == "webauthn"


def test_the_service_behind_asks_the_policy_too(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    asked = narrowed(cast, "webauthn")
    shown, _, _ = statement(asked, account)
    with pytest.raises(Refused, match="by security key only"):
        services.vote(asked, statement=shown, confirmed=access.Confirmed("password"), actor=account)


@pytest.mark.parametrize("edwards", [False, True])
def test_a_key_signs_the_statement_itself_and_an_outsider_can_verify_it(cast: Cast, edwards: bool) -> None:
    account, key = with_key(cast.officer, edwards=edwards)
    asked = make.submitted(cast)
    shown, token, challenge = statement(asked, account)
    vote = services.sign(asked, token=token, answer=key.get(challenge), actor=account)
    assert vote.method == "webauthn"
    client_data = base64.urlsafe_b64decode(vote.evidence["client_data"] + "==")
    told = json.loads(client_data)["challenge"]
    assert base64.urlsafe_b64decode(told + "==") == hashlib.sha256(vote.statement.encode()).digest()
    assert vote.statement == canonical(shown).decode()
    signed = base64.urlsafe_b64decode(vote.evidence["authenticator_data"] + "==") + hashlib.sha256(client_data).digest()
    signature = base64.urlsafe_b64decode(vote.evidence["signature"] + "==")
    public = key.private.public_key()
    if edwards:
        public.verify(signature, signed)
    else:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    cose = base64.urlsafe_b64decode(vote.evidence["public_key"] + "==")
    kept = Event.objects.get(verb="access.enrol_key").details
    assert (kept["public_key_digest"], kept["credential_id"]) == (
        hashlib.sha256(cose).hexdigest(),
        vote.evidence["credential_id"],
    )
    assert Factor.objects.get(type="webauthn").data["counter"] == 1


Misuse = Callable[[Key, str], dict[str, Any]]


def elsewhere(**faults: Any) -> Misuse:
    def misuse(key: Key, challenge: str) -> dict[str, Any]:
        for name, value in faults.items():
            setattr(key, name, value)
        return key.get(challenge)

    return misuse


def tampered(part: str) -> Misuse:
    def misuse(key: Key, challenge: str) -> dict[str, Any]:
        answer = key.get(challenge)
        content = bytearray(base64.urlsafe_b64decode(answer["response"][part] + "=="))
        content[-1] ^= 1
        answer["response"][part] = websafe_encode(bytes(content))
        return answer

    return misuse


MISUSES: dict[str, tuple[Misuse, str]] = {
    "another challenge": (lambda key, challenge: key.get(websafe_encode(bytes(32))), "it answered something else"),
    "another origin": (elsewhere(origin="https://mrm.evil.example"), "it answered another site"),
    "another port": (elsewhere(origin="http://localhost:1"), "it answered another site"),
    "another relying party": (elsewhere(party="evil.example"), "it answered another site"),
    "nobody verified": (elsewhere(flags=0x01), "it did not verify that it is you"),
    "nobody present": (elsewhere(flags=0x04), "nobody touched it"),
    "an unknown credential": (elsewhere(credential=b"x" * 32), "it is not one of yours"),
    "an altered signature": (tampered("signature"), "its (signature does not hold|answer cannot be read)"),
    "an altered counter": (tampered("authenticatorData"), "its signature does not hold"),
    "no answer at all": (lambda key, challenge: {"id": "x"}, "its answer cannot be read"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_key_that_answers_wrongly_signs_nothing(cast: Cast, misuse: str) -> None:
    account, key = with_key(cast.officer)
    asked = make.submitted(cast)
    _, token, challenge = statement(asked, account)
    act, sentence = MISUSES[misuse]
    with pytest.raises(Refused, match=rf"The security key was not accepted: {sentence}; nothing was signed\."):
        services.sign(asked, token=token, answer=act(key, challenge), actor=account)
    assert refused("access.confirm_identity").object_id == str(account.pk)
    assert not Vote.objects.filter(request=asked).exists()


def test_another_persons_key_does_not_sign(cast: Cast) -> None:
    _, others = with_key(cast.second_officer)
    account, _ = with_key(cast.officer)
    asked = make.submitted(cast)
    _, token, challenge = statement(asked, account)
    with pytest.raises(Refused, match="it is not one of yours"):
        services.sign(asked, token=token, answer=others.get(challenge), actor=account)
    with pytest.raises(Refused, match="another request or another person"):
        services.sign(asked, token=token, answer=others.get(challenge), actor=fresh(cast.second_officer))
    assert not Vote.objects.filter(request=asked).exists()


def test_a_counter_that_goes_back_or_stands_still_is_a_copy(cast: Cast) -> None:
    account, key = with_key(cast.officer, counter=7)
    asked = make.submitted(cast)
    for steps in (0, -2):
        key.steps = steps
        _, token, challenge = statement(asked, account)
        with pytest.raises(Refused, match="as a copy of it would"):
            services.sign(asked, token=token, answer=key.get(challenge), actor=account)
    assert "copy" in refused("access.confirm_identity").details["reasons"][0]
    key.steps, key.counter = 1, 7
    _, token, challenge = statement(asked, account)
    assert services.sign(asked, token=token, answer=key.get(challenge), actor=account).method == "webauthn"


@pytest.mark.parametrize("steps", [0, 1])
def test_an_answer_signs_once_and_one_statement_only(cast: Cast, steps: int) -> None:
    """Also of keys that do not count, as those that are kept in the cloud."""
    account, key = with_key(cast.officer, steps=steps)
    one, two = make.submitted(cast), make.submitted(cast, name="Card fraud")
    _, token, challenge = statement(one, account)
    answer = key.get(challenge)
    services.sign(one, token=token, answer=answer, actor=account)
    with pytest.raises(Refused, match="signed before" if steps == 0 else "copy"):
        services.sign(one, token=token, answer=answer, actor=account)
    _, other, _ = statement(two, account)
    with pytest.raises(Refused, match="it answered something else"):
        services.sign(two, token=other, answer=answer, actor=account)
    with pytest.raises(Refused):
        services.sign(two, token=token, answer=answer, actor=account)
    assert Vote.objects.filter(request__in=[one, two]).count() == 1


def test_an_edited_statement_is_refused_and_recorded(cast: Cast) -> None:
    account, key = with_key(cast.officer)
    asked = make.submitted(cast)
    shown, token, _ = statement(asked, account, "reject")
    edited = {**shown, "decision": "approve"}
    forged = signing.dumps(edited, salt="guessed")
    answer = key.get(websafe_encode(bytes.fromhex(digest(edited))))
    with pytest.raises(Refused, match="not a statement that was shown here"):
        services.sign(asked, token=forged, answer=answer, actor=account)
    assert "not a statement" in refused("signoff.vote").details["reasons"][0]
    with pytest.raises(Refused, match="it answered something else"):
        services.sign(asked, token=token, answer=answer, actor=account)


def test_a_statement_grows_old_under_a_key_as_well(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    account, key = with_key(cast.officer)
    asked = make.submitted(cast)
    _, token, challenge = statement(asked, account)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 301)
    with pytest.raises(Refused, match="shown too long ago"):
        services.sign(asked, token=token, answer=key.get(challenge), actor=account)
    monkeypatch.undo()
    assert "too long ago" in refused("signoff.vote").details["reasons"][0]


def test_a_token_reads_no_statement_and_signs_nothing(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    asked = make.submitted(cast)
    _, token, _ = statement(asked, account)
    account.scopes = ("*",)
    with pytest.raises(Forbidden, match="tokens cannot sign"):
        services.sign(asked, token=token, code=code_of(secret), actor=account)
    with pytest.raises(Forbidden, match="tokens cannot sign"):
        statement(asked, account)


def test_the_database_asks_for_the_evidence(cast: Cast) -> None:
    asked = make.submitted(cast)
    vote = make.sign(asked, cast.officer)
    kept = {field.attname: getattr(vote, field.attname) for field in Vote._meta.concrete_fields}
    for wrong in ({"method": "webauthn"}, {"evidence": {"signature": "x"}}, {"method": "handshake"}):
        with (
            pytest.raises(DatabaseError, match=r"vote_(evidence|method)"),
            transaction.atomic(),
            recorded("signoff.vote", actor=System("intruder"), subject=asked),
        ):
            Vote.objects.create(**{**kept, "id": None, "person_id": cast.second_officer.person_id,
                                   "account_id": cast.second_officer.pk, **wrong})  # fmt: skip


def test_the_dialog_offers_what_is_set_up_and_says_why_the_rest_is_closed(cast: Cast, client: Client) -> None:
    account, key = with_key(cast.officer)
    asked = make.submitted(cast)
    client.force_login(account)
    rows = {"c-TOTAL_FORMS": "0", "c-INITIAL_FORMS": "0", "c-MIN_NUM_FORMS": "0", "c-MAX_NUM_FORMS": "10"}
    shown = client.post(
        f"{asked.get_absolute_url()}statement/", {"decision": "approve", "rationale": "It holds.", **rows}, **HTMX
    )
    ways = [(way.method, bool(way.reason), way.checked) for way in shown.context["ways"]]
    assert ways == [("webauthn", False, True), ("totp", True, False), ("password", False, False)]
    assert "Not set up: add an authenticator app on your account page." in shown.content.decode()
    options = json.loads(shown.context["key_options"])["publicKey"]
    url, token = f"{asked.get_absolute_url()}sign/", shown.context["sign"].initial["token"]
    empty = client.post(url, {"token": token, "method": "webauthn"}, **HTMX)
    assert (empty.status_code, "gave no answer" in empty.content.decode()) == (422, True)
    given = {"token": token, "method": "webauthn", "answer": json.dumps(key.get(options["challenge"])), "password": "x"}
    assert client.post(url, given, **HTMX).headers["HX-Redirect"] == asked.get_absolute_url()
    assert asked.votes.get().method == "webauthn"


def test_the_api_signs_with_a_key_in_two_calls(cast: Cast, client: Client) -> None:
    account, key = with_key(cast.officer)
    asked = make.submitted(cast)
    client.force_login(account)
    base = f"/api/v1/requests/{asked.pk}/"

    def post(path: str, **body: Any) -> Any:
        return client.post(base + path, body, content_type="application/json")

    shown = post("statement/", decision="approve", rationale="It holds.").json()
    assert [way["method"] for way in shown["methods"] if not way["reason"]] == ["webauthn", "password"]
    challenge = shown["webauthn"]["publicKey"]["challenge"]
    assert challenge == websafe_encode(bytes.fromhex(shown["statement_digest"]))
    both = post("sign/", token=shown["token"], answer=key.get(challenge), password=PASSWORD)
    assert (both.status_code, "in one way" in both.json()["reasons"][0]) == (422, True)
    signed = post("sign/", token=shown["token"], answer=key.get(challenge))
    assert (signed.status_code, signed.json()["method"]) == (201, "webauthn")
    assert signed.json()["evidence"]["credential_id"] == websafe_encode(key.credential)
    for name in ("printed_name", "meaning", "signed_at", "statement_digest"):
        assert signed.json()[name]


def test_the_api_signs_with_a_code(cast: Cast, client: Client) -> None:
    account, secret = with_app(cast.officer)
    asked = make.submitted(cast)
    client.force_login(account)
    base = f"/api/v1/requests/{asked.pk}/"
    shown = client.post(
        f"{base}statement/", {"decision": "approve", "rationale": "x"}, content_type="application/json"
    ).json()
    given = {"token": shown["token"], "code": code_of(secret)}
    assert client.post(f"{base}sign/", given, content_type="application/json").json()["method"] == "totp"


def test_who_has_no_password_signs_with_what_he_has(cast: Cast) -> None:
    account, key = with_key(cast.officer)
    with recorded("access.change_password", actor=account, subject=account):
        account.set_unusable_password()
        account.save(update_fields=["password"])
    account = fresh(account)
    asked = make.submitted(cast)
    _, token, challenge = statement(asked, account)
    with pytest.raises(Refused, match="Your account has no password; nothing was signed"):
        services.sign(asked, token=token, password=PASSWORD, actor=account)
    assert services.sign(asked, token=token, answer=key.get(challenge), actor=account).method == "webauthn"
    assert by_password().method == "password"
