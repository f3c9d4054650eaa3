"""Decisions are worked out again from the events: what the application decides and what the verifier finds agree."""

import json
import runpy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrm.core.canonical import canonical, digest, timestamp
from mrm.signoff.policies import Ballot, History, Party, evaluate
from tests.audit.verifier.bundles import Files, Log
from tests.audit.verifier.loaded import PATH, report, sentence, verify
from tests.audit.verifier.story import (
    MODEL,
    POLICY,
    REQUEST,
    VERSION,
    Story,
    approved,
    bank,
    decide,
    exclude,
    key_of,
    signature,
    submit,
    vote,
)

ROLES = ["risk_officer", "bu_lead", "validator"]
DECISIONS = ["approve", "approve_with_conditions", "return", "reject", "withdraw_vote"]
NEED = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES), "quorum": st.integers(0, 3)}, optional={"distinct_business_unit": st.booleans()}
)
RULES = st.builds(
    lambda stages, stops: {
        "stages": [{"id": str(number), "requirements": needs} for number, needs in enumerate(stages)],
        "reject": {"any_of": stops},
    },
    st.lists(st.lists(NEED, min_size=1, max_size=3), max_size=3),
    st.lists(st.sampled_from(ROLES), max_size=2),
)
PERSON = st.sampled_from(["ann", "bob", "cid", "dan", "eve"])
BALLOT = st.tuples(
    PERSON,
    st.sampled_from(ROLES),
    st.sampled_from(["/bank/a/", "/bank/b/"]),
    st.sampled_from(DECISIONS),
    st.sampled_from(["a" * 64, "a" * 64, "b" * 64]),
)


@given(
    RULES,
    st.lists(BALLOT, max_size=8),
    st.sets(PERSON, max_size=2),
    st.dictionaries(PERSON, st.sets(st.sampled_from(ROLES)), max_size=5),
)
def test_both_engines_reach_the_same_verdict(
    rules: dict[str, Any], ballots: list[tuple[str, ...]], excluded: set[str], held: dict[str, set[str]]
) -> None:
    history = History(
        "a" * 64,
        tuple(Ballot(*ballot) for ballot in ballots),
        dict.fromkeys(excluded, Party("is a party")),
        {person: frozenset(roles) for person, roles in held.items()},
    )
    theirs = verify.History(
        "a" * 64,
        tuple(verify.Ballot(*ballot) for ballot in ballots),
        dict.fromkeys(excluded, verify.Party("is a party")),
        history.held,
    )
    assert verify.evaluate(rules, theirs).state == evaluate(rules, history).state


def test_the_verifier_runs_the_engine_of_the_application() -> None:
    """When this fails, the engine was changed: run deploy/verifier/engine.py, and tell the digest in the README."""
    source = PATH.read_text()
    assert runpy.run_path(str(PATH.with_name("engine.py")))["put"](source) == source


def whole(story: Story) -> Files:
    return Log(story).whole()


def duties(story: Story) -> str:
    """The verdict's sentence; everything else about the bundle is in order."""
    found = report(whole(story))
    assert [found[name].state for name in ("INTEGRITY", "COMPLETENESS")] == ["OK", "OK"], found.lines()
    verdict = found["SEPARATION OF DUTIES"]
    told: str = f"{verdict.state} {verdict.sentence}"
    return told


def test_a_decision_that_follows_from_its_votes_is_fine() -> None:
    assert duties(approved()) == "OK 1 decisions follow from their votes and pinned policies"


def party(story: Story) -> None:
    change = story.update("inventory_version", VERSION[1], label="1.0.9")
    story.event("inventory.edit_version", MODEL, change, actor="adam", subject=VERSION)
    submit(story)


def owner(story: Story) -> None:
    story.event("inventory.edit", MODEL, story.update("inventory_model", MODEL[1], owner_id=key_of("adam")))
    submit(story)


def submitter(story: Story) -> None:
    submit(story, by="adam")


def excluded(story: Story) -> None:
    submit(story)
    subject = ("signoff.request", REQUEST)
    story.event("signoff.comment", MODEL, exclude(story, "adam", "validated it"), actor="vera", subject=subject)


