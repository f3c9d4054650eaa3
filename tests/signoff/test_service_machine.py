"""The services and the API against the same oracle: a bank beside a world that is told only what they accepted."""

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.access.models import Account, RoleGrant
from mrm.approval import queries as approval
from mrm.core.refusal import Refused
from mrm.inventory import services as inventory
from mrm.inventory.models import Model, Version
from mrm.signoff import queries, services
from mrm.signoff.models import Request
from tests.factories import approval as make
from tests.factories.access import PASSWORD, SETUP, Cast, account, fresh, grant, with_password
from tests.signoff.oracle import state_of
from tests.signoff.world import World

ROLES = {
    "officer": {"risk_officer"}, "second_officer": {"risk_officer"}, "third": {"risk_officer"},
    "validator": {"validator"}, "owner": {"owner"}, "developer": {"developer"}, "lead": {"bu_lead"},
}  # fmt: skip
PARTS = {"owner": ("model_owner",), "developer": ("developer", "submitter"), "validator": ("validator",)}
PEOPLE = st.sampled_from(sorted(ROLES))
DECISIONS = st.sampled_from(["approve"] * 6 + ["withdraw_vote"] * 2 + ["reject", "return"])


class Services(RuleBasedStateMachine):
    """People try what they like through the services; the world hears of it when it was not refused."""

    people: dict[str, Account]
    request: Request
    seen: set[tuple[str, str]]

    @initialize()
    def begin(self) -> None:
        self.point = transaction.atomic()
        self.point.__enter__()
        self.asked = Request.objects.select_related("policy", "unit").get(pk=self.request.pk)
        units = {name: one.person.unit.path for name, one in self.people.items()}
        self.world = World(self.asked.policy.content, units, ROLES, PARTS)
        self.edits = 0

    def teardown(self) -> None:
        if hasattr(self, "point"):
            transaction.set_rollback(True)
            self.point.__exit__(None, None, None)

    def tried(self, step: Any) -> bool:
        """Whether the services let it happen."""
        try:
            with transaction.atomic():
                step()
        except Refused:
            return False
        if Request.objects.get(pk=self.asked.pk).status == "approved":
            self.world.decide()
        return True

    def do_sign(self, name: str, decision: str, principal: str) -> None:
        signer = fresh(self.people[name])
        _, token = services.compose(
            self.asked, decision=decision, rationale="Read.", conditions=[], actor=signer,
            on_behalf_of=self.people[principal].person if principal else None,
        )  # fmt: skip
        services.sign(self.asked, token=token, password=PASSWORD, actor=signer)

    def do_delegate(self, principal: str, name: str, since: dt.datetime, until: dt.datetime) -> None:
        actor = fresh(self.people[principal])
        services.delegate(self.people[name].person, since=since, until=until, reason="Away.", actor=actor)

    def do_recuse(self, name: str) -> None:
        services.recuse(self.asked, reason="Family.", actor=fresh(self.people[name]))

    def do_edit(self, model: Model, changes: dict[str, Any]) -> None:
        inventory.edit(model, changes=changes, revision=model.revision, actor=fresh(self.people["owner"]))

    def sign(self, name: str, decision: str, principal: str = "") -> None:
        before = self.world.decided
        self.world.vote(name, decision, principal=principal)
        if not self.tried(lambda: self.do_sign(name, decision, principal)):
            self.world.ballots.pop()
            self.world.decided = before

    @rule(name=PEOPLE, decision=DECISIONS)
    def vote(self, name: str, decision: str) -> None:
        self.sign(name, decision)

    @rule(name=st.sampled_from(["officer", "second_officer", "third"]))
    def approve(self, name: str) -> None:
        self.sign(name, "approve")

    @rule()
    def both_sign(self) -> None:
        """The happy path, whatever was done before and comes after."""
        self.sign("officer", "approve")
        self.sign("second_officer", "approve")

    @rule(principal=PEOPLE, name=PEOPLE)
    def delegate_and_vote(self, principal: str, name: str) -> None:
        now = timezone.now()
        if self.tried(lambda: self.do_delegate(principal, name, now, now + dt.timedelta(days=3))):
            self.world.delegate(principal, name, 3)
        self.sign(name, "approve", principal)

    @rule(name=PEOPLE)
    def recuse(self, name: str) -> None:
        if self.tried(lambda: self.do_recuse(name)):
            self.world.recuse(name)

    @rule(name=PEOPLE)
    def get_the_role(self, name: str) -> None:
        unit = self.people["officer"].role_grants.first().unit
        if self.tried(lambda: grant(fresh(self.people[name]), role="risk_officer", unit=unit)):
            self.world.grant(name, "risk_officer")

    @rule(name=PEOPLE)
    def lose_the_role(self, name: str) -> None:
        held = RoleGrant.objects.in_force().filter(account=self.people[name], role="risk_officer").first()
        if held and self.tried(lambda: access.revoke(held, reason="Left.", actor=SETUP)):
            self.world.revoke(name, "risk_officer")

    @rule(material=st.booleans())
    def edit(self, material: bool) -> None:
        self.edits += 1
        model = Model.objects.get()
        changes = {"approved_uses": [f"Use {self.edits}"]} if material else {"name": f"Name {self.edits}"}
        if self.tried(lambda: self.do_edit(model, changes)):
            self.world.edit("owner", *changes)

    @invariant()
    def the_services_say_what_the_oracle_says(self) -> None:
        if not hasattr(self, "world"):
            return
        expected = state_of(self.world.rules, self.world.history())
        asked = Request.objects.get(pk=self.asked.pk)
        self.seen.add((asked.status, expected))
        if asked.status == "approved":
            version = Version.objects.get(pk=asked.subject_key)
            usable = approval.why_not_usable(version, version.artifact_id or "")
            assert (usable is None) == (expected == "approved"), (usable, expected)
        elif asked.status == "open":
            found = queries.verdict(asked).state
            assert (found in {"open", "blocked"}) == (expected == "open"), (found, expected)
        else:
            assert asked.status in {"rejected", "returned"}


