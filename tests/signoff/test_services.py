"""Signing: read, confirm, record; and every way around it is closed."""

import datetime as dt
from typing import Any

import pytest
from django.core import signing
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from mrm.access import services as access
from mrm.access.models import Account
from mrm.approval import services as approval
from mrm.approval.models import Approval, Condition
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.actors import System
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory.models import Version
from mrm.signoff import queries, services
from mrm.signoff.models import Policy, Request, Vote
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import PASSWORD, SETUP, Cast, fresh, grant, with_password
from tests.factories.proposal import policy_in_force


def statement(
    request: Request, account: Account, decision: str = "approve", **given: Any
) -> tuple[dict[str, Any], str]:
    return services.compose(
        request, decision=decision, rationale=make.WHY, conditions=given.get("conditions", []), actor=account
    )


def refused(verb: str) -> Event:
    return Event.objects.filter(verb=verb, outcome="refused").latest("position")


def test_a_signature_keeps_the_statement_that_was_read(cast: Cast) -> None:
    asked = make.submitted(cast)
    vote = make.sign(asked, cast.officer)
    assert (vote.printed_name, vote.role, vote.subject_digest) == ("Rita Officer", "risk_officer", asked.subject_digest)
    event = Event.objects.filter(verb="signoff.vote", outcome="done").latest("position")
    assert event.details["statement_digest"] == vote.statement_digest
    assert event.details["rationale"] == make.WHY


def test_a_wrong_password_signs_nothing_is_recorded_and_five_close_the_door(cast: Cast) -> None:
    asked, officer = make.submitted(cast), with_password(fresh(cast.officer))
    _, token = statement(asked, officer)
    for _ in range(5):
        with pytest.raises(Refused, match=r"The password is wrong; nothing was signed\."):
            services.sign(asked, token=token, password="wrong", actor=officer)
    with pytest.raises(Refused, match="Too many wrong passwords, codes or keys"):
        services.sign(asked, token=token, password=PASSWORD, actor=officer)
    assert Event.objects.filter(verb="access.confirm_identity", outcome="refused").count() == 6
    assert not Vote.objects.filter(request=asked).exists()


def test_a_statement_grows_old(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, officer = make.submitted(cast), with_password(fresh(cast.officer))
    _, token = statement(asked, officer)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 301)
    with pytest.raises(Refused, match="shown too long ago"):
        services.sign(asked, token=token, password=PASSWORD, actor=officer)


def test_a_forged_statement_is_refused(cast: Cast) -> None:
    asked, officer = make.submitted(cast), with_password(fresh(cast.officer))
    _, token = statement(asked, officer)
    forged = signing.dumps({"request": asked.ref}, salt="another")
    for wrong in (forged, token[:-2], "nonsense"):
        with pytest.raises(Refused, match="not a statement that was shown here"):
            services.sign(asked, token=wrong, password=PASSWORD, actor=officer)


def test_a_statement_belongs_to_one_request_and_one_person(cast: Cast) -> None:
    one, two = make.submitted(cast), make.submitted(cast, name="Card fraud")
    officer, second = with_password(fresh(cast.officer)), with_password(fresh(cast.second_officer))
    _, token = statement(one, officer)
    for request, person in ((two, officer), (one, second)):
        with pytest.raises(Refused, match="another request or another person"):
            services.sign(request, token=token, password=PASSWORD, actor=person)


def test_a_statement_is_signed_once(cast: Cast) -> None:
    asked, officer = make.submitted(cast), with_password(fresh(cast.officer))
    _, token = statement(asked, officer)
    services.sign(asked, token=token, password=PASSWORD, actor=officer)
    make.sign(asked, officer, "withdraw_vote")
    with pytest.raises(Refused, match="signed before"):
        services.sign(asked, token=token, password=PASSWORD, actor=officer)
    assert make.sign(asked, officer).decision == "approve"


@pytest.mark.parametrize(
    "who", ["owner", "developer", "validator", "lead", "administrator", "deployer", "auditor", "outsider"]
)
def test_nobody_but_an_independent_risk_officer_signs(cast: Cast, who: str) -> None:
    asked = make.submitted(cast)
    with pytest.raises(Refused):
        statement(asked, fresh(getattr(cast, who)))
    assert refused("signoff.vote").actor == getattr(cast, who).username