def validator(story: Story) -> None:
    row = story.insert(
        "validation_validation", key_of("validation"), version_id=VERSION[1], validator_id=key_of("adam")
    )
    story.event("validation.take", MODEL, row, actor="adam")
    submit(story)


def recused(story: Story) -> None:
    submit(story)
    row = story.insert(
        "signoff_recusal", "1", request_id=REQUEST, person_id=key_of("adam"), reason="is my wife's model"
    )
    story.event("signoff.recuse", MODEL, row, actor="adam")


def edited(story: Story) -> None:
    """Between the two votes the subject changed, and the policy names no field that may change."""
    submit(story)
    vote(story, "rita")
    row = story.insert(
        "signoff_edit", "1", request_id=REQUEST, at=timestamp(story.now), digest="cd" * 32, fields=["wording"]
    )
    story.event("signoff.note_edit", MODEL, row, actor="dora")
    story.pass_time()


def without_delegation(story: Story) -> None:
    """Rita signs in the name of somebody who never let her."""
    submit(story)
    vote(story, "rita", principal_id=key_of("vera"))


def lost_role(story: Story) -> None:
    submit(story)
    change = story.update(
        "access_rolegrant", key_of("grant adam"), revoked_at="2026-11-01T12:00:00.5+00:00", revoked_by="admin"
    )
    story.event("access.revoke", ("access.account", key_of("account adam")), change)


def ended_role(story: Story) -> None:
    submit(story)
    change = story.update("access_rolegrant", key_of("grant adam"), until="2026-11-02T08:00:00+00:00")
    story.event("access.grant", ("access.account", key_of("account adam")), change)


def closed_account(story: Story) -> None:
    submit(story)
    change = story.update("access_account", key_of("account adam"), is_active=False)
    story.event("access.deactivate", ("access.account", key_of("account adam")), change)


def other_unit(story: Story) -> None:
    submit(story)
    change = story.update("access_rolegrant", key_of("grant adam"), unit_id=key_of("risk"))
    story.event("access.grant", ("access.account", key_of("account adam")), change)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (party, "contributed to the version does not count"),
        (owner, "owns the model does not count"),
        (submitter, "submitted the request does not count"),
        (excluded, "validated it does not count"),
        (validator, "validated the version does not count"),
        (recused, "declared a conflict of interest does not count"),
        (lost_role, "2 votes make it open"),
        (ended_role, "2 votes make it open"),
        (closed_account, "2 votes make it open"),
        (other_unit, "2 votes make it open"),
    ],
)
def test_an_approval_that_rests_on_a_vote_which_does_not_count_is_named(
    before: Callable[[Story], None], reason: str
) -> None:
    story = bank()
    before(story)
    vote(story, "rita")
    decide(story, "adam")
    told = duties(story)
    assert told.startswith("FAILED event "), told
    assert f"request {REQUEST} was approved" in told
    assert reason in told


@pytest.mark.parametrize("before", [edited, without_delegation])
def test_a_first_vote_that_no_longer_counts_is_noticed(before: Callable[[Story], None]) -> None:
    story = bank()
    before(story)
    decide(
        story,
        "adam",
        **({"subject_digest": "cd" * 32, "signed": {"subject_digest": "cd" * 32}} if before is edited else {}),
    )
    assert "2 votes make it open" in duties(story)


