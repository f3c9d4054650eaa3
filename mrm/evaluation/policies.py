"""Which suite a version may be tested by, and by whom."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from mrm.access.models import Account
from mrm.core.actors import Actor
from mrm.inventory.models import ArtifactKind, DatasetRole, ModelKind, Version
from mrm.measures.registry import TESTS, Entry, settled

MOST_CHALLENGERS = 4
CONVERTIBLE = frozenset({ArtifactKind.SKOPS, ArtifactKind.PICKLE, ArtifactKind.XGBOOST, ArtifactKind.LIGHTGBM})


def why_not_suite(suite: Mapping[str, Any], *, tier: str, regimes: Mapping[str, str], model_kind: str) -> str | None:
    """A suite fits by what the version predicts, by tier, and by the regime whose scope the model was found to be in."""
    applies = suite.get("applies", {})
    if (kinds := applies.get("model_kinds")) and model_kind not in kinds:
        return f"{suite['title']} is for models of {_words(kinds)}, and this version is declared as {_words([model_kind])}."
    tiers, regime = applies.get("tiers"), applies.get("regime")
    if tiers and tier not in tiers:
        told = "a model without a tier" if not tier else f"tier {tier}"
        return f"{suite['title']} is for models of tier {', '.join(tiers)}, not for {told}."
    if regime and regimes.get(regime) != "in":
        return f"{suite['title']} is for models in the scope of {regime}; record that this one is, on the model's page."
    return None


def _words(kinds: Sequence[str]) -> str:
    return ", ".join(kind.replace("_", " ") for kind in kinds)


def why_kind_closed(kind: str, model_kind: str, roles: Collection[str]) -> str | None:
    """What must be linked to a version, or be declared otherwise, before tests of a kind can be run at all."""
    if not any(True for _ in fitting(kind, model_kind)):
        return f"There is no test of {kind} for models of {_words([model_kind])}."
    if kind == "stability" and DatasetRole.TRAINING not in roles:
        return "Stability is measured against the training data: link them to this version."
    if kind == "alternatives" and not {DatasetRole.TRAINING, DatasetRole.PROTECTED} <= set(roles):
        return "Alternatives are fitted on training data and judged by protected attributes: link both to this version."
    if kind == "bias" and DatasetRole.PROTECTED not in roles:
        return "Bias needs protected attributes: link a data set that holds them to this version."
    return None


def why_not_kind(suite: Mapping[str, Any], kind: str, model_kind: str) -> str | None:
    """A run of a kind carries out what its suite names; where that is nothing there is nothing to run."""
    if any(test.id in suite_tests(suite) for test in fitting(kind, model_kind)):
        return None
    return f"{suite['title']} names no test of {kind}; choose another suite, or leave {kind} out."


def why_not_parameters(name: str, given: Mapping[str, Any], features: Sequence[str]) -> str | None:
    """With a run come parameters that depend on the data at hand, and no others: a suite's are the house's to set."""
    test = TESTS.get(name)
    if test is None or not test.of_run:
        takers = ", ".join(each.id for each in TESTS.values() if each.of_run)
        return f"{name} takes no parameters with a run; these do: {takers}."
    if strange := [each for each in given if each not in test.of_run]:
        return f"{name}: {', '.join(strange)} is not given with a run; {', '.join(test.of_run)} is."
    try:
        settled(test, {}, given)
    except ValueError as fault:
        return str(fault)
    named = [
        *given.get("rising", []),
        *given.get("falling", []),
        *given.get("changeable", []),
        *(each["column"] for each in given.get("shifts", [])),
    ]
    if absent := [each for each in named if each not in features]:
        return f"{name}: {', '.join(absent)} is no feature of the version; its features are {', '.join(features)}."
    return None


def suite_tests(suite: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The tests that a suite names by id, each as it is named."""
    return {each["id"]: each for each in suite.get("tests", [])}


def fitting(kind: str, model_kind: str) -> Iterator[Entry]:
    """The tests of a kind of run that fit a kind of model."""
    return (test for test in TESTS.values() if kind in test.kinds and model_kind in test.models)


def why_not_by(suite: Mapping[str, Any], version: Version, account: Account) -> str | None:
    """An independent audit is run by a validator who has no part in the model; it may also show what is withheld elsewhere."""
    if not suite.get("applies", {}).get("independent"):
        return None
    if reason := account.lacks("validation.conclude", version):
        return f"{suite['title']} is an independent audit. {reason}"
    if account.person_id in {version.developer_id, version.model.developer_id, version.model.owner_id}:
        return f"{suite['title']} is an independent audit, and you have a part in {version.model}."
    return None