def test_a_developer_who_became_risk_officer_is_told_that_he_developed_it(cast: Cast) -> None:
    asked = make.submitted(cast)
    grant(cast.developer, role="risk_officer", unit=cast.bank)
    with pytest.raises(Refused, match=r"You may not sign: you developed this version\."):
        statement(asked, fresh(cast.developer))
    assert refused("signoff.vote").details["reasons"] == ["You may not sign: you developed this version."]


def test_a_second_account_of_a_party_is_the_same_person(cast: Cast) -> None:
    asked = make.submitted(cast)
    other = access.add_account(username="dev2", person=cast.developer.person, password=None, actor=SETUP)
    grant(other, role="risk_officer", unit=cast.bank)
    with pytest.raises(Refused, match="you developed this version"):
        statement(asked, fresh(other))


def test_a_service_account_holds_no_role_that_signs(cast: Cast) -> None:
    robot = access.add_account(username="robot", person=cast.officer.person, password=None, kind="service", actor=SETUP)
    with pytest.raises(Refused, match="only a person signs"):
        grant(robot, role="risk_officer", unit=cast.bank)
    with pytest.raises(Forbidden):
        statement(make.submitted(cast), fresh(robot))


def insert(request: Request, account: Account) -> None:
    """A vote written past every service."""
    with transaction.atomic(), recorded("signoff.vote", actor=System("intruder")) as action:
        action.subject = Vote.objects.create(
            request=request,
            person=account.person,
            account=account,
            role="risk_officer",
            unit_path="/",
            decision="approve",
            rationale="x",
            subject_digest=request.subject_digest,
            printed_name="x",
            meaning="x",
            statement="{}",
            statement_digest="0" * 64,
            method="password",
        )


def test_the_database_refuses_the_vote_of_a_party(cast: Cast) -> None:
    asked = make.submitted(cast)
    for party in (cast.owner, cast.developer, cast.validator):
        with pytest.raises(DatabaseError, match="a party to the request does not vote on it"):
            insert(asked, party)
    assert not Vote.objects.filter(request=asked).exists()


def test_the_database_refuses_a_vote_on_a_decided_request(cast: Cast) -> None:
    asked = make.submitted(cast)
    services.withdraw(asked, reason="later", actor=cast.developer)
    with pytest.raises(DatabaseError, match="an open request"):
        insert(asked, cast.officer)


def inside_an_action(sql: str) -> None:
    with transaction.atomic(), recorded("signoff.vote", actor=System("intruder")) as action:
        action.subject = Vote.objects.latest("signed_at")
        with connection.cursor() as cursor:
            cursor.execute(sql)


@pytest.mark.parametrize("sql", ["UPDATE signoff_vote SET decision = 'reject'", "DELETE FROM signoff_vote"])
def test_a_vote_is_never_changed(cast: Cast, sql: str) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    with pytest.raises(DatabaseError):
        inside_an_action(sql)
    assert Vote.objects.get(request=asked).decision == "approve"


@pytest.mark.parametrize(("decision", "state"), [("reject", "rejected"), ("return", "returned")])
def test_one_risk_officer_ends_the_request(cast: Cast, decision: str, state: str) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer, decision)
    asked.refresh_from_db()
    assert (asked.status, Approval.objects.count()) == (state, 0)
    with pytest.raises(Refused, match=r"This request is decided\."):
        make.sign(asked, cast.second_officer)


def test_changed_evidence_closes_the_signature(cast: Cast) -> None:
    asked, officer = make.submitted(cast), with_password(fresh(cast.officer))
    _, token = statement(asked, officer)
    validation.run(cast, Version.objects.get(pk=asked.subject_key), ("performance",), auc=0.9)
    with pytest.raises(Refused, match="changed since this request was submitted"):
        services.sign(asked, token=token, password=PASSWORD, actor=officer)
    with pytest.raises(Refused, match="changed since this request was submitted"):
        statement(asked, officer)
    again = services.withdraw(asked, reason="New run.", actor=cast.developer)
    assert again.status == "withdrawn"
    assert make.submitted(cast, Version.objects.get(pk=asked.subject_key)).subject_digest != asked.subject_digest


