"""What an evaluation depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrm.measures.engine import ENGINE, Engine
from mrm.measures.evidence import FairnessSettings
from mrm.measures.registry import KINDS as _KINDS
from mrm.measures.registry import TESTS
from mrm.measures.registry.entry import CLASSIFICATION
from mrm.measures.results import Limits
from mrm.measures.robustness.scorer import Scorer

KINDS = frozenset(_KINDS)
# a search takes long and is asked for by name
USUAL = KINDS - {"alternatives"}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Everything an evaluation depends on; equal specifications give equal numbers, bit for bit.

    The model is scored unless `predictions` names a column of the data set with its scores. A row
    is decided favourably if its score is "below" or "at_or_above" `cutoff`. `label` equal to
    `positive` is the event. `thresholds` maps a measure to its limits (see `results.judge`).
    `segments` are columns of legitimate factors within which groups are compared, `period` one by
    which they are followed. Less discriminatory alternatives are fitted by `learner` on `reference`
    and may rank worse by `tolerance` of the area under the curve. `reasons` is the content of a
    dictionary of reason codes. Scores are probabilities, or lie in `score_range`. Stability is
    against `reference`, the data the model was made on. `folder` takes the files of the run.

    `tests` maps the id of each test to carry out to its parameters, all of them by default; one of
    `required` that cannot be done is insufficient evidence. Outcomes of a `model_kind` other than
    classification are amounts: neither `positive` nor the cut-off is then looked at. `domain` holds the
    conditions of the domain of use, as sentences (see `stability.conditions`).

    `answers` and `reference_answers` are files with one `score` for each row of data set and reference, as a
    model gave them that answers elsewhere; `endpoint` says where, when and with which digests. `asked_elsewhere`
    asks that model for further rows: it gives (n,) scores, or raises `EvaluationFailed` on rows that the model
    refuses and `ScoringFailed` when there is no answer.
    """

    dataset: Path
    dataset_sha256: str
    label: str
    features: tuple[str, ...]
    cutoff: float
    favourable: str
    folder: Path
    artifact: Path | None = None
    kind: str = ""
    artifact_sha256: str = ""
    protected: Path | None = None
    protected_sha256: str | None = None
    reference: Path | None = None
    reference_sha256: str | None = None
    attributes: tuple[str, ...] = ()
    positive: Any = 1
    references: Mapping[str, str] = field(default_factory=dict)
    intersections: tuple[tuple[str, ...], ...] = ()
    segments: tuple[str, ...] = ()
    period: str | None = None
    learner: str = "logistic"
    tolerance: float = 0.01
    thresholds: Mapping[str, Limits] = field(default_factory=dict)
    kinds: frozenset[str] = USUAL
    seed: int = 0
    explain_rows: int = 200
    background_rows: int = 10_000
    predictions: str | None = None
    score_range: tuple[float, float] = (0.0, 1.0)
    fairness: FairnessSettings | None = None
    reasons: Mapping[str, Any] | None = None
    min_each: int = 5
    event_name: str = "Event"
    timeout_s: float = 1_800
    memory_mb: int = 4_096
    workers: int = 2
    engine: Engine = ENGINE
    model_kind: str = CLASSIFICATION
    tests: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {name: test.defaults for name, test in TESTS.items()}
    )
    required: frozenset[str] = frozenset()
    domain: tuple[str, ...] = ()
    answers: Path | None = None
    reference_answers: Path | None = None
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    asked_elsewhere: Scorer | None = None

    @property
    def runs_here(self) -> bool:
        """Whether the model itself can be asked, not only for the scores it gave elsewhere."""
        return self.artifact is not None and self.predictions is None and self.answers is None

    @property
    def can_be_asked(self) -> bool:
        """Whether the model gives scores of rows that are made up: run here, or through its endpoint."""
        return self.runs_here or self.asked_elsewhere is not None

    @property
    def scored_elsewhere(self) -> str:
        """Where the scores came from that were not computed here."""
        if self.answers is not None:
            return "the scores came from its scoring endpoint"
        return "the scores were taken from a column of predictions"

    @property
    def predicts_amounts(self) -> bool:
        return self.model_kind != CLASSIFICATION

    def asked(self, kind: str) -> list[str]:
        """The tests of a kind of run to carry out, in the registry's order; those of another kind of model are left out."""
        fitting = (test for test in TESTS.values() if kind in test.kinds and self.model_kind in test.models)
        return [test.id for test in fitting if test.id in self.tests]

    @property
    def probabilities(self) -> frozenset[str]:
        """Columns of the protected data that hold probabilities of groups, and so are no attributes."""
        return frozenset(str(each["column"]) for each in self.tests.get("memberships", {}).get("columns", ()))

    def limits(self, measure: str) -> Limits | None:
        return self.thresholds.get(measure)
