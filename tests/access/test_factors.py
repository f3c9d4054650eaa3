"""Second factors: set up, asked for at sign-in, used once, taken away; secrets stand nowhere in the clear."""

import base64
import json
import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from mrm.access import services
from mrm.access.models import Account, Factor, Method
from mrm.access.second_factors import Unanswered, answered, created, step_of
from mrm.audit.models import Change, Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, person, with_password
from tests.factories.factors import Key, by_password, code_of, enrolled, with_app, with_key

SIGN_IN, SECOND = "/sign-in/", "/sign-in/second/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def refusals(verb: str) -> list[list[str]]:
    found = Event.objects.filter(verb=verb, outcome="refused").order_by("position")
    return [event.details["reasons"] for event in found]


def half_way(account: Account) -> Client:
    """A visitor whose password was right."""
    client = Client()
    answer = client.post(SIGN_IN, {"login": account.username, "password": PASSWORD})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, SECOND)
    return client


def signed_in(client: Client) -> bool:
    return client.get("/people/account/").status_code == 200


@pytest.mark.parametrize(("skew", "right"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_a_code_holds_for_a_clock_half_a_minute_off(skew: int, right: bool) -> None:
    now = 1_790_000_000
    step = now // 30
    code = format_hotp_value(hotp_value(SECRET, step))
    assert (step_of(SECRET, code, now=now + skew) == step) == right


def test_a_code_of_the_standard_is_ours() -> None:
    """RFC 6238, appendix B: SHA-1, the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for moment, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert step_of(secret, code, now=moment) == moment // 30


def test_an_app_is_set_up_with_the_password_and_its_first_code(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    client = client_of(account)
    page = client.post(reverse("access:begin_app"), {"secret": PASSWORD})
    assert page.context["picture"].startswith("data:image/svg+xml")
    secret, token = page.context["secret"].replace(" ", ""), page.context["form"].initial["token"]
    wrong = client.post(reverse("access:enrol_app"), {"token": token, "code": "000000"})
    assert (wrong.status_code, Factor.objects.count()) == (422, 0)
    assert wrong.context["secret"].replace(" ", "") == secret
    done = client.post(reverse("access:enrol_app"), {"token": token, "code": code_of(secret)})
    assert len(set(done.context["codes"])) == 10
    event = Event.objects.get(verb="access.enrol_totp", outcome="done")
    assert (event.actor, event.details["account"]) == (account.username, account.username)
    assert set(Factor.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}


def test_the_secret_stands_nowhere_in_the_clear(cast: Cast) -> None:
    _, secret = with_app(cast.officer)
    with connection.cursor() as cursor:
        for table in ("mfa_authenticator", "audit_event", "audit_change", "audit_disclosure", "django_session"):
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t")
            assert secret not in cursor.fetchone()[0], table
    kept = Change.objects.filter(table="mfa_authenticator")
    assert kept.exists()
    assert not any("data" in (change.after or {}) for change in kept)
    assert secret not in json.dumps(list(Factor.objects.values_list("data", flat=True)))


def test_without_the_password_nothing_is_set_up_and_five_failures_close_it(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    for _ in range(5):
        with pytest.raises(Refused, match=r"The password is wrong; nothing was changed\."):
            services.begin_enrolment(account, proof=by_password("wrong"), actor=account)
    with pytest.raises(Refused, match="Too many"):
        services.begin_key(account, proof=by_password(), actor=account)
    assert len(refusals("access.confirm_identity")) == 6
    assert not Factor.objects.exists()


def test_an_enrolment_belongs_to_who_began_it(cast: Cast) -> None:
    one, other = with_password(fresh(cast.officer)), with_password(fresh(cast.second_officer))
    secret, token = services.begin_enrolment(one, proof=by_password(), actor=one)
    for account, begun, match in (
        (other, token, "begun for another account"),
        (one, token[:-4] + "AAAA", "not begun here"),
        (one, "word", "not begun here"),
    ):
        with pytest.raises(Refused, match=match):
            services.enrol_totp(account, token=begun, code=code_of(secret), actor=account)
    with pytest.raises(Refused, match="begun for another account"):
        services.enrol_key(one, token=token, name="x", answer={}, actor=one)


def test_another_person_and_a_token_set_up_nothing(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    with pytest.raises(Refused, match="the person who is signed in"):
        services.begin_enrolment(account, proof=by_password(), actor=cast.administrator)
    account.scopes = ("*",)
    with pytest.raises(Forbidden, match="tokens cannot sign"):
        services.begin_enrolment(account, proof=by_password(), actor=account)


def test_one_app_at_a_time(cast: Cast) -> None:
    account, _ = with_app(cast.officer)
    with pytest.raises(Refused, match="set up already; remove it first"):
        services.begin_enrolment(account, proof=by_password(), actor=account)


def test_sign_in_asks_for_the_code_and_takes_it_once(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    client = half_way(account)
    assert not signed_in(client)
    assert not Event.objects.filter(verb="access.sign_in").exists()
    wrong = client.post(SECOND, {"code": "000000"})
    assert "The code is wrong." in wrong.content.decode()
    code = code_of(secret)
    client.post(SECOND, {"code": code})
    assert signed_in(client)
    assert Event.objects.get(verb="access.confirm_second_factor", outcome="done").details == {"method": "totp"}
    assert Event.objects.filter(verb="access.sign_in", outcome="done").count() == 1
    again = half_way(account).post(SECOND, {"code": code})
    assert "used before; wait for the next one" in again.content.decode()
    assert refusals("access.confirm_second_factor") == [
        ["The code is wrong."],
        ["This code was used before; wait for the next one."],
    ]


def test_wrong_codes_close_the_second_step(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    for _ in range(5):
        half_way(account).post(SECOND, {"code": "000000"})
    client = half_way(account)
    assert "Too many wrong codes" in client.post(SECOND, {"code": code_of(secret)}).content.decode()
    assert not signed_in(client)


def test_the_second_step_is_no_door_of_its_own(cast: Cast) -> None:
    with_app(cast.officer)
    answer = Client().get(SECOND)
    assert (answer.status_code, answer["Location"]) == (302, SIGN_IN)
    assert Client().get("/records/login/")["Location"].startswith(SIGN_IN)
    signed = client_of(cast.auditor)
    posted = signed.post("/records/login/", {"username": cast.officer.username, "password": PASSWORD})
    assert posted.status_code == 302
    assert signed.get("/people/account/").context["own"] == cast.auditor


def test_a_recovery_code_signs_in_once_and_signs_nothing(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    secret, token = services.begin_enrolment(account, proof=by_password(), actor=account)
    made = services.enrol_totp(account, token=token, code=code_of(secret), actor=account)
    client = half_way(account)
    client.post(SECOND, {"code": made.codes[0]})
    assert signed_in(client)
    assert Event.objects.filter(verb="access.confirm_second_factor").latest("position").details == {
        "method": "recovery"
    }
    again = half_way(account).post(SECOND, {"code": made.codes[0]})
    assert "was used before" in again.content.decode()
    with pytest.raises(Refused, match="code is wrong"):
        services.confirm_identity(account, proof=services.Proof(Method.TOTP, secret=made.codes[1]), actor=account)
    renewed = services.renew_recovery_codes(account, proof=by_password(), actor=account)
    assert not set(renewed.codes) & set(made.codes)


def test_recovery_codes_need_a_factor_that_they_stand_in_for(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    with pytest.raises(Refused, match="set one up first"):
        services.renew_recovery_codes(account, proof=by_password(), actor=account)


def test_a_factor_is_taken_away_with_the_password_and_the_codes_go_with_the_last(cast: Cast) -> None:
    account, _ = with_app(cast.officer)
    app = Factor.objects.get(type="totp")
    url = reverse("access:drop_factor", args=[app.pk])
    client = client_of(account)
    client.post(url, {"secret": "wrong"})
    assert Factor.objects.filter(pk=app.pk).exists()
    assert client_of(with_password(fresh(cast.second_officer))).post(url, {"secret": PASSWORD}).status_code == 404
    client.post(url, {"secret": PASSWORD})
    assert not Factor.objects.exists()
    event = Event.objects.get(verb="access.drop_factor", outcome="done")
    assert event.details == {"factor": "totp authenticator", "account": account.username}
    assert Client().post(SIGN_IN, {"login": account.username, "password": PASSWORD})["Location"] == "/"


def test_an_administrator_helps_another_but_not_himself(cast: Cast) -> None:
    with_app(cast.officer)
    with_app(cast.administrator)
    lost = Factor.objects.get(type="totp", user=cast.officer)
    own = Factor.objects.get(type="totp", user=cast.administrator)
    client = client_of(fresh(cast.administrator))
    refused = client.post(reverse("access:remove_factor", args=[own.pk]), {"reason": "lost"})
    assert refused.status_code == 409
    assert refusals("access.remove_factor") == [
        ["You may not remove your own factor as administrator; another administrator does it."]
    ]
    assert client.post(reverse("access:remove_factor", args=[lost.pk]), {"reason": ""}).status_code == 422
    client.post(reverse("access:remove_factor", args=[lost.pk]), {"reason": "Phone stolen"})
    assert list(Factor.objects.filter(type="totp").values_list("user__username", flat=True)) == ["adam"]
    event = Event.objects.get(verb="access.remove_factor", outcome="done")
    assert (event.actor, event.reason, event.object_id) == ("adam", "Phone stolen", str(cast.officer.pk))


def test_who_is_no_administrator_removes_nothing(cast: Cast) -> None:
    with_app(cast.officer)
    lost = Factor.objects.get(type="totp")
    url = reverse("access:remove_factor", args=[lost.pk])
    assert client_of(cast.auditor).post(url, {"reason": "x"}).status_code == 403
    assert client_of(cast.outsider).post(url, {"reason": "x"}).status_code == 404
    with pytest.raises(Forbidden):
        services.remove_factor(lost, reason="x", actor=cast.auditor)


def test_the_database_refuses_a_factor_that_no_action_explains(cast: Cast) -> None:
    account, _ = with_app(cast.officer)
    for sql in (
        "UPDATE mfa_authenticator SET data = '{}'",
        "DELETE FROM mfa_authenticator",
        f"INSERT INTO mfa_authenticator (type, data, created_at, user_id) VALUES ('webauthn', '{{}}', now(), '{account.pk}')",
    ):
        with pytest.raises(DatabaseError, match="outside an audited action"), transaction.atomic():
            connection.cursor().execute(sql)


def test_a_key_is_set_up_named_and_asked_for_at_sign_in(cast: Cast) -> None:
    account, key = with_key(cast.officer)
    factor = Factor.objects.get(type="webauthn")
    event = Event.objects.get(verb="access.enrol_key")
    assert (event.details["name"], event.details["credential_id"]) == ("Blue key", factor.credential)
    services.name_key(factor, name="  Key   on the ring ", actor=account)
    assert Factor.objects.get(type="webauthn").name == "Key on the ring"
    client = half_way(account)
    options = client.get(SECOND).context["js_data"]["request_options"]["publicKey"]
    assert [each["id"] for each in options["allowCredentials"]] == [factor.credential]
    answer = key.get(options["challenge"])
    client.post(SECOND, {"credential": json.dumps(answer)})
    assert signed_in(client)
    replayed = half_way(account)
    replayed.get(SECOND)
    assert "it answered something else" in replayed.post(SECOND, {"credential": json.dumps(answer)}).content.decode()
    assert not signed_in(replayed)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"origin": "https://evil.example"}, "it answered another site"),
        ({"party": "evil.example"}, "it answered another site"),
        ({"flags": 0x01}, "it did not verify that it is you"),
        ({"flags": 0x04}, "nobody touched it"),
    ],
)
def test_a_key_that_misbehaves_is_not_set_up(cast: Cast, fault: dict[str, Any], sentence: str) -> None:
    account = with_password(fresh(cast.officer))
    with pytest.raises(Refused, match=sentence):
        enrolled(account, Key(**fault))
    assert not Factor.objects.exists()
    assert len(refusals("access.enrol_key")) == 1


def test_a_key_is_one_persons_and_set_up_once(cast: Cast) -> None:
    account, key = with_key(cast.officer)
    for other in (account, with_password(fresh(cast.second_officer))):
        with pytest.raises(Refused, match="set up already"):
            enrolled(other, key)
    with pytest.raises(Refused, match="Only the person himself"):
        services.name_key(Factor.objects.get(type="webauthn"), name="mine", actor=cast.second_officer)


def test_an_erased_persons_factors_go(cast: Cast) -> None:
    from mrm.audit.trail import recorded

    account, _ = with_app(cast.officer)
    with recorded("privacy.erase", actor=SETUP, subject=account.person):
        services.rename(account.person, "erased-12345678")
    assert not Factor.objects.filter(user=account).exists()


def test_the_pages_show_what_there_is(cast: Cast) -> None:
    account, _ = with_app(cast.officer)
    enrolled(account, Key(), name="Red key")
    page = client_of(account).get(reverse("access:factors"))
    assert (page.context["codes_left"], [key.name for key in page.context["keys"]]) == (10, ["Red key"])
    seen = client_of(cast.administrator).get(reverse("access:person", args=[account.person_id])).content.decode()
    assert "Red key" in seen
    assert re.search(r"/people/factors/\d+/remove/", seen)
    assert person("Someone Else", cast.bank).accounts.count() == 0


def test_a_malformed_begin_is_one_sentence(cast: Cast) -> None:
    account = with_password(fresh(cast.officer))
    _, token = services.begin_key(account, proof=by_password(), actor=account)
    for answer in ({}, {"id": 1}, {"id": "x", "rawId": "x", "type": "public-key", "response": {}}):
        with pytest.raises(Refused, match="its answer cannot be read"):
            services.enrol_key(account, token=token, name="x", answer=answer, actor=account)
    _secret, begun = services.begin_enrolment(account, proof=by_password(), actor=account)
    with pytest.raises(Invalid):
        services.enrol_totp(account, token=begun, code="", actor=account)


def test_an_account_closed_between_the_steps_does_not_come_in(cast: Cast) -> None:
    account, secret = with_app(cast.officer)
    client = half_way(account)
    services.deactivate(fresh(account), reason="left", actor=cast.administrator)
    answer = client.post(SECOND, {"code": code_of(secret)})
    assert not signed_in(client)
    assert not Event.objects.filter(verb="access.sign_in").exists()
    assert answer.status_code in {200, 302}


@pytest.mark.parametrize("table", ["mfa/authenticator", "socialaccount/socialapp", "socialaccount/socialaccount"])
def test_the_records_show_no_secret(cast: Cast, table: str) -> None:
    with_app(cast.officer)
    client = client_of(cast.auditor)
    pk = Factor.objects.get(type="totp").pk
    assert client.get(f"/records/{table}/").status_code == 403
    shown = client.get(f"/records/access/factor/{pk}/change/")
    assert shown.status_code == 200
    assert "secret" not in shown.content.decode()


@given(st.dictionaries(st.sampled_from(["authenticatorData", "clientDataJSON", "signature", "attestationObject"]),
                       st.binary(max_size=90).map(lambda noise: base64.urlsafe_b64encode(noise).decode().rstrip("="))),
       st.booleans())  # fmt: skip
def test_noise_is_no_answer(response: dict[str, str], whole: bool) -> None:
    client = {"type": "webauthn.get", "challenge": "AA", "origin": settings.KEY_ORIGIN}
    if whole:
        response["clientDataJSON"] = base64.urlsafe_b64encode(json.dumps(client).encode()).decode().rstrip("=")
    answer = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": response}
    with pytest.raises(Unanswered):
        answered(answer, b"\0" * 16, [])
    with pytest.raises(Unanswered):
        created(answer, "AA")


def test_a_replaced_secret_key_still_opens_what_it_sealed(cast: Cast, settings: Any) -> None:
    account, secret = with_app(cast.officer)
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another " * 10
    with pytest.raises(Refused, match="secret key of this system was replaced"):
        services.confirm_identity(account, proof=services.Proof(Method.TOTP, secret=code_of(secret)), actor=account)
    settings.SECRET_KEY_FALLBACKS = [before]
    proof = services.Proof(Method.TOTP, secret=code_of(secret))
    assert services.confirm_identity(account, proof=proof, actor=account).method == "totp"
