"""Admin, bulk actions, management commands, tokens and machines cannot sign; nor can anybody outside his part."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import get_commands, load_command_class
from django.db import DatabaseError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account
from mrm.approval.models import Approval
from mrm.audit.trail import recorded
from mrm.core.actors import System
from mrm.core.refusal import Forbidden, Refused
from mrm.signoff import queries, services
from mrm.signoff.models import Decision, Edit, Escalation, Request, RequestState, Vote
from mrm.signoff.workflow import FLOW
from tests.factories import approval as make
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, with_password

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES = [*apps.get_app_config("signoff").get_models(), Approval]


def test_the_admin_changes_nothing_of_sign_off(cast: Cast, client: Client) -> None:
    asked = make.submitted(cast)
    client.force_login(cast.auditor)
    for model in TABLES:
        shown = admin.site._registry.get(model)
        if shown is None:
            continue
        address = f"/records/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(f"{address}add/").status_code == 403
        answer = client.post(address, {"action": "delete_selected", "_selected_action": [str(asked.pk)], "post": "yes"})
        assert answer.status_code in {302, 403, 405}
        assert model.objects.count() == model.objects.count()
    asked.refresh_from_db()
    assert asked.status == "open"
    assert not Vote.objects.filter(request=asked).exists()


def test_no_management_command_signs() -> None:
    ours = {name: app for name, app in get_commands().items() if str(app).startswith("mrm.")}
    assert ours
    for name, app in ours.items():
        source = Path(load_command_class(str(app), name).__class__.__module__.replace(".", "/") + ".py")
        text = (ROOT / source).read_text()
        assert "signoff" not in text or "vote" not in text, f"{name} reaches for votes"


def api(account: Account, *scopes: str) -> APIClient:
    token = access.issue_token(account, label="t", scopes=list(scopes), days=1, actor=account)
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {token.secret}")  # type: ignore[attr-defined]
    return caller


@pytest.mark.parametrize("scopes", [("*",), ("signoff:*",), ("signoff.vote",), ("view",), ("approval:*",)])
def test_a_token_alone_signs_nothing(cast: Cast, scopes: tuple[str, ...]) -> None:
    asked = make.submitted(cast)
    caller = api(with_password(fresh(cast.officer)), *scopes)
    base = f"/api/v1/requests/{asked.pk}/"
    composed = caller.post(f"{base}statement/", {"decision": "approve", "rationale": "x"}, format="json")
    token = composed.json().get("token", "none")
    for password in ("", "wrong", token):
        answer = caller.post(f"{base}sign/", {"token": token, "password": password}, format="json")
        assert answer.status_code in {400, 403, 409}
    assert not Vote.objects.filter(request=asked).exists()


def test_a_token_without_the_scope_does_not_sign_with_the_password_either(cast: Cast) -> None:
    asked, officer = make.submitted(cast), with_password(fresh(cast.officer))
    _, token = services.compose(asked, decision="approve", rationale="x", conditions=[], actor=officer)
    answer = api(officer, "view").post(
        f"/api/v1/requests/{asked.pk}/sign/", {"token": token, "password": PASSWORD}, format="json"
    )
    assert (answer.status_code, Vote.objects.filter(request=asked).count()) == (403, 0)


def test_a_machine_of_an_officer_signs_nothing(cast: Cast) -> None:
    asked = make.submitted(cast)
    robot = access.add_account(username="robot", person=cast.officer.person, password=None, kind="service", actor=SETUP)
    for decision in Decision.values:
        with pytest.raises(Refused):
            services.compose(asked, decision=decision, rationale="x", conditions=[], actor=fresh(robot))
    assert queries.why_not(queries.Reading(asked), fresh(robot)) == "A service account cannot sign: only a person does."


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE signoff_vote SET decision = 'approve'",
        "DELETE FROM signoff_vote",
        "DELETE FROM signoff_exclusion",
        "DELETE FROM signoff_recusal",
        "UPDATE signoff_recusal SET reason = 'none'",
        "DELETE FROM signoff_escalation",
        "UPDATE signoff_edit SET fields = '[]'",
    ],
)
def test_what_was_written_stays(cast: Cast, sql: str) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    services.recuse(asked, reason="Family.", actor=cast.second_officer)
    with recorded("signoff.escalate", actor=System("x"), subject=asked):
        Escalation.objects.create(request=asked, stage="committee", role="bu_lead")
        Edit.objects.create(request=asked, digest="0" * 64, content={}, fields=["name"])
    with (
        pytest.raises(DatabaseError, match="never taken back"),
        transaction.atomic(),
        recorded("signoff.vote", actor=System("x"), subject=asked),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


EVERYBODY = (
    "owner", "developer", "validator", "second_validator", "officer", "second_officer", "lead", "deployer", "auditor", "administrator",
    "policy_admin", "outsider",
)  # fmt: skip
OFFICERS = {"officer", "second_officer"}
VALIDATORS = {"validator", "second_validator"}
MAY: dict[str, dict[str, set[str]]] = {
    "open": {
        "approve": OFFICERS, "reject": OFFICERS, "return": OFFICERS, "withdraw_vote": set(),
        "recuse": OFFICERS | VALIDATORS | {"lead"}, "ask": OFFICERS | {"lead"}, "withdraw": {"owner", "developer"}, "settle": set(),
        "escalate": set(),
    },
    "signed by one": {
        "approve": {"second_officer"}, "reject": {"second_officer"}, "return": {"second_officer"},
        "withdraw_vote": {"officer"}, "recuse": OFFICERS | VALIDATORS | {"lead"}, "ask": OFFICERS | {"lead"},
        "withdraw": {"owner", "developer"}, "settle": set(), "escalate": set(),
    },
}  # fmt: skip
VERBS = tuple(MAY["open"])
CLOSED = [state for state in RequestState.values if state != "open"]


def in_state(cast: Cast, state: str) -> Request:
    asked = make.submitted(cast)
    if state in {"signed by one", "approved"}:
        make.sign(asked, cast.officer)
    if state == "approved":
        make.sign(asked, cast.second_officer)
    if state == "rejected":
        make.sign(asked, cast.officer, "reject")
    if state == "returned":
        make.sign(asked, cast.officer, "return")
    if state == "withdrawn":
        services.withdraw(asked, reason="Later.", actor=cast.developer)
    return Request.objects.get(pk=asked.pk)


def attempt(asked: Request, verb: str, who: Account) -> None:
    steps: dict[str, Any] = {
        "recuse": lambda: services.recuse(asked, reason="x", actor=who),
        "ask": lambda: services.ask(asked, text="x", actor=who),
        "withdraw": lambda: services.withdraw(asked, reason="x", actor=who),
        "settle": lambda: services.settle(asked, actor=who),
        "escalate": lambda: services.escalate(asked, actor=who),
    }
    (steps.get(verb) or (lambda: make.sign(asked, who, verb)))()


class Undo(Exception):
    """Takes back what an attempt did, so that the next one finds the same state."""


def who_may(cast: Cast, asked: Request, verb: str) -> set[str]:
    able = set()
    for name in EVERYBODY:
        try:
            with transaction.atomic():
                attempt(Request.objects.get(pk=asked.pk), verb, fresh(getattr(cast, name)))
                able.add(name)
                raise Undo
        except (Refused, Undo):
            pass
    return able


@pytest.mark.parametrize("state", [*MAY, *CLOSED])
def test_state_by_verb_by_person(cast: Cast, state: str) -> None:
    """Complete: every state, every verb, every person of the cast; nothing is open that the table does not name."""
    for account in cast.everybody().values():
        with_password(account)
    asked = in_state(cast, state)
    found = {verb: who_may(cast, asked, verb) for verb in VERBS}
    assert found == MAY.get(state, {verb: set() for verb in VERBS})


def test_the_table_knows_every_state_and_every_person(cast: Cast) -> None:
    assert {*MAY, *CLOSED} == {*RequestState.values, "signed by one"}
    assert set(EVERYBODY) == set(cast.everybody())
    assert {move.target for move in FLOW} == set(CLOSED)
    assert set(Decision.values) - {"approve_with_conditions"} <= set(VERBS)


def test_the_administrator_may_not_make_himself_an_approver(cast: Cast) -> None:
    with pytest.raises(Refused):
        access.grant(cast.administrator, role="risk_officer", unit=cast.bank, actor=cast.administrator)
    with pytest.raises(Forbidden):
        services.compose(
            make.submitted(cast), decision="approve", rationale="x", conditions=[], actor=fresh(cast.administrator)
        )
