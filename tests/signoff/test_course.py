"""Beside the votes: delegates, recusals, questions, escalation, changes of the subject; the services and the database."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mrm.access import services as access
from mrm.access.models import Account
from mrm.approval import services as approval
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.actors import System
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory import services as inventory
from mrm.inventory.models import Model, Version
from mrm.signoff import queries, services
from mrm.signoff.models import Delegation, Request, Vote
from mrm.signoff.services.asking import note_edit
from tests.factories import approval as make
from tests.factories import validation
from tests.factories.access import PASSWORD, SETUP, Cast, account, fresh, grant, with_password
from tests.factories.proposal import policy_in_force


def stands_in(cast: Cast, principal: Account, delegate: Account, **given: Any) -> Delegation:
    since = given.pop("since", timezone.now())
    wanted = {"since": since, "until": since + dt.timedelta(days=10), "reason": "On leave."} | given
    return services.delegate(delegate.person, **wanted, actor=fresh(principal))


def sign_for(asked: Request, delegate: Account, principal: Account, decision: str = "approve") -> Vote:
    signer = with_password(fresh(delegate))
    _, token = services.compose(
        asked, decision=decision, rationale="Read.", conditions=[], actor=signer, on_behalf_of=principal.person
    )
    return services.sign(asked, token=token, password=PASSWORD, actor=signer)


@pytest.fixture
def third(cast: Cast) -> Account:
    return account("Olaf Officer", cast.markets, ("risk_officer", cast.bank))


def test_a_delegate_signs_and_both_are_counted(cast: Cast, third: Account) -> None:
    asked = make.submitted(cast)
    stands_in(cast, cast.officer, third)
    vote = sign_for(asked, third, cast.officer)
    assert (vote.person, vote.principal, vote.role) == (third.person, cast.officer.person, "risk_officer")
    assert queries.verdict(asked).needs[0].signed == 1
    for one in (cast.officer, third):
        with pytest.raises(Refused, match="a person counts once"):
            make.sign(asked, one)
    make.sign(asked, cast.second_officer)
    assert Approval.objects.get().request == asked


def test_a_delegate_of_a_party_does_not_sign(cast: Cast, third: Account) -> None:
    asked = make.submitted(cast)
    grant(cast.owner, role="risk_officer", unit=cast.bank)
    stands_in(cast, cast.owner, third)
    with pytest.raises(Refused, match="You may not sign for another who may not himself: he owns this model"):
        sign_for(asked, third, cast.owner)


def test_a_delegation_that_is_over_opens_nothing(cast: Cast, third: Account) -> None:
    asked = make.submitted(cast)
    given = stands_in(cast, cast.officer, third)
    services.end_delegation(given, actor=third)
    with pytest.raises(Refused, match="No delegation lets you sign for this person now"):
        sign_for(asked, third, cast.officer)
    with pytest.raises(Refused, match="has ended already"):
        services.end_delegation(given, actor=third)
    with pytest.raises(Refused, match="Only the two people"):
        services.end_delegation(stands_in(cast, cast.second_officer, third), actor=cast.officer)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"until": timezone.now() - dt.timedelta(days=1)}, "until: lies in the past"),
        ({"until": timezone.now() + dt.timedelta(days=80)}, "until: is more than 30 days after since"),
        ({"since": timezone.now() - dt.timedelta(days=2)}, "since: lies in the past"),
        (
            {"since": timezone.now() + dt.timedelta(days=9), "until": timezone.now() + dt.timedelta(days=8)},
            "not after since",
        ),
        ({"reason": " "}, "needs its reason"),
    ],
)
def test_a_delegation_is_well_formed_or_refused(
    cast: Cast, third: Account, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        stands_in(cast, cast.officer, third, **given)


def test_who_cannot_delegate_and_to_whom(cast: Cast, third: Account) -> None:
    with pytest.raises(Invalid, match="cannot delegate to yourself"):
        stands_in(cast, cast.officer, cast.officer)
    with pytest.raises(Invalid, match="holds no role that signs"):
        stands_in(cast, cast.officer, cast.deployer)
    with pytest.raises(Forbidden):
        stands_in(cast, cast.deployer, third)
    robot = fresh(cast.officer)
    robot.scopes = ("*",)
    with pytest.raises(Forbidden, match="a machine or a token does not"):
        services.delegate(
            third.person, since=timezone.now(), until=timezone.now() + dt.timedelta(days=1), reason="x", actor=robot
        )


def test_a_cycle_and_a_chain_of_delegations_are_refused(cast: Cast, third: Account) -> None:
    stands_in(cast, cast.officer, third)
    with pytest.raises(Refused, match="what was delegated is not passed on"):
        stands_in(cast, third, cast.second_officer)
    with pytest.raises(Refused, match="a chain or a cycle"):
        stands_in(cast, cast.second_officer, cast.officer)
    with pytest.raises(Refused, match="stands in for you in that time already"):
        stands_in(cast, cast.officer, third)


def test_who_stepped_aside_is_not_counted_nor_his_delegate(cast: Cast, third: Account) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    services.recuse(asked, reason="I advised the team.", actor=cast.officer)
    assert queries.verdict(asked).needs[0].signed == 0
    with pytest.raises(Refused, match="stepped aside already"):
        services.recuse(asked, reason="Again.", actor=cast.officer)
    stands_in(cast, cast.officer, third)
    with pytest.raises(Refused, match="declared a conflict of interest"):
        sign_for(asked, third, cast.officer)
    with pytest.raises(Invalid, match="Say what the conflict"):
        services.recuse(asked, reason=" ", actor=cast.second_officer)
    with pytest.raises(Forbidden):
        services.recuse(asked, reason="x", actor=cast.deployer)


def written(asked: Request, voter: Account, **columns: Any) -> None:
    """A vote past every service."""
    given = {
        "request": asked, "person": voter.person, "account": voter, "role": "risk_officer", "unit_path": "/",
        "decision": "approve", "rationale": "x", "subject_digest": asked.subject_digest, "printed_name": "x",
        "meaning": "x", "statement": "{}", "statement_digest": "0" * 64, "method": "none",
    }  # fmt: skip
    with transaction.atomic(), recorded("signoff.vote", actor=System("intruder")) as action:
        action.subject = Vote.objects.create(**given | columns)


def test_the_database_refuses_what_the_services_would(cast: Cast, third: Account) -> None:
    asked = make.submitted(cast)
    services.recuse(asked, reason="Family.", actor=cast.officer)
    with pytest.raises(DatabaseError, match="who stepped aside does not vote"):
        written(asked, cast.officer)
    with pytest.raises(DatabaseError, match="who stepped aside does not vote, nor does another"):
        written(asked, third, principal=cast.officer.person)
    with pytest.raises(DatabaseError, match="nobody votes in the place of a party"):
        written(asked, third, principal=cast.owner.person)
    with pytest.raises(DatabaseError, match="while a delegation runs"):
        written(asked, third, principal=cast.second_officer.person)
    given = stands_in(cast, cast.second_officer, third)
    services.end_delegation(given, actor=third)
    with pytest.raises(DatabaseError, match="while a delegation runs"):
        written(asked, third, principal=cast.second_officer.person)
    with pytest.raises(DatabaseError, match="on an open request and on its subject"):
        written(asked, third, subject_digest="0" * 64)
    assert not Vote.objects.filter(request=asked).exists()


def test_a_delegation_is_not_lengthened_and_a_decided_request_takes_nothing_more(cast: Cast, third: Account) -> None:
    given = stands_in(cast, cast.officer, third)
    with (
        pytest.raises(DatabaseError, match="a delegation is ended once"),
        recorded("signoff.delegate", actor=System("intruder"), subject=given),
    ):
        Delegation.objects.filter(pk=given.pk).update(until=timezone.now() + dt.timedelta(days=300))
    asked = make.submitted(cast)
    services.withdraw(asked, reason="Later.", actor=cast.developer)
    for step in (
        lambda: services.recuse(asked, reason="x", actor=cast.officer),
        lambda: services.ask(asked, text="x", actor=cast.officer),
        lambda: services.escalate(asked, actor=SETUP),
    ):
        with pytest.raises(Refused, match="is decided"):
            step()


def test_a_question_stops_the_clock_until_it_is_answered(cast: Cast) -> None:
    asked = make.submitted(cast)
    question = services.ask(asked, text="Where is the drill?", actor=cast.officer)
    past = queries.Reading(asked).past
    assert [(pause.since > 0, pause.until) for pause in past.pauses] == [(True, None)]
    with pytest.raises(Refused, match="waits for its answer"):
        services.ask(asked, text="And?", actor=cast.officer)
    with pytest.raises(Refused, match="You are a party to this request"):
        services.ask(asked, text="?", actor=fresh(cast.validator))
    with pytest.raises(Forbidden):
        services.answer(question, text="x", actor=cast.second_officer)
    stranger = account("Dana Developer", cast.retail, ("developer", cast.retail))
    with pytest.raises(Refused, match="Only somebody who stands behind"):
        services.answer(question, text="x", actor=stranger)
    services.answer(question, text="In annex C.", actor=cast.developer)
    with pytest.raises(Refused, match="answered already"):
        services.answer(question, text="x", actor=cast.developer)
    assert queries.Reading(asked).past.pauses[0].until is not None


def edit(cast: Cast, asked: Request, **changes: Any) -> Model:
    model = Model.objects.get(pk=Version.objects.get(pk=asked.subject_key).model_id)
    return inventory.edit(model, changes=changes, revision=model.revision, actor=cast.owner)


def test_a_minor_change_is_noted_and_keeps_the_votes(cast: Cast) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    edit(cast, asked, name="Retail PD score card")
    assert queries.verdict(asked).needs[0].signed == 1
    vote = make.sign(asked, cast.second_officer)
    noted = asked.edits.get()
    assert (noted.fields, vote.subject_digest) == (["model", "name"], noted.digest)
    assert vote.subject_digest != asked.subject_digest
    assert Approval.objects.get().request == asked


@pytest.mark.parametrize("change", [{"name": "Retail PD score card"}, {"approved_uses": ["Everything"]}])
def test_a_vote_is_taken_back_whatever_became_of_the_subject(cast: Cast, change: dict[str, Any]) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    edit(cast, asked, **change)
    taken_back = make.sign(asked, cast.officer, decision="withdraw_vote")
    assert taken_back.subject_digest == asked.subject_digest
    assert queries.verdict(asked).needs[0].signed == 0


def test_a_statement_that_takes_a_vote_back_is_about_the_last_change_noted(cast: Cast) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    signer = fresh(cast.officer)
    _, token = services.compose(asked, decision="withdraw_vote", rationale="No", conditions=[], actor=signer)
    edit(cast, asked, name="Retail PD score card")
    with recorded("signoff.vote", actor=fresh(cast.second_officer), subject=asked):
        note_edit(queries.Reading(asked))  # as the next vote does
    with pytest.raises(Refused, match="A change was noted since"):
        services.sign(asked, token=token, password=PASSWORD, actor=signer)
    make.sign(Request.objects.get(pk=asked.pk), cast.officer, decision="withdraw_vote")
    assert queries.verdict(asked).needs[0].signed == 0


def test_a_material_change_voids_the_votes_and_closes_the_request(cast: Cast) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    edit(cast, asked, approved_uses=["Everything"])
    found = queries.verdict(asked)
    assert found.needs[0].signed == 0
    assert "what the policy calls material" in found.ignored[0]
    with pytest.raises(Refused, match="changed since this request was submitted"):
        make.sign(asked, cast.second_officer)


def test_who_votes_and_then_edits_loses_his_own_vote(cast: Cast) -> None:
    asked = make.submitted(cast)
    make.sign(asked, cast.officer)
    access.grant(cast.officer, role="owner", unit=cast.bank, actor=SETUP)
    model = Model.objects.get()
    inventory.edit(model, changes={"name": "Mine now"}, revision=model.revision, actor=fresh(cast.officer))
    found = queries.verdict(asked)
    assert found.needs[0].signed == 0
    assert found.ignored == ("A vote does not count: changed this model's record since its last approval.",)


def staged(cast: Cast, **more: Any) -> None:
    """Tier 1 asks a lead of the business first, and when he is late a risk officer."""
    stage = {"id": "business", "sla_hours": 24, "escalate_to": "risk_officer",
             "requirements": [{"role": "bu_lead", "quorum": 1}]}  # fmt: skip
    policy_in_force(cast, "production-use-tier-1", **({"stages": [stage], "reject": {"any_of": ["bu_lead"]}} | more))


def later(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    now = timezone.now() + dt.timedelta(**passed)
    monkeypatch.setattr(timezone, "now", lambda: now)


def test_an_overdue_stage_asks_further_people_and_the_quorum_stays(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    staged(cast)
    asked = make.submitted(cast)
    with pytest.raises(Refused, match="is not overdue, and somebody can complete it"):
        services.escalate(asked, actor=SETUP)
    with pytest.raises(Refused, match="This stage waits for a business-unit lead"):
        make.sign(asked, cast.officer)
    assert services.escalate_overdue() == 0
    later(monkeypatch, hours=25)
    assert (services.escalate_overdue(), services.escalate_overdue()) == (1, 0)
    need = queries.verdict(asked).needs[0]
    assert (need.quorum, need.roles) == (1, {"bu_lead", "risk_officer"})
    make.sign(asked, cast.officer)
    assert Approval.objects.get().request == asked
    assert Event.objects.get(verb="signoff.escalate", outcome="done").actor == "system:signoff"


def test_a_stage_that_nobody_can_complete_is_blocked_and_escalates_at_once(cast: Cast) -> None:
    staged(cast)
    asked = make.submitted(cast)
    services.recuse(asked, reason="I sponsor it.", actor=cast.lead)
    found = queries.verdict(asked)
    assert (found.state, "nobody may sign" in found.reason) == ("blocked", True)
    assert services.escalate_overdue() == 1
    assert queries.verdict(asked).state == "open"


def test_the_clock_stands_still_while_a_question_waits(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    staged(cast)
    asked = make.submitted(cast)
    services.ask(asked, text="Which segment?", actor=cast.lead)
    later(monkeypatch, hours=30)
    assert services.escalate_overdue() == 0
    with pytest.raises(Refused, match="The clock stands still"):
        services.escalate(asked, actor=SETUP)


def test_a_cool_down_leaves_time_to_object_and_then_settles(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    staged(cast, cool_down_hours=24)
    first, second = make.submitted(cast), make.submitted(cast, name="Card fraud")
    for asked in (first, second):
        make.sign(asked, cast.lead)
        asked.refresh_from_db()
        assert (asked.status, queries.verdict(asked).state) == ("open", "cooling")
    with pytest.raises(Refused, match=r"Until it takes effect a business-unit lead may still reject"):
        make.sign(first, cast.officer)
    assert services.settle_due() == 0
    with pytest.raises(Refused, match=r"is not settled\. Everybody has signed"):
        services.settle(first, actor=SETUP)
    head = account("Hanna Head", cast.bank, ("bu_lead", cast.bank))
    make.sign(second, head, "reject")
    later(monkeypatch, hours=25)
    assert services.settle_due() == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status, Approval.objects.get().request) == ("approved", "rejected", first)


@pytest.mark.parametrize("what", [services.settle_due, services.escalate_overdue, services.look_again_at_all])
def test_what_time_does_asks_no_more_for_many_requests_than_for_one(cast: Cast, what: Callable[[], int]) -> None:
    staged(cast, cool_down_hours=24)
    make.sign(make.submitted(cast), cast.lead)
    with CaptureQueriesContext(connection) as one:
        assert what() == 0
    for name in ("Card fraud", "Mortgage LGD"):
        make.sign(make.submitted(cast, name=name), cast.lead)
    make.submitted(cast, name="Cards PD")
    with CaptureQueriesContext(connection) as four:
        assert what() == 0
    assert len(four) == len(one) < 15


def test_what_was_written_down_is_asked_of_the_log_before_it_settles(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lead who signed took part meanwhile: as written down his vote stands, as the log has it it does not."""
    staged(cast, cool_down_hours=24)
    asked = make.submitted(cast)
    make.sign(asked, cast.lead)
    access.grant(cast.lead, role="owner", unit=cast.retail, actor=SETUP)
    model = Model.objects.get()
    inventory.edit(model, changes={"name": "Mine now"}, revision=model.revision, actor=fresh(cast.lead))
    later(monkeypatch, hours=25)
    (judged,) = queries.judged_open()
    assert (judged.verdict.state, queries.verdict(asked).is_open) == ("approved", True)
    assert services.settle_due() == 0
    asked.refresh_from_db()
    assert asked.status == "open"


def test_the_policy_forbids_a_delegate(cast: Cast, third: Account) -> None:
    staged(cast, delegation={"allowed": False})
    asked = make.submitted(cast)
    stands_in(cast, cast.officer, third)
    with pytest.raises(Refused, match="allows no delegate"):
        sign_for(asked, third, cast.officer)


def test_an_unused_kind_of_use_needs_its_reason(cast: Cast) -> None:
    draft = validation.version(cast, validation.model(cast))
    with pytest.raises(Invalid, match="makes it urgent"):
        approval.submit(draft, actor=cast.developer, kind="interim")
