"""Roles that sign are held because others signed for it; every other way is closed."""

import datetime as dt
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account, AccountKind, BusinessUnit, RoleGrant
from mrm.access.roles import APPROVERS, roles_with
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.actors import System
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.entitlement import queries, services
from mrm.entitlement.models import Proposal
from mrm.signoff import services as signoff
from tests.factories.access import SETUP, Cast, account, fresh, grant
from tests.factories.approval import sign
from tests.factories.entitlement import proposed, request_of, signed

ALONE = "is a role that signs, so nobody grants it alone"


def later(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    now = timezone.now() + dt.timedelta(**passed)
    monkeypatch.setattr(timezone, "now", lambda: now)


def roles_of(account: Account) -> tuple[str, ...]:
    found: tuple[str, ...] = fresh(account).roles
    return found


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(fresh(account), backend="mrm.project.signin.AccountBackend")
    return client


def test_it_is_signed_cools_down_and_takes_effect(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    until = timezone.now() + dt.timedelta(days=90)
    made = proposed(cast, until=until)
    assert (roles_of(cast.outsider), queries.standing(made).state) == ((), "open")
    assert set(queries.standing(made).signers) == {"Rita Officer", "Sven Officer", "Lena Lead"}
    sign(request_of(made), cast.officer)
    sign(request_of(made), cast.lead)
    assert (roles_of(cast.outsider), queries.standing(made).state) == ((), "cooling")
    assert signoff.settle_due() == 0
    later(monkeypatch, hours=25)
    assert signoff.settle_due() == 1
    held = RoleGrant.objects.get(account=cast.outsider)
    assert (held.pk, held.role, held.unit, held.until) == (made.pk, "validator", cast.retail, until)
    assert (held.granted_by, queries.standing(made).state) == (cast.administrator, "granted")
    event = Event.objects.get(verb="entitlement.take_effect")
    assert (event.actor, event.details["role"], event.details["unit"]) == (
        "system:signoff",
        "validator",
        "Retail Lending",
    )
    assert Event.objects.get(verb="entitlement.propose").actor == "adam"


@pytest.mark.parametrize("role", APPROVERS)
def test_nobody_and_nothing_grants_it_alone(cast: Cast, role: str) -> None:
    for actor in (cast.administrator, System("sso")):
        with pytest.raises(Refused, match=ALONE):
            access.grant(cast.outsider, role=role, unit=cast.retail, actor=actor)
    with pytest.raises(Forbidden, match="appointed by the command"):
        access.appoint(cast.outsider, role=role, unit=cast.retail, actor=cast.administrator)
    assert roles_of(cast.outsider) == ()
    refused = Event.objects.filter(verb="access.grant", outcome="refused")
    assert [ALONE in event.details["reasons"][0] for event in refused] == [True, True]


def test_the_form_of_a_grant_does_not_offer_it(cast: Cast) -> None:
    url = reverse("access:grant", args=[cast.outsider.pk])
    answer = client_of(cast.administrator).post(url, {"role": "risk_officer", "unit": str(cast.retail.pk)})
    assert (answer.status_code, roles_of(cast.outsider)) == (422, ())


def test_who_may_not_sign(cast: Cast) -> None:
    grant(cast.policy_admin, role="bu_lead", unit=cast.retail)
    grant(cast.outsider, role="bu_lead", unit=cast.retail)
    asked = request_of(proposed(cast))
    told = {
        cast.administrator: "you hold no such role there",
        cast.policy_admin: "You may not sign: you are a policy administrator",
        cast.outsider: "You may not sign: you are the person concerned",
    }
    for nobody, sentence in told.items():
        with pytest.raises(Refused, match=sentence):
            sign(asked, nobody)


def test_one_of_two_is_not_enough_and_one_person_counts_once(cast: Cast) -> None:
    both = account("Bodo Both", cast.retail, ("risk_officer", cast.retail), ("bu_lead", cast.retail))
    made = proposed(cast)
    sign(request_of(made), both)
    with pytest.raises(Refused, match="signed this request already"):
        sign(request_of(made), both)
    assert queries.standing(made).state == "open"


def test_until_it_takes_effect_one_may_object(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    made = signed(cast)
    head = account("Hanna Head", cast.bank, ("bu_lead", cast.bank))
    sign(request_of(made), head, "reject")
    later(monkeypatch, hours=48)
    assert signoff.settle_due() == 0
    assert (roles_of(cast.outsider), queries.standing(made).state) == ((), "rejected")


def test_what_came_meanwhile_is_said_and_holds_up_nobody(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    made, other = signed(cast, role="risk_officer"), signed(cast, account=cast.auditor)
    access.grant(cast.outsider, role="deployer", unit=cast.retail, actor=cast.administrator)
    later(monkeypatch, hours=25)
    assert signoff.settle_due() == 2
    made.refresh_from_db()
    assert (queries.standing(made).state, queries.standing(other).state) == ("lapsed", "granted")
    assert made.lapsed == "This person is deployer; one person is not also risk officer."
    assert roles_of(cast.outsider) == ("deployer",)


def test_nobody_proposes_for_himself_through_any_account(cast: Cast) -> None:
    second = access.add_account(username="adam2", person=cast.administrator.person, password=None, actor=SETUP)
    for own in (cast.administrator, second):
        with pytest.raises(Refused, match="may not grant a role to yourself"):
            proposed(cast, account=own, role="bu_lead")
    assert not Proposal.objects.exists()


def test_a_machine_a_closed_account_and_other_roles_are_refused(cast: Cast) -> None:
    robot = access.add_account(
        username="robot", person=cast.outsider.person, password=None, kind=AccountKind.SERVICE, actor=SETUP
    )
    with pytest.raises(Refused, match="only a person signs"):
        proposed(cast, account=robot)
    access.deactivate(cast.outsider, reason="left", actor=cast.administrator)
    with pytest.raises(Refused, match="The account otto is closed"):
        proposed(cast)
    with pytest.raises(Invalid, match="Deployer is no role that signs; an administrator grants it"):
        proposed(cast, role="deployer")
    with pytest.raises(Forbidden):
        services.propose(cast.auditor, role="bu_lead", unit=cast.retail, reason="x", actor=cast.owner)


def test_the_same_is_proposed_once(cast: Cast) -> None:
    proposed(cast)
    with pytest.raises(Refused, match="is proposed already, on "):
        proposed(cast)


def test_it_is_taken_back_at_once_by_one_person(cast: Cast) -> None:
    access.revoke(cast.officer.role_grants.get(), reason="Left.", actor=cast.administrator)
    assert roles_of(cast.officer) == ()
    with pytest.raises(Refused, match="revoked before"):
        access.revoke(RoleGrant.objects.get(account=cast.officer), reason="Again.", actor=cast.administrator)


def test_the_administrator_takes_a_proposal_back(cast: Cast) -> None:
    made = proposed(cast)
    signoff.withdraw(request_of(made), reason="Mistaken.", actor=fresh(cast.administrator))
    assert queries.standing(made).state == "withdrawn"


def written(cast: Cast, **given: Any) -> None:
    """A grant written past every service, inside an audited action as the application's role could."""
    values = {"account": cast.outsider, "role": "validator", "unit": cast.retail, "granted_by": cast.administrator}
    with transaction.atomic(), recorded("access.grant", actor=SETUP, subject=cast.outsider):
        RoleGrant.objects.create(**{**values, **given})


def test_the_database_refuses_a_grant_that_nobody_signed_for(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    made = signed(cast)
    for given in (
        {}, {"pk": made.pk}, {"pk": made.pk, "since": timezone.now() - dt.timedelta(days=9)},
        {"pk": made.pk, "unit": cast.bank}, {"pk": made.pk, "account": cast.owner}, {"pk": made.pk, "role": "bu_lead"},
    ):  # fmt: skip
        with pytest.raises(Error, match="is not signed for"):
            written(cast, **given)
    with pytest.raises(Refused, match=ALONE):
        services.take_effect(made, actor=SETUP)
    later(monkeypatch, hours=25)
    signoff.settle_due()
    for given in ({"pk": made.pk, "unit": cast.bank}, {"pk": made.pk, "until": timezone.now() + dt.timedelta(days=1)}):
        with pytest.raises(Error, match="is not signed for"):
            written(cast, **given)
    with pytest.raises(Error, match="duplicate key"):
        written(cast, pk=made.pk, since=timezone.now())


@pytest.mark.parametrize(
    ("of", "change", "sentence"),
    [
        ("grant", {"role": "risk_officer"}, "never changes"),
        ("grant", {"account": "outsider"}, "never changes"),
        ("grant", {"unit": "bank"}, "never changes"),
        ("grant", {"until": None}, "never changes"),
        ("revoked", {"revoked_at": None, "revoked_by": None}, "revoked once"),
        ("account", {"person": "outsider"}, "never changes"),
        ("account", {"kind": "personal"}, "never changes"),
        ("unit", {"path": "/"}, "never changes"),
    ],
)
def test_the_database_lets_no_row_become_another_role(
    cast: Cast, of: str, change: dict[str, Any], sentence: str
) -> None:
    until = timezone.now() + dt.timedelta(days=3)
    held = access.grant(cast.outsider, role="owner", unit=cast.retail, until=until, actor=cast.administrator)
    robot = access.add_account(
        username="robot", person=cast.lead.person, password=None, kind=AccountKind.SERVICE, actor=SETUP
    )
    ended = RoleGrant.objects.get(account=cast.owner)
    access.revoke(ended, reason="Moved.", actor=cast.administrator)
    row = {"grant": held, "revoked": ended, "account": robot, "unit": cast.retail}[of]
    stands_for = {"account": cast.owner, "unit": cast.bank, "person": cast.outsider.person}
    values = {name: stands_for.get(name, value) for name, value in change.items()}
    with (
        pytest.raises(Error, match=sentence),
        transaction.atomic(),
        recorded("access.grant", actor=SETUP, subject=held),
    ):
        type(row)._base_manager.filter(pk=row.pk).update(**values)
    with pytest.raises(Error), transaction.atomic(), recorded("access.grant", actor=SETUP, subject=held):
        RoleGrant.objects.filter(pk=held.pk).delete()


def test_an_installation_is_founded_once(own_database: str) -> None:
    cast = Cast()
    with pytest.raises(Refused, match="The installation is founded"):
        access.appoint(cast.outsider, role="risk_officer", unit=cast.bank, actor=System("founding"))
    with pytest.raises(Error, match="is not signed for"):
        written(cast, granted_by=None)
    with pytest.raises(Error, match="permission denied"), transaction.atomic():
        BusinessUnit.objects.raw("DELETE FROM access_founding RETURNING 1 AS id")[0]
    assert roles_of(cast.outsider) == ()


def test_the_command_appoints_the_first_signers(own_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = access.add_unit(key="root", name="Institution", parent=None, actor=SETUP)
    for name in ("Rita Officer", "Lena Lead"):
        account(name, root)
    with pytest.raises(CommandError, match="Name at least one business-unit lead on the root unit"):
        call_command("first_signers", "rita=risk_officer@root")
    with pytest.raises(CommandError, match="rita=deployer@root: write USERNAME=ROLE@UNIT"):
        call_command("first_signers", "rita=deployer@root")
    call_command("first_signers", "rita=risk_officer@root", "lena=bu_lead@root")
    assert "From now on others sign" in capsys.readouterr().out
    assert {(each.account.username, each.role) for each in RoleGrant.objects.all()} == {
        ("rita", "risk_officer"), ("lena", "bu_lead"),
    }  # fmt: skip
    assert set(Event.objects.filter(verb="access.appoint").values_list("actor", flat=True)) == {"system:founding"}
    with pytest.raises(CommandError, match="The installation is founded"):
        call_command("first_signers", "lena=risk_officer@root", "rita=bu_lead@root")


def test_pages_lead_from_the_person_to_the_grant(cast: Cast) -> None:
    client = client_of(cast.administrator)
    person = reverse("access:person", args=[cast.outsider.person_id])
    ask = reverse("entitlement:propose", args=[cast.outsider.person_id])
    assert ask in client.get(person).content.decode()
    data = {"account": str(cast.outsider.pk), "role": "bu_lead", "unit": str(cast.retail.pk), "reason": "Leads retail."}
    assert client.post(ask, {**data, "reason": ""}).status_code == 422
    answer = client.post(ask, data)
    made = Proposal.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, made.get_absolute_url())
    page = client.get(person).content.decode()
    for words in (
        "Proposed roles",
        "Waits for signatures",
        "Lena Lead, Rita Officer, Sven Officer",
        "Adam Administrator",
    ):
        assert words in page, words
    assert "Proposed: business-unit lead, Retail Lending" in client.get(reverse("access:people")).content.decode()
    assert "Otto Outsider" in client.get(reverse("entitlement:proposals")).content.decode()
    page = client.get(made.get_absolute_url()).content.decode()
    assert "The person can hold the role" in page
    assert client_of(cast.outsider).get(made.get_absolute_url()).status_code == 404


def test_the_api_proposes_and_tells(cast: Cast) -> None:
    api = APIClient()
    api.force_authenticate(fresh(cast.administrator))
    body = {"account": "otto", "role": "validator", "unit": "retail", "reason": "Joins."}
    assert api.post("/api/v1/role-proposals/", {**body, "role": "owner"}, format="json").status_code == 400
    answer = api.post("/api/v1/role-proposals/", {**body, "account": "adam"}, format="json")
    assert (answer.status_code, answer.json()["reasons"][0][:38]) == (409, "You may not grant a role to yourself; ")
    made = api.post("/api/v1/role-proposals/", body, format="json")
    assert made.status_code == 201, made.json()
    told = api.get(f"/api/v1/role-proposals/{made.json()['id']}/").json()
    assert (told["status"], told["may_sign"]) == ("open", ["Lena Lead", "Rita Officer", "Sven Officer"])
    assert [row["id"] for row in api.get("/api/v1/role-proposals/").json()["results"]] == [made.json()["id"]]


def test_what_is_signed_holds_no_name(cast: Cast) -> None:
    asked = request_of(proposed(cast))
    assert "otto" not in f"{asked.subject_label} {asked.subject_content}".casefold()


def test_the_guard_knows_the_roles_that_sign(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(tgargs, 'escape') FROM pg_trigger WHERE tgname = 'entitlement_signed'")
        (arguments,) = cursor.fetchone()
    assert tuple(part for part in arguments.split("\\000") if part) == APPROVERS
    assert frozenset(APPROVERS) == roles_with("signoff.vote")
