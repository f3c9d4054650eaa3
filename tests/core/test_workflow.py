"""One table of moves: what it lets through, what it refuses, and how it reads."""

from dataclasses import dataclass

import pytest

from mrm.core.actors import Actor, Identity, System
from mrm.core.refusal import Forbidden, Refused
from mrm.core.workflow import Move, Workflow


@dataclass
class Thing:
    status: str = "draft"


@dataclass
class Person:
    name: str
    powers: tuple[str, ...] = ("thing.submit", "thing.approve")

    @property
    def identity(self) -> Identity:
        return Identity(self.name, self.name)

    def lacks(self, permission: str, subject: object) -> str | None:
        return None if permission in self.powers else f"You may not {permission}."


def not_olga(actor: Actor, thing: Thing) -> str | None:
    return "You wrote it." if actor.identity.key == "olga" else None


FLOW = Workflow(
    "thing",
    Move("submit", ("draft", "rejected"), "review"),
    Move("approve", ("review",), "approved", (not_olga,)),
    Move("reject", ("review",), "rejected", (not_olga,)),
)


def test_a_move_changes_the_state() -> None:
    thing = Thing()
    assert FLOW.apply(thing, "submit", Person("olga")) == "review"
    assert thing.status == "review"


def test_a_move_from_another_state_is_refused_in_words() -> None:
    with pytest.raises(Refused) as refusal:
        FLOW.apply(Thing(), "approve", Person("max"))
    assert refusal.value.reasons == ("Approve is open from review; this is draft.",)


def test_a_policy_refuses_with_its_sentence() -> None:
    thing = Thing("review")
    with pytest.raises(Refused, match=r"You wrote it\."):
        FLOW.apply(thing, "approve", Person("olga"))
    assert thing.status == "review"


def test_without_the_permission_it_is_forbidden_whatever_the_state() -> None:
    with pytest.raises(Forbidden, match=r"You may not thing\.reject\."):
        FLOW.apply(Thing("review"), "reject", Person("max"))


def test_offers_say_why_a_move_is_closed() -> None:
    offers = {offer.move.name: offer.reasons for offer in FLOW.offered(Thing("review"), Person("olga"))}
    assert offers == {"approve": ("You wrote it.",), "reject": ("You may not thing.reject.",)}


def test_the_edges_and_the_diagram_come_from_the_same_table() -> None:
    assert FLOW.edges() == [("draft", "review"), ("rejected", "review"), ("review", "approved"), ("review", "rejected")]
    assert "review --> approved: approve" in FLOW.mermaid()


def test_the_system_lacks_nothing_but_keeps_to_the_policies() -> None:
    assert FLOW.apply(Thing("review"), "approve", System("clock")) == "approved"