def why_not_permit(version: Version, actor: Actor) -> str | None:
    """A pickle is permitted to run by a person who has no part in the model; nothing else needs a permission."""
    artifact = version.artifact
    if artifact is None or artifact.kind != ArtifactKind.PICKLE:
        return f"{version} has no pickle; only a pickle needs the permission to be run."
    if actor.identity.on_behalf_of:
        return "A service account permits nothing: only a person answers for what is run."
    # the same bytes may stand in another model, and who made them there has a part in them here
    for each in artifact.versions.select_related("model"):
        parts = {str(part) for part in (each.developer_id, each.model.developer_id, each.model.owner_id)}
        if actor.identity.person in parts:
            return f"You have a part in {each.model}; somebody without one permits that its pickle is run."
    return None


def why_not_inspect(version: Version, waiting: bool) -> str | None:
    """What is inspected is an artifact, by one worker at a time."""
    if version.artifact_id is None:
        return f"{version} has no artifact to inspect; attach it first."
    if waiting:
        return f"{version.artifact} is being inspected; its result appears when a worker is done."
    return None


def why_not_passed(filename: str, outcome: str, sentences: Sequence[str]) -> str | None:
    """An artifact is used once an inspection found nothing in it; `outcome` is empty before the first one."""
    if not outcome:
        return f"{filename} is not inspected yet; a worker does it soon after it was attached."
    if outcome == "clean":
        return None
    word = "flagged it" if outcome == "flagged" else "could not tell what it holds"
    return f"The inspection of {filename} {word}: {' '.join(sentences)}"


def why_not_convert(version: Version, waiting: bool) -> str | None:
    """What is converted is an artifact of a library that there is a converter for, and one at a time."""
    if version.artifact is None:
        return f"{version} has no artifact to convert; attach it first."
    if version.artifact.kind not in CONVERTIBLE:
        return f"{version.artifact} is {version.artifact.get_kind_display()}; skops, pickle, XGBoost and LightGBM are converted."
    if waiting:
        return f"{version.artifact} is being converted; the new version appears when a worker is done."
    return None


def why_not_alike(largest: float, tolerance: float, rows: int) -> str | None:
    """A conversion that answers otherwise is another model."""
    if largest <= tolerance:
        return None
    return (
        f"The conversion answers otherwise: on {rows:,} rows scores differ by up to {largest:.3g}, {tolerance:.3g} is"
        " allowed. Nothing was made of it."
    )


def why_not_scored_there(version: Version, settings: Mapping[str, Any]) -> str | None:
    """Scores come from one place: the model run here, a column of the data, or the version's scoring endpoint."""
    if not settings.get("endpoint"):
        return None
    if not version.scoring_endpoint:
        return f"{version} names no scoring endpoint; name it on the version's page first."
    if settings.get("predictions"):
        return "The scores come from a column of the data or from the endpoint; choose one of them."
    return None


def why_not_of_endpoint(used: Mapping[str, Any], present: Mapping[str, Any]) -> str | None:
    """A run through an endpoint is evidence for the model that answers there, while the version names that endpoint."""
    if used and used != present:
        return f"The run was scored through {used['address']}, which is not the version's scoring endpoint any more."
    return None


def why_not_choose(ref: str, done: bool, searched: bool) -> str | None:
    """There is something to choose among once a search has ended with candidates."""
    if not done or not searched:
        return f"{ref} holds no candidates to choose among: start a run with the test alternatives and let it end."
    return None


def why_not_decide(actor: Actor, parts: Mapping[str, str], proposer: str) -> str | None:
    """A person who has no part in the model decides, and nobody on his own proposal."""
    person = actor.identity.person or ""
    if actor.identity.on_behalf_of or not person:
        return "A service account decides nothing here: only a person judges what is given up."
    if part := parts.get(person):
        return f"You do not decide on the alternatives to this model: {part}. Propose a choice instead."
    if person == proposer:
        return "You proposed this choice; somebody else decides on it."
    return None


def why_not_compared(champion: Version, challengers: Sequence[Version]) -> str | None:
    """Contenders are versions of one model that decides about an event, each named once."""
    if champion.artifact_id is None or any(each.artifact_id is None for each in challengers):
        return "Every contender needs its artifact; attach it first."
    if not challengers:
        return "Name at least one challenger."
    if len(challengers) > MOST_CHALLENGERS:
        return f"At most {MOST_CHALLENGERS} challengers are compared at once; leave the weakest out."
    if len({champion.pk, *(each.pk for each in challengers)}) != len(challengers) + 1:
        return "A version is named once, as the champion or as a challenger."
    if any(each.model_id != champion.model_id for each in challengers):
        return f"Challengers are other versions of {champion.model}."
    if any(each.model_kind != ModelKind.CLASSIFICATION for each in (champion, *challengers)):
        return "Models of amounts are not compared here: a comparison is of rankings and decisions."
    return None