def test_only_somebody_behind_the_request_withdraws_it(cast: Cast) -> None:
    asked = make.submitted(cast)
    for who in (cast.officer, cast.validator, cast.outsider):  # a validator of the version does not stand behind it
        with pytest.raises(Refused):
            services.withdraw(asked, reason="x", actor=who)


def without_bias(cast: Cast) -> Request:
    version = validation.version(cast, validation.model(cast))
    validation.run(cast, version, ("performance", "explainability"))
    return make.submitted(cast, validation.validated(cast, version, runs=False))


def test_a_condition_stands_in_for_evidence_and_binds_its_owner(cast: Cast) -> None:
    asked, wanted = without_bias(cast), make.condition(cast)
    with pytest.raises(Refused, match="Not open, missing: fairness tests"):
        make.sign(asked, cast.officer)
    for officer in (cast.officer, cast.second_officer):
        make.sign(asked, officer, "approve_with_conditions", [wanted])
    condition = Condition.objects.get()
    assert (condition.owner, condition.gate, condition.asked_by) == (
        cast.owner.person,
        "bias",
        "Rita Officer, Sven Officer",
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"owner": "nobody@bank.example"}, "is no person here"),
        ({"due": "2020-01-01"}, "cannot be due in the past"),
        ({"due": "soon"}, "due on a date"),
        ({"evidence": " "}, "needs its evidence"),
        ({"text": ""}, "needs its text"),
    ],
)
def test_a_condition_is_complete_or_refused(cast: Cast, given: dict[str, str], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        make.sign(without_bias(cast), cast.officer, "approve_with_conditions", [make.condition(cast, **given)])


def test_an_approval_with_conditions_has_one_and_a_plain_one_has_none(cast: Cast) -> None:
    asked = make.submitted(cast)
    for decision, conditions in (("approve", [make.condition(cast)]), ("approve_with_conditions", [])):
        with pytest.raises(Invalid, match="Conditions belong to an approval with conditions"):
            make.sign(asked, cast.officer, decision, conditions)


def test_a_serious_finding_bars_every_approval(cast: Cast) -> None:
    version = validation.version(cast, validation.model(cast))
    validation.run(cast, version)
    on = validation.under_way(cast, version)
    validation.finding(cast, on, "high")
    validation.concluded(cast, on, "fit_with_findings")
    asked = make.submitted(cast, Version.objects.get(pk=version.pk))
    with pytest.raises(Refused, match="no critical or high finding open"):
        make.sign(asked, cast.officer, "approve_with_conditions", [make.condition(cast, gate="findings")])


def test_an_open_request_keeps_its_policy_while_a_new_version_is_loaded(cast: Cast) -> None:
    asked = make.submitted(cast)
    old = asked.policy
    one = {**old.content["stages"][0], "requirements": [
        {"role": "risk_officer", "quorum": 1, "distinct_business_unit": False}]}  # fmt: skip
    policy_in_force(cast, old.key, stages=[one])
    make.sign(asked, cast.officer)
    asked.refresh_from_db()
    assert (asked.policy, asked.status) == (old, "open")
    assert make.submitted(cast, name="Card fraud").policy == Policy.objects.get(key=old.key, version=2)


def test_a_lost_role_takes_the_vote_and_blocks_with_a_sentence(cast: Cast) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    access.revoke(cast.officer.role_grants.get(), reason="left", actor=cast.administrator)
    assert queries.verdict(asked).needs[0].signed == 0
    assert "2 more signatures" in queries.verdict(asked).reason


def test_two_requests_on_one_version_are_one_too_many(cast: Cast) -> None:
    asked = make.submitted(cast)
    with pytest.raises(Refused, match="is open already"):
        approval.submit(Version.objects.get(pk=asked.subject_key), actor=cast.developer)


def test_requests_are_due_after_the_hours_of_their_stages(cast: Cast) -> None:
    assert make.submitted(cast).due == timezone.localdate() + dt.timedelta(days=5)
