"""Single sign-on against a real provider: who comes in, as whom, with which roles; and what is not believed."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from mrm.access import services
from mrm.access.models import Account, GroupGrant, Link, Person
from mrm.access.roles import Role
from mrm.access.single_sign_on import ROLES, Provider, claims_of, configured
from mrm.audit.models import Event
from tests.factories.access import SETUP, Cast, account, fresh
from tests.factories.factors import code_of, with_app
from tests.sso.conftest import Provider as Running
from tests.sso.conftest import Visitor

RITA = {"email": "rita.officer@bank.example", "email_verified": True, "name": "Rita Officer"}


def refusals(verb: str) -> list[Any]:
    return [
        event.details["reasons"] for event in Event.objects.filter(verb=verb, outcome="refused").order_by("position")
    ]


def mapped(settings: Any, provider: Running, roles: dict[str, Any], **more: str) -> None:
    settings.SSO = configured({**provider.environment, "MRM_SSO_ROLES": json.dumps(roles), **more})


def test_the_request_carries_state_nonce_and_pkce(cast: Cast, provider: Running, visitor: Visitor) -> None:
    asked = parse_qs(urlsplit(visitor.asks()).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert len(asked["state"][0]) >= 16
    assert len(asked["nonce"][0]) == 64
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}


def test_a_person_is_linked_by_verified_address_and_found_again_without_it(
    cast: Cast, provider: Running, visitor: Visitor
) -> None:
    provider.says("rita", **RITA)
    answer = visitor.walks("rita")
    assert (answer.status_code, answer["Location"], visitor.is_signed_in) == (302, "/models/", True)
    assert Link.objects.get().account == cast.officer
    event = Event.objects.get(verb="access.admit", outcome="done")
    assert (event.actor, event.object_id, event.details["account"]) == ("system:sso", str(cast.officer.pk), "rita")
    assert Event.objects.get(verb="access.sign_in").object_id == str(cast.officer.pk)
    provider.says("rita", email="married.name@bank.example", email_verified=False)
    again = Visitor()
    again.walks("rita")
    assert again.is_signed_in
    assert Link.objects.count() == 1


def test_allauths_own_tables_stay_empty_and_unasked(cast: Cast, provider: Running, visitor: Visitor) -> None:
    from allauth.socialaccount.models import SocialAccount, SocialApp

    SocialApp.objects.create(provider="openid_connect", provider_id="evil", client_id="x", settings={"server_url": "x"})
    SocialAccount.objects.create(user=cast.administrator, provider="sso", uid="subject-rita")
    provider.says("rita", **RITA)
    visitor.walks("rita")
    assert visitor.here.get("/people/account/").context["own"] == cast.officer


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"email": RITA["email"], "email_verified": False}, "did not verify your e-mail address"),
        ({"email": RITA["email"]}, "did not verify your e-mail address"),
        ({"email_verified": True}, "told no e-mail address"),
        ({"email": "stranger@evil.example", "email_verified": True}, "Nobody with your e-mail address is entered here"),
    ],
)
def test_who_is_not_known_for_sure_is_refused(
    cast: Cast, provider: Running, visitor: Visitor, claims: dict[str, Any], sentence: str
) -> None:
    provider.says("mallory", **claims)
    answer = visitor.walks("mallory")
    assert (answer.status_code, visitor.is_signed_in) == (403, False)
    assert sentence in answer.content.decode()
    [[reason]] = refusals("access.admit")
    assert sentence in reason
    assert "@" not in reason
    assert not Link.objects.exists()


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"nonce": "0" * 64}, "another nonce"),
        ({"nonce": ""}, "no nonce"),
        ({"aud": "another-client"}, "another audience"),
        ({"aud": ["mrm", "another-client"]}, "several audiences"),
        ({"azp": "another-client"}, "authorised for another"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"sub": "subject-olivia"}, "another subject than the userinfo"),
    ],
)
def test_a_token_that_does_not_hold_opens_nothing(
    cast: Cast, provider: Running, visitor: Visitor, lie: dict[str, Any], why: str
) -> None:
    provider.says("rita", **RITA)
    provider.lies(**lie)
    answer = visitor.walks("rita")
    assert (answer.status_code, visitor.is_signed_in) == (403, False), why
    assert len(refusals("access.refuse_sso")) == 1
    assert not Link.objects.exists()


def test_a_state_of_another_session_or_used_before_opens_nothing(
    cast: Cast, provider: Running, visitor: Visitor
) -> None:
    provider.says("rita", **RITA)
    back = visitor.signs_in_there(visitor.asks(), "rita")
    victim = Visitor()
    assert victim.arrives(back).status_code == 403
    assert not victim.is_signed_in
    assert visitor.arrives(back.replace("state=", "state=x")).status_code == 403
    assert visitor.arrives(back).status_code == 302
    visitor.here.post("/sign-out/")
    assert visitor.arrives(back).status_code == 403
    assert not visitor.is_signed_in
    assert len(refusals("access.refuse_sso")) == 3


def test_a_code_without_its_verifier_is_worth_nothing(cast: Cast, provider: Running, visitor: Visitor) -> None:
    """The code of one request in the answer to another: PKCE, at the provider."""
    provider.says("rita", **RITA)
    stolen = parse_qs(urlsplit(visitor.signs_in_there(visitor.asks(), "rita")).query)["code"][0]
    thief = Visitor()
    state = parse_qs(urlsplit(thief.asks()).query)["state"][0]
    answer = thief.here.get("/sign-in/sso/callback/", {"code": stolen, "state": state})
    assert (answer.status_code, thief.is_signed_in) == (403, False)


def test_a_refusal_at_the_provider_is_a_sentence(cast: Cast, provider: Running, visitor: Visitor) -> None:
    state = parse_qs(urlsplit(visitor.asks()).query)["state"][0]
    for error in ("access_denied", "server_error"):
        answer = visitor.here.get("/sign-in/sso/callback/", {"error": error, "state": state})
        assert (answer.status_code, "you are not signed in" in answer.content.decode()) == (403, True)


def test_a_closed_account_does_not_come_in(cast: Cast, provider: Running, visitor: Visitor) -> None:
    provider.says("rita", **RITA)
    visitor.walks("rita")
    services.deactivate(cast.officer, reason="left", actor=cast.administrator)
    assert not visitor.is_signed_in
    again = Visitor()
    answer = again.walks("rita")
    assert (answer.status_code, again.is_signed_in) == (403, False)
    assert refusals("access.admit") == [["Your account here is closed."]]
    assert Event.objects.get(verb="access.admit", outcome="refused").object_id == str(cast.officer.pk)


def test_a_service_account_is_not_opened(cast: Cast, provider: Running, visitor: Visitor) -> None:
    person = services.add_person(name="Nina New", email="nina@bank.example", unit=cast.bank, actor=SETUP)
    services.add_account(username="robot", person=person, password=None, kind="service", actor=SETUP)
    provider.says("nina", email="nina@bank.example", email_verified=True)
    assert "have no account" in visitor.walks("nina").content.decode()


def test_two_accounts_are_not_chosen_from(cast: Cast, provider: Running, visitor: Visitor) -> None:
    services.add_account(username="rita2", person=cast.officer.person, password=None, actor=SETUP)
    provider.says("rita", **RITA)
    assert "more than one account" in visitor.walks("rita").content.decode()


def test_the_second_factor_is_asked_for_as_well(cast: Cast, provider: Running, visitor: Visitor) -> None:
    _, secret = with_app(cast.officer)
    provider.says("rita", **RITA)
    answer = visitor.walks("rita")
    assert answer["Location"].split("?")[0] == "/sign-in/second/"
    assert not visitor.is_signed_in
    visitor.here.post("/sign-in/second/", {"code": code_of(secret)})
    assert visitor.is_signed_in


def test_groups_give_and_take_roles_and_what_was_given_by_hand_stays(
    cast: Cast, provider: Running, visitor: Visitor, settings: Any
) -> None:
    nina = account("Nina New", cast.retail)
    services.grant(nina, role="developer", unit=cast.retail, actor=cast.administrator)
    mapped(settings, provider, {
        "mrm-owners": [{"role": "owner", "unit": "retail"}],
        "mrm-auditors": [{"role": "auditor", "unit": "bank"}],
        "mrm-builders": [{"role": "developer", "unit": "retail"}],
    })  # fmt: skip
    said = {"email": "nina.new@bank.example", "email_verified": True}
    provider.says("nina", **said, groups=["mrm-owners", "mrm-auditors", "mrm-builders", "canteen"])
    visitor.walks("nina")
    assert fresh(nina).roles == ("auditor", "developer", "owner")
    granted = Event.objects.filter(verb="access.grant", actor="system:sso", outcome="done")
    assert {event.details["role"] for event in granted} == {"model owner", "auditor"}
    assert set(GroupGrant.objects.values_list("group", flat=True)) == {"mrm-owners", "mrm-auditors"}
    provider.says("nina", **said, groups="mrm-owners")
    visitor.walks("nina")
    assert fresh(nina).roles == ("developer", "owner")
    taken = Event.objects.get(verb="access.revoke", outcome="done")
    assert (taken.actor, taken.reason) == ("system:sso", "No longer in the group mrm-auditors")
    provider.says("nina", **said)
    visitor.walks("nina")
    assert fresh(nina).roles == ("developer",)
    provider.says("nina", **said, groups=["mrm-auditors"])
    visitor.walks("nina")
    assert fresh(nina).roles == ("auditor", "developer")


def test_groups_do_not_go_past_the_rules_on_roles(
    cast: Cast, provider: Running, visitor: Visitor, settings: Any
) -> None:
    mapped(settings, provider, {
        "mrm-all": [
            {"role": "administrator", "unit": "bank"}, {"role": "deployer", "unit": "bank"},
            {"role": "owner", "unit": "nowhere"}, {"role": "auditor", "unit": "bank"},
        ],
    })  # fmt: skip
    provider.says("rita", **RITA, groups=["mrm-all"])
    visitor.walks("rita")
    assert fresh(cast.officer).roles == ("auditor", "risk_officer")
    reasons = [reason for found in refusals("access.grant_by_group") for reason in found]
    assert reasons == [
        "This person is risk officer; one person is not also administrator.",
        "This person is risk officer; one person is not also deployer.",
        "The group mrm-all gives a role on the unit nowhere, which does not exist.",
    ]
    page = visitor.here.get("/").content.decode()
    assert all(reason in page for reason in reasons)


def test_an_unknown_person_is_entered_when_that_is_configured(
    cast: Cast, provider: Running, visitor: Visitor, settings: Any
) -> None:
    mapped(settings, provider, {"staff": [{"role": "owner", "unit": "retail"}]}, MRM_SSO_PROVISION_IN="retail")
    provider.says("nina", email="Nina.New@bank.example", email_verified=True, name="Nina New", groups=["staff"])
    visitor.walks("nina")
    nina = Account.objects.get(username="nina.new@bank.example")
    assert (nina.person.name, nina.person.unit, nina.has_usable_password()) == ("Nina New", cast.retail, False)
    assert nina.roles == ("owner",)
    assert visitor.is_signed_in
    assert Event.objects.get(verb="access.add_person", actor="system:sso").outcome == "done"
    Visitor().walks("nina")
    assert Person.objects.filter(email="nina.new@bank.example").count() == 1


def test_who_has_no_password_sets_up_a_factor_while_the_sign_in_is_fresh(
    cast: Cast, provider: Running, visitor: Visitor, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped(settings, provider, {}, MRM_SSO_PROVISION_IN="retail")
    provider.says("nina", email="nina.new@bank.example", email_verified=True)
    visitor.walks("nina")
    page = visitor.here.post("/people/account/factors/app/")
    assert "picture" in page.context
    monkeypatch.setattr(services.confirming, "FRESH", services.confirming.dt.timedelta(seconds=-1))
    assert visitor.here.post("/people/account/factors/app/").status_code in {302, 409}
    assert "older than five minutes" in refusals("access.confirm_identity")[0][0]


def test_a_provider_that_is_silent_is_a_sentence(cast: Cast, settings: Any) -> None:
    environment = {"MRM_SSO_ISSUER": "http://127.0.0.1:9/o", "MRM_SSO_CLIENT_ID": "x", "MRM_SSO_CLIENT_SECRET": "x"}
    settings.SSO = configured(environment)
    answer = Client().get("/sign-in/sso/")
    assert (answer.status_code, "does not answer" in answer.content.decode()) == (503, True)


@pytest.mark.django_db
def test_without_a_provider_there_is_no_such_door() -> None:
    assert Client().get("/sign-in/sso/").status_code == 404
    assert Client().get("/sign-in/sso/callback/").status_code == 404
    assert "/sign-in/sso/" not in Client().get("/sign-in/").content.decode()


def test_the_sign_in_page_offers_it(cast: Cast, provider: Running) -> None:
    page = Client().get("/sign-in/", {"next": "/models/"}).content.decode()
    assert "/sign-in/sso/?next=%2Fmodels%2F" in page or "/sign-in/sso/?next=/models/" in page
    assert "Sign in with your organisation" in page


def test_only_our_own_pages_are_returned_to(cast: Cast, provider: Running, visitor: Visitor) -> None:
    provider.says("rita", **RITA)
    answer = visitor.here.get("/sign-in/sso/", {"next": "https://evil.example/"})
    assert visitor.arrives(visitor.signs_in_there(answer["Location"], "rita"))["Location"] == "/"


GOOD = {"MRM_SSO_ISSUER": "https://login.bank.example/", "MRM_SSO_CLIENT_ID": "mrm", "MRM_SSO_CLIENT_SECRET": "s"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"MRM_SSO_CLIENT_SECRET": ""}, "Single sign-on needs MRM_SSO_CLIENT_SECRET too."),
        ({"MRM_SSO_ISSUER": "http://login.bank.example"}, "must be an https:// address"),
        ({"MRM_SSO_ROLES": "{"}, "cannot be read"),
        ({"MRM_SSO_ROLES": "/nowhere/roles.yaml"}, "there is no file /nowhere/roles.yaml"),
        ({"MRM_SSO_ROLES": '{"a": "owner"}'}, "a must hold a list"),
        ({"MRM_SSO_ROLES": '{"a": [{"role": "owner"}]}'}, "entries of exactly role and unit"),
        ({"MRM_SSO_ROLES": '{"a": [{"role": "king", "unit": "bank"}]}'}, "names the role king; known are owner"),
    ],
)
def test_a_malformed_configuration_is_named(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"MRM_SSO|Single") as caught:
        configured({**GOOD, **change})
    assert sentence in str(caught.value)


def test_a_configuration_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "roles.yaml"
    file.write_text("mrm-validators:\n  - {role: validator, unit: bank}\n")
    found = configured({**GOOD, "MRM_SSO_ROLES": str(file)})
    assert found == Provider(
        "https://login.bank.example", "mrm", "s", "your organisation", "groups",
        {"mrm-validators": (("validator", "bank"),)}, "",
    )  # fmt: skip
    assert configured({}) is None


def test_the_roles_of_the_configuration_are_those_there_are() -> None:
    assert set(ROLES) == set(Role.values)


def test_claims_that_speak_of_two_people_are_none() -> None:
    found = configured(GOOD)
    assert found is not None
    with pytest.raises(ValueError, match="two people"):
        claims_of(found, {"sub": "a", "iss": found.issuer}, {"sub": "b", "email": "x@y.example"})


def doctor() -> tuple[bool, str]:
    from mrm.project.management.commands.doctor import _single_sign_on

    return _single_sign_on()


def test_the_doctor_says_whether_it_would_work(cast: Cast, provider: Running, settings: Any) -> None:
    assert doctor() == (True, f"{provider.address}/o answers")
    mapped(settings, provider, {"a": [{"role": "owner", "unit": "nowhere"}]})
    assert doctor()[1].startswith("no unit has the key nowhere")
    settings.SSO = configured({**provider.environment, "MRM_SSO_ISSUER": "http://127.0.0.1:9"})
    assert doctor() == (False, "http://127.0.0.1:9 does not answer (ConnectError)")
    settings.SSO = None
    assert doctor() == (True, "not configured")
