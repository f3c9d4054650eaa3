"""One evaluation of one model on one data set, from files to results: what a worker calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm import __version__
from mrm.measures.calibration import reliability
from mrm.measures.crosscheck import crosscheck
from mrm.measures.engine import ENGINE, Engine
from mrm.measures.evidence import FairnessSettings
from mrm.measures.explanation.assessment import MEASURES as EXPLAINING
from mrm.measures.explanation.assessment import assessed, unexplained
from mrm.measures.explanation.attributions import importance
from mrm.measures.fairness import MEASURES as BIAS
from mrm.measures.fairness import fairness
from mrm.measures.figures import (
    Figure,
    bias_figures,
    calibration_figure,
    contribution_figures,
    distribution_figure,
    importance_figure,
    stability_figure,
)
from mrm.measures.performance import CALIBRATION, RANKING, RATES, performance
from mrm.measures.results import EvaluationFailed, Limits, Result, check_limits, plain
from mrm.measures.scoring import ScoringFailed, explain_artifact, file_digest, score
from mrm.measures.stability.assessment import stability
from mrm.measures.stability.drift import MEASURES as SHIFT
from mrm.measures.tables import ParquetBatch, Spec, Summary, summarise

KINDS = frozenset({"performance", "bias", "explainability", "stability"})
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "duckdb", "fairlearn", "shap", "scikit-learn", "onnxruntime",
             "skops", "xgboost-cpu", "lightgbm", "woodelf-explainer", "matplotlib")  # fmt: skip
MEASURES = frozenset({*RANKING, *CALIBRATION, *RATES, *BIAS, *SHIFT, *EXPLAINING})
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Everything an evaluation depends on; equal specifications give equal numbers, bit for bit.

    The model is scored unless `predictions` names a column of the data set with its scores. A row
    is decided favourably if its score is "below" or "at_or_above" `cutoff`. `label` equal to
    `positive` is the event. `thresholds` maps a measure to its limits (see `results.judge`).
    Scores are probabilities, or lie in `score_range`. Stability is against `reference`, the data
    the model was made on. `folder` takes the files of the run.
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
    thresholds: Mapping[str, Limits] = field(default_factory=dict)
    kinds: frozenset[str] = KINDS
    seed: int = 0
    explain_rows: int = 200
    background_rows: int = 10_000
    predictions: str | None = None
    score_range: tuple[float, float] = (0.0, 1.0)
    fairness: FairnessSettings | None = None
    min_each: int = 5
    event_name: str = "Event"
    timeout_s: float = 1_800
    memory_mb: int = 4_096
    workers: int = 2
    engine: Engine = ENGINE


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Results, figures, the explanation's summary, the second opinion, and what all of it rests on.

    Figures have name, title, light and dark SVG, alt, header and rows. Explanation and second
    opinion are empty if there is none; `notes` are sentences on what was left out and why.
    """

    results: tuple[Result, ...]
    figures: tuple[dict[str, Any], ...]
    explanation: dict[str, Any]
    crosscheck: dict[str, Any]
    pins: dict[str, Any]
    summary_digest: str
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "results": [each.as_dict() for each in self.results],
            "figures": list(self.figures),
            "explanation": self.explanation,
            "crosscheck": self.crosscheck,
            "pins": self.pins,
            "summary_digest": self.summary_digest,
            "notes": list(self.notes),
        }

    def digest(self) -> str:
        """SHA-256 of the outcome's JSON, in hex."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


def run(spec: RunSpec, progress: Progress | None = None) -> RunOutcome:
    """Carry out the evaluation. `progress(stage, done, total)` counts rows or steps of a stage.

    Stages: checking, scoring, performance, bias, stability, explaining, drawing. What `progress` raises ends
    the run. Raises `EvaluationFailed`, with a sentence, on files or columns that do not fit; its
    kinds `CannotScore` and `ScoringFailed` on the model, `Disagreement` if fairlearn differs.
    """
    tell = progress or (lambda stage, done, total: None)
    tell("checking", 0, 1)
    columns = _checked(spec)
    scored, network = _scored(spec, columns, tell)
    labels, scores = _arrays(scored)
    summary = _summary(spec, scored)
    results, figures, notes = list[Result](), list[Figure](), list[str]()
    if "performance" in spec.kinds:
        tell("performance", 0, 1)
        results += performance(labels, scores, spec.cutoff, thresholds=spec.thresholds, seed=spec.seed,
                               min_each=spec.min_each)  # fmt: skip
        figures += _performance_figures(summary, labels, scores, spec)
    second: dict[str, Any] = {}
    if "bias" in spec.kinds and spec.protected is not None:
        tell("bias", 0, 2)
        settings = _settings(spec)
        found = fairness(summary, settings, spec.thresholds)
        tell("bias", 1, 2)
        second = crosscheck(summary, settings.intersections).as_dict()
        results += found
        figures += bias_figures(found, spec.thresholds)
    elif "bias" in spec.kinds:
        notes.append("Bias was not evaluated: there is no protected data.")
    if "stability" in spec.kinds and spec.reference is not None:
        tell("stability", 0, 1)
        found = _stability(spec, scored, tell)
        results += found
        figures.append(stability_figure(found, spec.thresholds.get("psi", {})))
    elif "stability" in spec.kinds:
        notes.append("Stability was not evaluated: there are no data that the model was made on.")
    explanation = _explanation(spec, tell, results, figures, notes)
    tell("drawing", 1, 1)
    return RunOutcome(tuple(results), tuple(each.as_dict() for each in figures), explanation, second, pins(spec, network), summary.digest(),
                      tuple(notes))  # fmt: skip


def pins(spec: RunSpec, network: str | None = None) -> dict[str, Any]:
    """Digests, seed, settings and versions that fix the numbers."""
    return {
        "artifact_sha256": spec.artifact_sha256 if spec.predictions is None else "",
        "dataset_sha256": spec.dataset_sha256,
        "protected_sha256": spec.protected_sha256,
        "reference_sha256": spec.reference_sha256,
        "seed": spec.seed,
        "cutoff": spec.cutoff,
        "favourable": spec.favourable,
        "positive": plain(spec.positive),
        "features": list(spec.features),
        "predictions": spec.predictions,
        "explain_rows": spec.explain_rows,
        "background_rows": spec.background_rows,
        "network": network,
        "versions": {name: version(name) for name in LIBRARIES},
        "code": f"{__version__}+{code_digest()[:12]}",
    }


def code_digest() -> str:
    """SHA-256 over this package's source, so that a changed formula is a changed pin."""
    root, total = Path(__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _checked(spec: RunSpec) -> list[str]:
    unknown = spec.kinds - KINDS
    if unknown:
        raise EvaluationFailed(f"There is no evaluation of the kind {', '.join(sorted(unknown))}.")
    _check_thresholds(spec.thresholds)
    files = [("data set", spec.dataset, spec.dataset_sha256)]
    if spec.protected is not None:
        files.append(("protected data", spec.protected, spec.protected_sha256 or ""))
    if spec.reference is not None:
        files.append(("reference data", spec.reference, spec.reference_sha256 or ""))
    for name, path, expected in files:
        if file_digest(path) != expected:
            raise EvaluationFailed(f"The digest of the {name} is not the one on record; nothing was computed.")
    columns = [str(name) for name in pq.read_schema(spec.dataset).names]
    wanted = [spec.label, *([spec.predictions] if spec.predictions else spec.features)]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise EvaluationFailed(f"The data set has no column {', '.join(missing)}.")
    if spec.protected is not None and "row_id" not in columns:
        raise EvaluationFailed("The data set has no column row_id to join the protected data by.")
    if spec.predictions is None and spec.artifact is None:
        raise EvaluationFailed("There is neither a model to run nor a column with its predictions.")
    return columns


def _check_thresholds(thresholds: Mapping[str, Limits]) -> None:
    """A limit on a measure that is not computed would never fail anything: refuse it."""
    unknown = sorted(set(thresholds) - MEASURES)
    if unknown:
        raise EvaluationFailed(f"There are limits for {', '.join(unknown)}, which is not measured here.")
    for name, limits in thresholds.items():
        try:
            check_limits(limits)
        except ValueError as error:
            raise EvaluationFailed(f"The limits for {name} cannot be read: {error}") from error


def _scored(spec: RunSpec, columns: list[str], tell: Progress) -> tuple[Path, str | None]:
    """A file of row_id, label and score, and how the model's network was cut."""
    network = None
    keys = ["row_id"] if "row_id" in columns else []
    if spec.predictions is not None:
        data = pq.read_table(spec.dataset, columns=[*keys, spec.label, spec.predictions])
        scores = data[spec.predictions].cast(pa.float64())
    else:
        assert spec.artifact is not None
        done = score(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder / "scores.parquet",
            spec.features, spec.timeout_s, spec.memory_mb, lambda done, total: tell("scoring", done, total),
        )  # fmt: skip
        network = done.network
        data = pq.read_table(spec.dataset, columns=[*keys, spec.label])
        scores = pq.read_table(done.path, columns=["score"])["score"]
    table = pa.table(
        {
            **{key: data[key] for key in keys},
            "label": _events(data[spec.label], spec.positive),
            "score": scores,
        }
    )
    target = spec.folder / "scored.parquet"
    pq.write_table(table, target)
    return target, network


def _events(labels: pa.ChunkedArray, positive: Any) -> pa.ChunkedArray:
    """1 where the label is the event, 0 where it is another, null where it is not known."""
    if pa.types.is_dictionary(labels.type):
        labels = labels.cast(labels.type.value_type)
    try:
        event = pa.scalar(positive).cast(labels.type)
    except pa.ArrowException as error:
        raise EvaluationFailed(
            f"The label column holds {labels.type}; {positive!r} cannot be among its values."
        ) from error
    out = pc.equal(labels, event).cast(pa.int8())
    if pc.sum(out).as_py() in (0, None):
        raise EvaluationFailed(f"No row of the data set has the label {positive!r}.")
    return out


def _arrays(scored: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = pq.read_table(scored, columns=["label", "score"])
    labels = table["label"].cast(pa.float64()).to_numpy()
    scores = table["score"].to_numpy()
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise EvaluationFailed(f"{bad} predictions are missing or not finite.")
    return labels, scores


def _summary(spec: RunSpec, scored: Path) -> Summary:
    low, high = spec.score_range
    table = Spec("label", "score", spec.cutoff, spec.favourable, _attributes(spec), low=low, high=high)
    try:
        return summarise(ParquetBatch(scored, spec.protected), table, spec.engine)
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error


def _attributes(spec: RunSpec) -> tuple[str, ...]:
    if spec.protected is None:
        return ()
    return spec.attributes or tuple(n for n in pq.read_schema(spec.protected).names if n != "row_id")


def _settings(spec: RunSpec) -> FairnessSettings:
    if spec.fairness is not None:
        return spec.fairness
    return FairnessSettings(references=spec.references, intersections=spec.intersections, seed=spec.seed)


def _performance_figures(
    summary: Summary, labels: NDArray[np.float64], scores: NDArray[np.float64], spec: RunSpec
) -> list[Figure]:
    known = ~np.isnan(labels)
    out = [distribution_figure(summary, spec.event_name)]
    if spec.score_range == (0.0, 1.0) and known.any():
        out.append(calibration_figure(reliability(labels[known].astype(np.int64), scores[known])))
    return out


def _stability(spec: RunSpec, scored: Path, tell: Progress) -> list[Result]:
    """Every feature, and the score where the reference can be scored or holds predictions too."""
    assert spec.reference is not None
    try:
        found = _shifts(spec, spec.dataset, spec.reference, spec.features)
        before = _scores_of_reference(spec, tell)
        if before is not None:
            found += _shifts(spec, scored, before, ["score"])
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error
    return found


def _shifts(spec: RunSpec, current: Path, reference: Path, columns: Sequence[str]) -> list[Result]:
    return stability(reference, current, columns, spec.thresholds, seed=spec.seed, engine=spec.engine)


def _scores_of_reference(spec: RunSpec, tell: Progress) -> Path | None:
    assert spec.reference is not None
    target = spec.folder / "reference.parquet"
    if spec.predictions is None:
        assert spec.artifact is not None
        return score(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.reference, target, spec.features, spec.timeout_s,
            spec.memory_mb, lambda done, total: tell("stability", done, total),
        ).path  # fmt: skip
    if spec.predictions not in pq.read_schema(spec.reference).names:
        return None
    pq.write_table(pq.read_table(spec.reference, columns=[spec.predictions]).rename_columns(["score"]), target)
    return target


def _explanation(
    spec: RunSpec, tell: Progress, results: list[Result], figures: list[Figure], notes: list[str]
) -> dict[str, Any]:
    if "explainability" not in spec.kinds:
        return {}
    if spec.artifact is None or spec.predictions is not None:
        notes.append("The scores were not explained: that needs a model that can be run here.")
        return {}
    try:
        found, doubt = explain_artifact(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder, spec.features, spec.seed,
            explain_rows=spec.explain_rows, background_rows=spec.background_rows, timeout_s=spec.timeout_s,
            memory_mb=spec.memory_mb, progress=lambda done, total: tell("explaining", done, total), workers=spec.workers,
        )  # fmt: skip
    except ScoringFailed as error:
        results.append(unexplained(str(error), spec.thresholds))
        notes.append(f"The scores were not explained: {error}")
        return {}
    ranked = importance(found, spec.seed)
    results += assessed(found, ranked, doubt, spec.thresholds)
    figures += [importance_figure(ranked), *contribution_figures(found)]
    return found.as_dict() | {"importance": [[e.feature, e.value, e.lower, e.upper, e.share] for e in ranked]}
