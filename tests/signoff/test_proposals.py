"""Changes that take effect when they are signed for: who proposes, who signs, what happens, and no way around."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from mrm.access.models import Account
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.packs import of_content
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.inventory import queries as inventory_queries
from mrm.inventory import services as inventory
from mrm.inventory.models import Model, Pack, Rating
from mrm.inventory.workflow import Lifecycle
from mrm.signoff import queries, services
from mrm.signoff.models import Policy, Proposal, RequestState
from tests.factories import approval as make
from tests.factories import inventory as factory
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.proposal import override, policy_in_force, signed


def rated(cast: Cast, **facts: Any) -> Model:
    """Computed tier 1, which may be lowered by one step."""
    model = factory.model(cast, **facts)
    inventory.rate_model(model, answers=factory.answers(1), actor=cast.owner)
    return Model.objects.get(pk=model.pk)


def test_a_tier_changes_when_it_is_signed_and_not_before(cast: Cast) -> None:
    model = rated(cast)
    assert model.tier == "1"
    proposal = override(cast, model, "2")
    model.refresh_from_db()
    assert (model.tier, proposal.request.action, proposal.request.tier) == ("1", "override_tier", "1")
    make.sign(proposal.request, cast.officer)
    model.refresh_from_db()
    proposal.refresh_from_db()
    last = Rating.objects.filter(model=model).first()
    assert last is not None
    assert (model.tier, proposal.carried_out) == ("2", True)
    assert (last.tier, last.computed_tier, last.override_by) == ("2", "1", cast.owner)
    verbs = Event.objects.filter(object_id=str(model.pk)).order_by("position").values_list("verb", flat=True)
    assert list(verbs)[-5:] == [
        "inventory.rate", "signoff.submit", "signoff.propose", "inventory.override_tier", "signoff.vote"
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["owner", "developer", "validator", "lead", "auditor", "administrator"])
def test_nobody_else_signs_for_a_tier(cast: Cast, who: str) -> None:
    proposal = override(cast, rated(cast), "2")
    with pytest.raises(Refused):
        make.sign(proposal.request, getattr(cast, who))
    assert Model.objects.get().tier == "1"


def test_the_officer_who_proposes_does_not_sign(cast: Cast) -> None:
    model = rated(cast)
    made = services.propose(
        model, "tier_override", content={"tier": "2"}, reason="Low exposure.", actor=fresh(cast.officer)
    )
    with pytest.raises(Refused, match="you submitted this request"):
        make.sign(made.request, cast.officer)
    make.sign(made.request, cast.second_officer)
    assert Model.objects.get().tier == "2"


def test_a_rating_made_meanwhile_voids_what_was_proposed(cast: Cast) -> None:
    model = rated(cast)
    proposal = override(cast, model, "2")
    inventory.rate_model(model, answers=factory.answers(0), actor=cast.owner)
    with pytest.raises(Refused, match="changed since this request was submitted"):
        make.sign(proposal.request, cast.officer)
    services.withdraw(proposal.request, reason="Rated anew.", actor=fresh(cast.owner))
    proposal.refresh_from_db()
    assert (proposal.settled_at is None, proposal.carried_out) == (False, False)
    assert Proposal.objects.filter(settled_at=None).count() == 0


def test_a_rejected_proposal_changes_nothing_and_may_be_made_again(cast: Cast) -> None:
    model = rated(cast)
    proposal = override(cast, model, "2")
    make.sign(proposal.request, cast.officer, "reject")
    proposal.refresh_from_db()
    assert (Model.objects.get().tier, proposal.carried_out, proposal.request.status) == ("1", False, "rejected")
    assert override(cast, model, "2").pk != proposal.pk


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"tier": "4"}, "A tier is lowered by 1 step at the most"),
        ({"tier": "9"}, "9 is no tier; tiers run from 1 to 4"),
        ({}, " is no tier; tiers run from 1 to 4"),
        ({"tier": "1"}, "is of tier 1 already"),
    ],
)
def test_a_tier_that_cannot_be_is_not_proposed(cast: Cast, content: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        services.propose(rated(cast), "tier_override", content=content, reason="So.", actor=cast.owner)
    assert not Proposal.objects.exists()


def test_the_same_is_proposed_once_at_a_time_with_its_reason_by_who_may(cast: Cast) -> None:
    model = rated(cast)
    with pytest.raises(Invalid, match="A proposal needs its reason"):
        override(cast, model, "2", reason=" ")
    with pytest.raises(Forbidden):
        services.propose(model, "tier_override", content={"tier": "2"}, reason="So.", actor=cast.auditor)
    with pytest.raises(Invalid, match="coup is nothing that can be proposed; use one of decommissioning"):
        services.propose(model, "coup", content={}, reason="So.", actor=cast.owner)
    asked = override(cast, model, "2").request
    with pytest.raises(Refused, match=f"proposed already, in {asked.ref}"):
        override(cast, model, "2")


def test_a_service_does_nothing_without_the_signed_request_of_its_own_proposal(cast: Cast) -> None:
    model, other = rated(cast), rated(cast, name="Card fraud")
    mine = override(cast, model, "2")
    with pytest.raises(Refused, match="is not signed for"):
        inventory.override_tier(model, proposal=mine, request=mine.request, actor=cast.officer)
    theirs = override(cast, other, "2")
    make.sign(theirs.request, cast.officer)
    theirs.refresh_from_db()
    for proposal in (mine, theirs):  # another's signature, or one that was used
        with pytest.raises(Refused, match="is not signed for"):
            inventory.override_tier(model, proposal=proposal, request=theirs.request, actor=cast.officer)


def test_the_database_refuses_an_unsigned_tier_and_an_unsigned_end(cast: Cast) -> None:
    model = rated(cast)
    override(cast, model, "2")
    last = Rating.objects.get()
    last.pk, last.tier, last.override_reason, last.override_by = None, "2", "Mine.", cast.owner
    with pytest.raises(DatabaseError, match="takes effect when it is signed for"), transaction.atomic():  # noqa: SIM117
        with recorded("inventory.rate", actor=cast.owner, subject=model):
            last.save(force_insert=True)
    with pytest.raises(DatabaseError, match="takes effect when it is signed for"), transaction.atomic():  # noqa: SIM117
        with recorded("inventory.edit", actor=cast.owner, subject=model):
            Model.objects.filter(pk=model.pk).update(lifecycle="decommissioned", decommission_date="2026-11-20")


@pytest.mark.parametrize(
    "change",
    [{"content": {"tier": "4"}}, {"carried_out": True, "settled_at": "2026-11-20T00:00Z"}, {"reason": "Other."}],
)
def test_the_database_keeps_a_proposal_as_it_was_made(cast: Cast, change: dict[str, Any]) -> None:
    override(cast, rated(cast), "2")
    with pytest.raises(DatabaseError), transaction.atomic():  # noqa: SIM117
        with recorded("signoff.propose", actor=cast.owner, subject=cast.bank):
            Proposal.objects.update(**change)


def test_a_model_ends_when_the_business_has_signed(cast: Cast) -> None:
    model = factory.model(cast)
    with pytest.raises(Refused):
        signed(
            services.propose(model, "decommissioning", content={}, reason="Old", actor=cast.owner).request, cast.owner
        )
    proposal = Proposal.objects.get()
    make.sign(proposal.request, cast.lead)
    model.refresh_from_db()
    assert (model.lifecycle, model.decommission_date is None) == (Lifecycle.DECOMMISSIONED, False)
    event = Event.objects.get(verb="inventory.retire")
    assert (event.actor, event.reason, event.details["request"]) == ("lena", "Old", proposal.request.ref)


def test_what_depends_on_a_model_is_a_gate_that_a_condition_may_stand_in_for(cast: Cast) -> None:
    model, user = factory.model(cast, "Scorecard"), factory.model(cast, "Pricing")
    inventory.link_models(user, upstream=model, kind="score", actor=cast.owner)
    asked = services.propose(model, "decommissioning", content={}, reason="Old", actor=cast.owner).request
    with pytest.raises(Refused, match=f"no other model depends on it. It feeds {user.ref} Pricing"):
        make.sign(asked, cast.lead)
    make.sign(asked, cast.lead, "approve_with_conditions", [make.condition(cast, gate="downstream")])
    assert Model.objects.get(pk=model.pk).lifecycle == Lifecycle.DECOMMISSIONED


def test_the_replacement_is_another_model(cast: Cast) -> None:
    model = factory.model(cast)
    for named in ("MDL-999999", model.ref):
        with pytest.raises(Invalid, match="is no other model here"):
            services.propose(model, "decommissioning", content={"replaced_by": named}, reason="Old", actor=cast.owner)


def test_a_policy_changes_after_two_signatures_and_the_time_to_object(cast: Cast) -> None:
    old = Policy.objects.get(key="production-use-tier-1")
    made = services.propose(
        old, "policy_change", content=old.content | {"version": 2, "valid_days": 180}, reason="Shorter.",
        actor=cast.policy_admin,
    )  # fmt: skip
    sheet = queries.sheet(queries.Reading(made.request), fresh(cast.officer))
    (entry,) = (entry.change for entry in sheet.differences)
    assert (entry.name, entry.before[:8], entry.after[:8]) == ("How long it holds", "365 days", "180 days")
    make.sign(made.request, cast.officer)
    make.sign(made.request, cast.second_officer)
    assert (Policy.objects.filter(key=old.key, version=2).exists(), services.settle_due()) == (False, 0)
    assert signed(made.request).status == RequestState.APPROVED
    new = Policy.objects.get(key=old.key, current=True)
    assert (new.version, new.content["valid_days"], new.loaded_by) == (2, 180, cast.policy_admin)


def test_who_wrote_a_policy_never_signs_under_it(cast: Cast) -> None:
    policy_in_force(cast, "tier-override", valid_days=30)
    assert queries.policy_for("override_tier", "1").loaded_by == cast.policy_admin
    asked = override(cast, rated(cast), "2").request
    assert str(cast.policy_admin.person_id) in queries.Reading(asked).parties()


def test_the_policy_on_policies_changes_only_under_itself(cast: Cast) -> None:
    old = Policy.objects.get(key="policy-change")
    weak = old.content | {"version": 2, "cool_down_hours": 1}
    made = services.propose(old, "policy_change", content=weak, reason="Faster.", actor=cast.policy_admin)
    assert made.request.policy == old
    with pytest.raises(Refused):
        make.sign(made.request, cast.policy_admin)


def test_a_pack_changes_when_it_is_signed_for(cast: Cast) -> None:
    old = inventory_queries.current_pack("findings_policy")
    content = old.content | {"version": f"{old.version}-bank", "title": "Findings, our own"}
    made = services.propose(old, "pack_change", content=content, reason="Ours.", actor=cast.policy_admin)
    assert {entry.change.name for entry in queries.sheet(queries.Reading(made.request), fresh(cast.officer)).differences} == {
        "version", "title"
    }  # fmt: skip
    assert inventory_queries.current_pack("findings_policy") == old
    signed(made.request, cast.officer, cast.second_officer)
    assert inventory_queries.current_pack("findings_policy").title == "Findings, our own"
    assert Pack.objects.filter(key=old.key).count() == 2


def test_a_pack_is_not_loaded_over_another_by_anybody(cast: Cast) -> None:
    old = inventory_queries.current_pack("tiering_method")
    for key in (old.key, "rival"):
        content = old.content | {"version": "9.9.9", "id": key}
        for actor in (cast.policy_admin, SETUP):
            with pytest.raises(Refused, match="is proposed and signed for; it is not loaded"):
                inventory.load_pack(of_content(content), actor=actor)


def test_the_database_refuses_an_unsigned_version_of_a_pack(cast: Cast) -> None:
    old = inventory_queries.current_pack("tiering_method")
    for key, version in ((old.key, "9.9.9"), ("rival", "1")):
        with pytest.raises(DatabaseError, match="changed when its change is signed for"), transaction.atomic():  # noqa: SIM117
            with recorded("inventory.load_pack", actor=SETUP, subject=cast.bank):
                Pack.objects.create(
                    kind=old.kind, key=key, version=version, title="Mine", digest="0" * 64, content={}, current=False
                )
    with pytest.raises(DatabaseError, match="stays as it is"), transaction.atomic():  # noqa: SIM117
        with recorded("inventory.load_pack", actor=SETUP, subject=cast.bank):
            Pack.objects.filter(pk=old.pk).update(content={})


def test_a_queue_of_proposals_needs_no_query_more_for_each(cast: Cast, django_assert_max_num_queries: Any) -> None:
    reader: Account = fresh(cast.officer)

    def count(models: int) -> int:
        for number in range(models):
            override(cast, rated(cast, name=f"Model {models} {number}"), "2")
        found = list(queries.open_requests(reader))
        with django_assert_max_num_queries(60) as asked:
            assert len(queries.queue(found, reader)) == len(found)
        return len(asked)

    assert count(1) == count(3)
