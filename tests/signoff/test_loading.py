"""A policy that makes no sense here is refused with one sentence that names the field and what would be right."""

import copy
import datetime as dt
from typing import Any

import pytest
import yaml

from mrm.access.roles import roles_with
from mrm.core.packs import PackFile, parse, shipped
from mrm.core.refusal import Invalid
from mrm.signoff import queries, services
from mrm.signoff.models import Policy
from mrm.signoff.policies import Staff, fault_of
from tests.factories.access import SETUP, Cast, account
from tests.signoff.world import need

TODAY = dt.date(2026, 11, 21)
ROLES = ["bu_lead", "risk_officer", "validator"]
POLICIES = {file.key: file for file in shipped("policies")}
WANTED = {
    "approve_for_production", "approve_interim_use", "override_tier", "sign_validation", "accept_risk", "close_finding",
    "change_policy", "grant_approver_role", "use_in_emergency", "decommission", "deploy", "erase_personal_data",
}  # fmt: skip


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(POLICIES["production-use-tier-1"].content) | more


def staged(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = [{"id": f"s{number}", "sla_hours": 24} | each for number, each in enumerate(stages)]
    asked = sorted({need["role"] for each in given for need in each["requirements"]} & set(ROLES))
    return changed(stages=given, reject={"any_of": asked[:1] or ["risk_officer"]}, **more)


def fault(content: dict[str, Any], staff: list[Staff] | None = None) -> str:
    return fault_of(content, roles=ROLES, today=TODAY, staff=staff) or ""


def test_the_shipped_policies_cover_what_is_signed_and_make_sense() -> None:
    assert {file.content["applies"]["action"] for file in POLICIES.values()} == WANTED
    assert {file.key: fault(file.content) for file in POLICIES.values()} == dict.fromkeys(POLICIES, "")
    assert sorted(roles_with("signoff.vote")) == ROLES


ONE = {"requirements": [need("risk_officer")]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (staged({"requirements": [need("head_of_validation")]}),
         "stages[0].requirements[0].role: head_of_validation is no role that signs here; use bu_lead, risk_officer or validator."),
        (staged(ONE | {"escalate_to": "chief"}), "stages[0].escalate_to: chief is no role that signs here"),
        (staged(ONE | {"escalate_to": "risk_officer"}), "stages[0].escalate_to: risk_officer leads back to risk_officer, which is a cycle"),
        (staged({"requirements": [need("validator")], "escalate_to": "risk_officer"}, ONE | {"escalate_to": "validator"}),
         "stages[0].escalate_to: risk_officer leads back to validator, which is a cycle"),
        (staged(ONE, ONE | {"id": "s0"}), "stages[1].id: s0 names two stages; give each its own."),
        (staged({"requirements": [need("validator"), need("validator")]}), "stages[0].requirements: validator stands there twice"),
        (staged(ONE | {"mode": "sequence"}, mode="parallel"), "stages[0].mode: sequence contradicts the policy's mode parallel"),
        (changed(reject={"any_of": ["bu_lead"]}), "reject.any_of[0]: nobody signs as bu_lead here"),
        (changed(exclude_parties=["contributor"]), "exclude_parties: must name submitter"),
        (changed(exclude_parties=["submitter", "friend"]), "exclude_parties[1]: friend is no part that a person has"),
        (changed(conflicts=[["developer", "developer"]]), "conflicts[0]: developer stands on both sides"),
        (changed(conflicts=[["developer", "king"]]), "conflicts[0]: king is neither a role asked for nor a part"),
        (changed(person_counts_once=False), "person_counts_once: must be true"),
        (changed(effective_to="2026-11-20"), "effective_to: 2026-11-20 lies in the past; give a day from 2026-11-21 on, or null."),
        (changed(effective_from="2027-01-02"), "effective_from: 2027-01-02 lies ahead"),
        (changed(effective_from="2026-12-31", effective_to="2026-12-01"), "effective_from: 2026-12-31 is after effective_to"),
        (changed(effective_to="2026-02-30"), "effective_to: 2026-02-30 is no date; write it as 2026-11-30."),
        (changed(delegation={"allowed": True}), "delegation.max_days: is missing"),
        (changed(delegation={"allowed": False, "max_days": 3}), "delegation.max_days: contradicts allowed: false"),
        (changed(delegation={"allowed": True, "max_days": 3, "redelegate": True}), "delegation.redelegate: must be false"),
        (changed(interim={"max_days": 400, "needs_conditions": True}), "interim.max_days: 400 is longer than valid_days, 365"),
        (changed(interim={"max_days": 9, "needs_conditions": True},
                 conditions={"allowed": False, "must_have": [], "on_overdue": "suspend"}),
         "interim.needs_conditions: contradicts conditions.allowed: false"),
        (staged(ONE, emergency={"max_hours": 72, "review_days": 2}), "emergency: needs two people"),
        (changed(emergency={"max_hours": 9000, "review_days": 2}), "emergency.max_hours: 9000 is longer than valid_days"),
        (changed(emergency={"max_hours": 72, "review_days": 2}, cool_down_hours=4), "cool_down_hours: contradicts emergency"),
        (changed(conditions={"allowed": True, "must_have": ["owner", "luck"], "on_overdue": "suspend"}),
         "conditions.must_have[1]: luck is no part of a condition"),
        (changed(conditions={"allowed": True, "must_have": ["owner"], "on_overdue": "suspend"}), "conditions.must_have: must name owner and due"),
        (changed(signature={"required": False, "max_age_s": 60}), "signature.required: must be true"),
        (changed(signature={"required": True, "max_age_s": 60, "methods": ["fax"]}), "signature.methods[0]: fax is no way to sign"),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence(content: dict[str, Any], sentence: str) -> None:
    assert fault(content).startswith(sentence)
    assert fault(content).count("\n") == 0


def people(*roles: tuple[str, str]) -> list[Staff]:
    return [Staff(f"p{number}", frozenset(held.split()), unit) for number, (held, unit) in enumerate(roles)]


@pytest.mark.parametrize(
    ("content", "staff", "sentence"),
    [
        (changed(), people(("risk_officer", "/a/")),
         "stages[0].requirements[0].quorum: 2 is above the 1 person of different business units who could ever sign as risk_officer; ask for at most 1."),
        (changed(), people(("risk_officer", "/a/"), ("risk_officer", "/a/")), "stages[0].requirements[0].quorum: 2 is above the 1 person of different"),
        (changed(), people(("validator", "/a/")), "stages[0].requirements[0].quorum: nobody here signs as risk_officer"),
        (staged({"requirements": [need("risk_officer"), need("validator")]}), people(("risk_officer validator", "/a/")),
         "stages[0].requirements[1].quorum: the people who could sign as validator are needed elsewhere in the policy"),
        (changed(), people(("risk_officer", "/a/"), ("risk_officer", "/b/")), ""),
        (staged({"requirements": [need("risk_officer"), need("validator")]}),
         people(("risk_officer validator", "/a/"), ("risk_officer", "/a/")), ""),
    ],
)  # fmt: skip
def test_a_quorum_above_the_people_is_refused(content: dict[str, Any], staff: list[Staff], sentence: str) -> None:
    assert fault(content, staff).startswith(sentence)
    assert bool(fault(content, staff)) == bool(sentence)


def test_the_service_refuses_it_and_names_the_field(cast: Cast) -> None:
    content = changed(version=2, stages=[{"id": "all", "sla_hours": 1, "requirements": [need("risk_officer", 3)]}])
    file = PackFile("signoff_policy", "production-use-tier-1", "2", "Too many", content)
    with pytest.raises(Invalid, match="3 is above the 2 people who could ever sign as risk_officer") as refusal:
        services.load_policy(file, actor=cast.policy_admin)
    assert list(refusal.value.fields) == ["stages[0].requirements[0].quorum"]
    assert not Policy.objects.filter(key=file.key, version=2).exists()
    account("Olaf Officer", cast.risk, ("risk_officer", cast.retail))
    loaded = services.load_policy(file, actor=cast.policy_admin)
    assert (loaded.current, loaded.loaded_by) == (True, cast.policy_admin)


def test_a_bank_is_founded_before_it_has_people(db: None) -> None:
    assert queries.staff() == []
    file = PackFile("signoff_policy", "first", "1", "First", changed(id="first"))
    assert services.load_policy(file, actor=SETUP).current


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"stages": []}, "stages"), ({"valid_days": 0}, "valid_days"), ({"schema_version": 1}, "schema_version"),
        ({"stages": [{"id": "x", "sla_hours": 1, "requirements": [{"role": "validator", "quorum": 0}]}]}, "quorum"),
        ({"extra": 1}, "extra"), ({"signature": {"required": True, "max_age_s": 5}}, "max_age_s"),
        ({"conditions": {"allowed": True, "must_have": [], "on_overdue": "shrug"}}, "on_overdue"),
    ],
)  # fmt: skip
def test_a_policy_of_another_form_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid, match=place):
        parse(yaml.safe_dump(changed(**change)), "policy.yaml")
