"""People, roles, units and the own account, answer by answer."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mrm.access import services
from mrm.access.models import Account, Person, RoleGrant, Token
from mrm.access.permissions import WORDS
from mrm.access.roles import DESCRIPTIONS
from mrm.audit.models import Event
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, person, with_password

NEW = "another long phrase"


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


@pytest.mark.parametrize("name", ["people", "add_person", "roles", "units"])
def test_outsider_is_refused_the_administration(cast: Cast, name: str) -> None:
    assert client_of(cast.outsider).get(reverse(f"access:{name}")).status_code == 403


def test_owner_is_refused_the_people(cast: Cast) -> None:
    assert client_of(cast.owner).get(reverse("access:people")).status_code == 403
    assert client_of(cast.owner).get(reverse("access:person", args=[cast.lead.person_id])).status_code == 404


def test_admin_page_tells_what_is_closed_and_why(cast: Cast) -> None:
    rows = client_of(cast.owner).get(reverse("access:admin")).context["rows"]
    closed = {name: reason for _label, name, _text, reason in rows if reason}
    assert set(closed) == {
        "access:people", "audit:timeline", "entitlement:exceptions", "oversight:ageing", "oversight:attempts", "oversight:roles", "privacy:erasures",
    }  # fmt: skip
    assert closed["access:people"].startswith("This is done by an administrator or auditor")


def test_administrator_of_a_part_sees_only_its_people(cast: Cast) -> None:
    local = services.add_account(
        username="local", person=person("Local Admin", cast.markets), password=None, actor=SETUP
    )
    services.grant(local, role="administrator", unit=cast.markets, actor=SETUP)
    shown = client_of(local).get(reverse("access:people")).context["rows"]
    assert {row.name for row, _roles, _notes in shown} == {"Otto Outsider", "Local Admin"}
    assert client_of(local).get(reverse("access:person", args=[cast.owner.person_id])).status_code == 404
    assert client_of(local).get(reverse("access:grant", args=[cast.owner.pk])).status_code == 404


def test_administrator_adds_a_person_an_account_and_a_role(cast: Cast) -> None:
    client = client_of(cast.administrator)
    data = {"name": "Nina New", "email": "Nina@bank.example", "unit": str(cast.retail.pk)}
    client.post(reverse("access:add_person"), data)
    nina = Person.objects.get(email="nina@bank.example")
    account = {"username": "nina", "kind": "personal", "password": NEW}
    client.post(reverse("access:add_account", args=[nina.pk]), account)
    opened = Account.objects.get(username="nina")
    assert opened.check_password(NEW)
    client.post(reverse("access:grant", args=[opened.pk]), {"role": "owner", "unit": str(cast.retail.pk)})
    assert (
        fresh(opened).roles,
        Event.objects.get(verb="access.grant", subject_id=str(fresh(opened).grants[0].pk)).actor,
    ) == (("owner",), "adam")


def test_a_known_address_stands_beside_the_field(cast: Cast) -> None:
    data = {"name": "Again", "email": "olivia.owner@bank.example", "unit": str(cast.retail.pk)}
    answer = client_of(cast.administrator).post(reverse("access:add_person"), data)
    assert (answer.status_code, answer.context["form"].errors["email"]) == (422, ["Already entered."])


def test_administrator_cannot_grant_to_himself(cast: Cast) -> None:
    url = reverse("access:grant", args=[cast.administrator.pk])
    answer = client_of(cast.administrator).post(url, {"role": "deployer", "unit": str(cast.bank.pk)})
    assert (answer.status_code, answer.context["reasons"]) == (
        409,
        ("You may not grant a role to yourself; another administrator does it.",),
    )


def test_a_role_is_revoked_with_its_reason(cast: Cast) -> None:
    grant = RoleGrant.objects.get(account=cast.owner)
    client = client_of(cast.administrator)
    empty = client.post(reverse("access:revoke", args=[grant.pk]), {"reason": " "})
    assert (empty.status_code, empty.context["form"].errors["reason"]) == (422, ["This field is required."])
    assert RoleGrant.objects.in_force().filter(pk=grant.pk).exists()
    client.post(reverse("access:revoke", args=[grant.pk]), {"reason": "moved"})
    grant.refresh_from_db()
    assert (grant.revoked_by.username, Event.objects.get(verb="access.revoke").reason) == ("adam", "moved")


def test_auditor_sees_people_and_changes_nothing(cast: Cast) -> None:
    client = client_of(cast.auditor)
    assert client.get(reverse("access:person", args=[cast.owner.person_id])).status_code == 200
    assert client.get(reverse("access:add_person")).status_code == 403
    answer = client.post(reverse("access:deactivate", args=[cast.owner.pk]), {"reason": "x"})
    assert (answer.status_code, fresh(cast.owner).is_active) == (403, True)


def test_a_unit_is_added_below_another(cast: Cast) -> None:
    data = {"name": "Cards", "key": "cards", "parent": str(cast.retail.pk)}
    client_of(cast.administrator).post(reverse("access:units"), data)
    assert cast.retail.children.get().path == "/bank/retail/cards/"
    assert client_of(cast.owner).post(reverse("access:units"), data).status_code == 403


def test_a_changed_password_keeps_this_session_and_ends_the_others(cast: Cast) -> None:
    account = with_password(cast.owner)
    here, there = client_of(account), client_of(account)
    data = {"present": PASSWORD, "password": NEW, "again": NEW}
    assert here.post(reverse("access:change_password"), data).status_code == 302
    assert here.get(reverse("access:account")).status_code == 200
    assert there.get(reverse("access:account")).status_code == 302
    assert fresh(account).check_password(NEW)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"present": "wrong", "password": NEW, "again": NEW}, "present"),
        ({"present": PASSWORD, "password": NEW, "again": "other"}, "again"),
        ({"present": PASSWORD, "password": "short", "again": "short"}, "password"),
    ],
)
def test_a_password_is_changed_only_when_all_is_right(cast: Cast, data: dict[str, str], field: str) -> None:
    account = with_password(cast.owner)
    answer = client_of(account).post(reverse("access:change_password"), data)
    assert (answer.status_code, field in answer.context["password_form"].errors) == (422, True)
    assert fresh(account).check_password(PASSWORD)


def test_a_token_is_shown_once(cast: Cast) -> None:
    client = client_of(cast.owner)
    answer = client.post(reverse("access:issue_token"), {"label": "CI", "days": "30", "scopes": ["inventory:*"]})
    secret = answer.context["issued"].secret
    assert secret in answer.content.decode()
    assert answer["Cache-Control"].startswith("max-age=0, no-cache")
    assert secret not in client.get(reverse("access:account")).content.decode()
    assert Token.objects.get().scopes == ["inventory:*"]


def test_a_token_ends_at_once_and_only_its_owner_ends_it(cast: Cast) -> None:
    token = services.issue_token(cast.owner, label="CI", scopes=[], days=1, actor=cast.owner)
    url = reverse("access:revoke_token", args=[token.pk])
    assert client_of(cast.developer).post(url).status_code == 404
    client_of(cast.owner).post(url)
    assert not Token.objects.get().is_usable


def test_people_take_constant_queries(cast: Cast) -> None:
    client = client_of(cast.administrator)
    counts = []
    for names in ([], ["One New", "Two New"]):
        for name in names:
            made = services.add_account(username=name[:3], person=person(name, cast.retail), password=None, actor=SETUP)
            services.grant(made, role="owner", unit=cast.retail, actor=SETUP)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("access:people"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_what_an_account_may_is_read_from_its_grants_and_their_units_alone(cast: Cast) -> None:
    for role, unit in (("owner", cast.retail), ("administrator", cast.bank), ("owner", cast.risk)):
        services.grant(cast.outsider, role=role, unit=unit, actor=SETUP)
    opened = fresh(cast.outsider)
    with CaptureQueriesContext(connection) as queries:
        found = [(grant.role, grant.unit) for grant in opened.grants]
    assert found == [("administrator", cast.bank), ("owner", cast.retail), ("owner", cast.risk)]
    (asked,) = [each["sql"] for each in queries if "access_rolegrant" in each["sql"]]
    assert ("access_businessunit" in asked, "access_account" in asked) == (True, False)


def test_the_table_of_roles_speaks_and_names_who_holds_them(cast: Cast) -> None:
    page = client_of(cast.auditor).get(reverse("access:roles")).content.decode()
    for words in ("sign: approve, return or reject", "signoff.vote", "Rita Officer, Bank", "Proposed; others sign"):
        assert words in page, words
    page = client_of(cast.owner).get(reverse("access:roles")).content.decode()
    assert ("Rita Officer" in page, "told to auditors and administrators" in page) == (False, True)


def test_every_permission_has_its_words() -> None:
    assert set(WORDS) == {name for entry in DESCRIPTIONS.values() for name in entry.permissions}