class Api(Services):
    """The same people through the JSON API, each signed in."""

    def post(self, name: str, path: str, /, method: str = "post", **body: Any) -> Any:
        client = APIClient()
        client.force_authenticate(fresh(self.people[name]))
        answer = getattr(client, method)(f"/api/v1/{path}", body, format="json")
        assert answer.status_code < 500, (path, answer.status_code)
        if answer.status_code >= 400:
            raise Refused(*answer.json()["reasons"])
        return answer.json()

    def do_sign(self, name: str, decision: str, principal: str) -> None:
        behalf = {"on_behalf_of": self.people[principal].person.email} if principal else {}
        wanted = {"decision": decision, "rationale": "Read.", "conditions": [], **behalf}
        token = self.post(name, f"requests/{self.asked.pk}/statement/", **wanted)["token"]
        self.post(name, f"requests/{self.asked.pk}/sign/", token=token, password=PASSWORD)

    def do_delegate(self, principal: str, name: str, since: dt.datetime, until: dt.datetime) -> None:
        given = {"since": since.isoformat(), "until": until.isoformat(), "reason": "Away."}
        self.post(principal, "delegations/", to=self.people[name].person.email, **given)

    def do_recuse(self, name: str) -> None:
        self.post(name, f"requests/{self.asked.pk}/recuse/", reason="Family.")

    def do_edit(self, model: Model, changes: dict[str, Any]) -> None:
        self.post("owner", f"models/{model.pk}/", method="patch", revision=model.revision, **changes)


@pytest.mark.parametrize(("machine", "examples"), [(Services, 15), (Api, 8)])
def test_whatever_services_and_api_let_happen_is_legitimate(cast: Cast, machine: type[Services], examples: int) -> None:
    third = account("Olaf Officer", cast.risk, ("risk_officer", cast.bank))
    Services.people = {name: getattr(cast, name, third) for name in ROLES}
    Services.request = make.submitted(cast)
    for one in Services.people.values():
        with_password(fresh(one))
    Services.people = {name: fresh(one) for name, one in Services.people.items()}
    chosen = settings(
        max_examples=examples,
        stateful_step_count=9,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    Services.seen = set()
    run_state_machine_as_test(machine, settings=chosen)
    assert Services.seen >= {("open", "open"), ("approved", "approved")}
