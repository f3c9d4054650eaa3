"""Differences between a plan of several versions and what a place shows, each in words that name the version."""

import pytest

from mrm.connectors.protocol import Cap, Desired, Observed, ObservedVariant, Role, Serving, Variant, VersionRef
from mrm.deployment.policies import differences
from tests.connectors.test_values import ref

ALL = Cap.SPLIT | Cap.SHADOW | Cap.FALLBACK | Cap.OBSERVE_DIGEST | Cap.RULES


def wanted() -> Desired:
    variants = (
        Variant(Role.CHAMPION, ref("1"), 9_000), Variant(Role.CHALLENGER, ref("2"), 1_000),
        Variant(Role.SHADOW, ref("3"), 0, 5_000), Variant(Role.FALLBACK, ref("4")),
    )  # fmt: skip
    return Desired("d-1", 7, "credit", variants, Serving(salt="s"))


def shown(plan: Desired, **changes: dict[str, object]) -> Observed:
    """The plan as a place shows it, with what differs by version."""
    seen = [_seen(each, changes.get(f"v{each.version.version}", {})) for each in plan.variants]
    return Observed(True, tuple(seen), revision=plan.revision, rules=plan.rules.fingerprint())


def _seen(variant: Variant, changes: dict[str, object]) -> ObservedVariant:
    version: VersionRef = variant.version
    facts = {
        "name": version.model, "version": version.version, "digest": version.artifact.digest, "ready": True,
        "weight_bp": variant.weight_bp, "managed": True, "role": str(variant.role), "mirror_bp": variant.mirror_bp,
    }  # fmt: skip
    return ObservedVariant(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "kind", "version", "sentence"),
    [
        ({"v2": {"weight_bp": 4_000, "reason": "Changed by anna."}}, "traffic", "2",
         "Version 2 takes 40 % of the traffic there, wanted are 10 %. Changed by anna."),
        ({"v3": {"mirror_bp": 10_000}}, "shadow", "3",
         "Version 3 gets copies of 100 % of the traffic there, wanted are 50 %."),
        ({"v3": {"role": "challenger"}}, "shadow", "3", "Version 3 is challenger there, wanted as shadow."),
        ({"v4": {"digest": "0" * 64}}, "artifact", "4",
         f"The bytes of version 4 there have the digest 000000000000…, approved is {ref('4').artifact.digest[:12]}…."),
        ({"v1": {"ready": False, "reason": "It starts."}}, "not_ready", "1", "Version 1 is not ready. It starts."),
    ],
)  # fmt: skip
def test_each_difference_names_its_version(
    changes: dict[str, dict[str, object]], kind: str, version: str, sentence: str
) -> None:
    found = differences(wanted(), shown(wanted(), **changes), ALL)
    assert [(each.kind, each.version, each.sentence) for each in found] == [(kind, version, sentence)]


def test_what_is_as_wanted_is_no_difference_and_other_rules_are_one() -> None:
    plan = wanted()
    assert differences(plan, shown(plan), ALL) == []
    other = Observed(True, shown(plan).variants, revision=7, rules=Serving(salt="t").fingerprint())
    assert [each.kind for each in differences(plan, other, ALL)] == ["config"]
