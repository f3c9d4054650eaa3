"""What is written down about a test before anybody runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SOUNDNESS, OUTCOMES, MONITORING = "conceptual soundness", "outcomes analysis", "ongoing monitoring"
PILLARS = (SOUNDNESS, OUTCOMES, MONITORING)

CLASSIFICATION, REGRESSION, LGD = "classification", "regression", "loss_given_default"
MODEL_KINDS = {
    CLASSIFICATION: "Classification: the chance of an event, such as a default",
    REGRESSION: "Regression: an amount, such as a claim or a price",
    LGD: "Loss given default or exposure: a share or an amount lost",
}
ANY_MODEL = tuple(MODEL_KINDS)
NUMERIC = (REGRESSION, LGD)

NEEDS = {
    "labels": "outcomes that are known",
    "scores": "the model's scores, from the model or from a column of predictions",
    "features": "the model's features",
    "protected": "protected attributes linked to the version",
    "probabilities": "columns of the protected data with probabilities of groups",
    "rank": "a column with the place in a ranked list",
    "training": "training data linked to the version",
    "model": "a model that can be run here",
    "bands": "the scores that divide the grades",
    "dates": "a column that dates the rows",
    "interval": "columns with the predicted ends of an interval",
    "directions": "features whose direction is known",
    "scenario": "changes of features that make a scenario",
    "domain": "the domain of use that the version declares",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One test: what it asks, which measures answer, what they need, and what they cannot tell.

    `measures` maps the name of each measure it produces to its title. `parameters` maps a name to
    its JSON Schema with a default; one with `"ofRun": True` names columns or amounts of the data at
    hand and is given with the run, the others by the suite. `reference` is the test function that
    proves the numbers, as `file::function` in the folder of tests.
    """

    id: str
    version: str
    title: str
    pillar: str
    kinds: tuple[str, ...]
    measures: Mapping[str, str]
    models: tuple[str, ...]
    needs: tuple[str, ...]
    purpose: str
    mechanism: str
    signs_of_risk: str
    strengths: str
    limitations: str
    reference: str
    citations: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the parameters."""
        properties = {name: dict(each) for name, each in self.parameters.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    @property
    def defaults(self) -> dict[str, Any]:
        return {name: each["default"] for name, each in self.parameters.items()}

    @property
    def of_run(self) -> tuple[str, ...]:
        """The parameters that are given with the run."""
        return tuple(name for name, each in self.parameters.items() if each.get("ofRun"))

    @property
    def of_suite(self) -> tuple[str, ...]:
        """The parameters that a suite sets."""
        return tuple(name for name in self.parameters if name not in self.of_run)