@pytest.mark.parametrize(
    ("first", "last", "state", "fine"),
    [
        ({}, {"decision": "reject"}, "rejected", True),
        ({}, {"decision": "return"}, "returned", True),
        ({}, {"decision": "reject"}, "approved", False),
        ({"decision": "withdraw_vote"}, {}, "approved", False),
        ({"unit_path": "/bank/retail/"}, {}, "approved", False),
        ({"subject_digest": "cd" * 32, "signed": {"subject_digest": "cd" * 32}}, {}, "approved", False),
        ({}, {}, "rejected", False),
    ],
)
def test_votes_that_do_not_give_the_state_are_named(
    first: dict[str, Any], last: dict[str, Any], state: str, fine: bool
) -> None:
    story = bank()
    submit(story)
    signed = [
        {**each, "signed": {"decision": each["decision"]}} if "decision" in each else each for each in (first, last)
    ]
    vote(story, "rita", **signed[0])
    decide(story, "adam", state, **signed[1])
    assert duties(story).startswith("OK" if fine else "FAILED")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"person_id": key_of("vera")}, "is in the name of"),
        ({"signed": {"decision": "reject"}}, 'decision is "approve", the statement signed says "reject"'),
        ({"signed": {"person": key_of("vera")}}, "person is"),
        ({"signed": {"roles": ["bu_lead"]}}, "roles is"),
        ({"signed": {"principal": key_of("vera")}}, "principal is"),
        ({"statement_digest": "0" * 64}, "does not have the digest of its statement"),
        ({"statement": "[1,2]"}, "does not have the digest"),
        ({"statement": "{ }"}, "not written in the canonical form"),
        ({"signed": {"policy_digest": "0" * 64}}, "rest on 2 policies instead of one"),
    ],
)
def test_a_signature_that_is_not_the_signers_is_named(other: dict[str, Any], reason: str) -> None:
    story = bank()
    submit(story)
    vote(story, "rita", **other)
    decide(story, "adam")
    found = report(whole(story))["SEPARATION OF DUTIES"]
    assert found.state == "FAILED"
    assert any(reason in finding for finding in found.findings), found.findings


def test_an_approval_without_a_decision_is_named() -> None:
    story = bank()
    submit(story)
    row = story.insert(
        "approval_approval", key_of("approval"), version_id=VERSION[1], request_id=REQUEST, status="valid"
    )
    story.event("approval.grant", MODEL, row, actor="adam")
    assert "rests on request" in duties(story)
    assert "which was not approved" in duties(story)


def test_an_approval_for_other_environments_than_were_signed_for_is_named() -> None:
    signed = {"terms": {"environments": {"test": "Test", "any:production": "Every production environment"}}}

    def granted(story: Story, *environments: str) -> Story:
        submit(story)
        vote(story, "rita", signed=dict(signed))
        decide(story, "adam", granted={"environments": list(environments)}, signed=dict(signed))
        return story

    assert duties(granted(bank(), "any:production", "test")).startswith("OK")
    wide = duties(granted(bank()))
    assert "holds for every environment, but vote 1 is signed for any:production, test" in wide
    later = granted(bank(), "any:production", "test")
    change = later.update("approval_approval", key_of("approval"), environments=["any:production", "prod-2", "test"])
    later.event("approval.suspend", MODEL, change, subject=("approval.approval", key_of("approval")))
    assert "holds for any:production, prod-2, test, but vote 1 is signed for" in duties(later)


def test_a_policy_that_is_not_the_pinned_one_is_named() -> None:
    story = approved()
    name = f"policies/{digest(POLICY)}.json"
    files = whole(story)
    easy = json.loads(files[name])
    easy["stages"][0]["requirements"][0]["quorum"] = 1
    assert "does not have the digest" in sentence({**files, name: canonical(easy)}, "SEPARATION OF DUTIES")
    del files[name]
    assert f"{name} is missing" in sentence(files, "SEPARATION OF DUTIES")


def test_one_objects_bundle_holds_its_decisions_too() -> None:
    told = sentence(Log(approved()).of(*MODEL), "SEPARATION OF DUTIES")
    assert told.startswith(
        "1 decisions follow from their votes and pinned policies, with the roles that the events name"
    )
    story = bank()
    party(story)
    vote(story, "rita")
    decide(story, "adam")
    found = report(Log(story).of(*MODEL))["SEPARATION OF DUTIES"]
    assert (found.state, "contributed to the version" in found.sentence) == ("FAILED", True)


def test_signatures_are_made_of_what_was_shown() -> None:
    row = signature(bank(), "rita")["after"]
    assert digest(json.loads(row["statement"])) == row["statement_digest"]
