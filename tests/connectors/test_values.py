"""The values refuse what could never be deployed."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest

from mrm.connectors.protocol import (
    Action,
    Artifact,
    ArtifactFile,
    Condition,
    Desired,
    Failover,
    Integrity,
    Invalid,
    OnWithdrawn,
    Role,
    SegmentRule,
    Serving,
    Variant,
    VersionRef,
    artifact_digest,
)
from mrm.core.fields import BadField

A, B = "a" * 64, "b" * 64


def ref(number: str, digest: str = A) -> VersionRef:
    artifact = Artifact("memory:", digest, "onnx", (ArtifactFile("m.onnx", digest, 1),))
    return VersionRef("credit", number, artifact, "approval", digest)


def plan(*variants: Variant, revision: int = 1) -> Desired:
    return Desired("d-1", revision, "credit", variants)


def test_fingerprint_is_that_of_the_content() -> None:
    first = plan(Variant(Role.CHAMPION, ref("1"), 10_000))
    assert first.fingerprint() == replace(first, revision=9).fingerprint()
    assert first.fingerprint() != replace(first, endpoint="other").fingerprint()
    assert first.fingerprint() != plan(Variant(Role.CHAMPION, ref("2"), 10_000)).fingerprint()


def test_rules_count_in_the_fingerprint_only_where_they_are_set() -> None:
    first = plan(Variant(Role.CHAMPION, ref("1"), 10_000))
    assert first.fingerprint() == "7d7d8e84c926d780ab19e8a9964a4efb682e07a8f737956b67068ad281205348"
    assert replace(first, serving=Serving()).fingerprint() == first.fingerprint()
    assert replace(first, serving=Serving(salt="x")).fingerprint() != first.fingerprint()


def test_equal_rules_read_equal() -> None:
    whole, point = (SegmentRule("a", Action.FLAG, within=Condition("age", low, 95)) for low in (18, 18.0))
    assert Serving(segment=(whole,)).fingerprint() == Serving(segment=(point,)).fingerprint()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Condition("age", 18, 17), "The lower bound of age is above its upper bound."),
        (lambda: Condition("age"), "The condition on age needs either bounds or categories."),
        (
            lambda: SegmentRule("adults", Action.FLAG),
            "The segment rule adults needs either a condition to be within or some never to meet.",
        ),
        (lambda: Failover(minimum=0), "The fail-over's minimum must be a whole number from 1 to 10000."),
        (
            lambda: replace(
                plan(Variant(Role.CHAMPION, ref("1"), 10_000)), serving=Serving(on_withdrawn=OnWithdrawn.BACKUP)
            ),
            "The rules send requests to a backup, and the deployment has none.",
        ),
    ],
)
def test_impossible_rules(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises((Invalid, BadField)) as caught:
        make()
    assert caught.value.message == sentence


def test_values_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ref("1").version = "2"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variants", "sentence"),
    [
        ((), "A deployment needs exactly one champion."),
        ((Variant(Role.CHALLENGER, ref("1"), 10_000),), "A deployment needs exactly one champion."),
        (
            (Variant(Role.CHAMPION, ref("1"), 5_000), Variant(Role.CHALLENGER, ref("1"), 5_000)),
            "A version may stand only once behind an endpoint.",
        ),
        (
            (Variant(Role.CHAMPION, ref("1"), 9_999),),
            "The shares of the traffic add up to 9999 basis points instead of 10000.",
        ),
        (
            (Variant(Role.CHAMPION, ref("1"), 9_000), Variant(Role.SHADOW, ref("2"), 1_000)),
            "Only champion and challengers take a share of the traffic.",
        ),
        (
            (Variant(Role.CHAMPION, ref("1"), 10_000, mirror_bp=1),),
            "Only a shadow is sent mirrored requests.",
        ),
        (
            (Variant(Role.CHAMPION, ref("1"), 10_000), *(Variant(Role.FALLBACK, ref(n)) for n in "23")),
            "A deployment has one backup at most.",
        ),
        (
            (Variant(Role.CHAMPION, ref("1"), 10_001), Variant(Role.CHALLENGER, ref("2"), -1)),
            "Shares of traffic lie between 0 and 10000 basis points.",
        ),
    ],
)
def test_impossible_plans(variants: tuple[Variant, ...], sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        plan(*variants)
    assert caught.value.message == sentence


def test_digest_of_one_file_is_the_files_and_of_many_their_list() -> None:
    assert artifact_digest({"m.onnx": A}) == A
    assert artifact_digest({"x": A, "y": B}) == artifact_digest({"y": B, "x": A})
    assert artifact_digest({"x": A, "y": B}) != artifact_digest({"x": B, "y": A})


def test_artifact_whose_digest_does_not_follow_from_its_files() -> None:
    with pytest.raises(Integrity):
        Artifact("memory:", B, "onnx", (ArtifactFile("m.onnx", A, 1),))


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a//b", "a/./b", "", "a\\b"])
def test_file_names_stay_inside(name: str) -> None:
    with pytest.raises(Invalid):
        ArtifactFile(name, A, 1)
