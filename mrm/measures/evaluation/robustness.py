"""Robustness: what noise, lost features, extremes, a scenario and another population would do.

Each test first says which variants of the rows it wants scored; all of them go to the model in one confined
process, and the tests then read its answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures.charts import Line
from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.attempts import sampled, together
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.soundness import losses_of
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import Figure, lines_figure, marks_figure
from mrm.measures.judging import judged, withheld
from mrm.measures.process import ScoringFailed
from mrm.measures.results import EvaluationFailed, Result
from mrm.measures.robustness import perturbation
from mrm.measures.robustness.adversarial import attack
from mrm.measures.robustness.resilience import worst_cluster, worst_rows
from mrm.measures.robustness.scorer import Effect, Scorer, Subject
from mrm.measures.scoring import score_variants

ROWS = 2_000  # rows that are changed
ROWS_ELSEWHERE = 200  # of a model that is asked through its endpoint, where each variant is a request or more
STACK = 2_000_000  # rows that all variants together may have
MOST = 50_000  # rows that clusters are made of
NO_SCENARIO = "Name the changes of a scenario, such as income × 0.9, when the run is started."
NO_DIRECTIONS = "Name features with which the score may only rise, or only fall, when the run is started."


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every measure of robustness under its limits, and the figures."""
    asked, undone = spec.asked("robustness"), dict[str, str]()
    found = _resilience(spec, rows) if "resilience" in asked else []
    runs = [name for name in asked if name in _TESTS]
    for name, missing in _unnamed(spec).items():
        if name in runs:
            undone[name] = missing
            runs.remove(name)
    if not spec.can_be_asked:
        undone |= dict.fromkeys(runs, f"It needs a model that can be asked for more scores; {spec.scored_elsewhere}.")
        runs = []
    if runs:
        found += _answered(spec, rows, runs, tell, undone)
    return Part(found, _figures(spec, found), undone=undone)


@dataclass(slots=True)
class Replaying:
    """Stands where the model stands: gives the answers that are known, and notes what is still to be scored.

    What is not known yet is answered as if nothing changed; a test is replayed until nothing new is asked.
    """

    scores: NDArray[np.float64]
    known: Mapping[str, NDArray[np.float64] | str] = field(default_factory=dict)
    asked: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __call__(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        key = _key(frame)
        found = self.known.get(key)
        if isinstance(found, str):
            raise EvaluationFailed(found)
        if found is not None:
            return found
        self.asked[key] = frame
        return self.scores


def _key(frame: pd.DataFrame) -> str:
    """One name for equal frames."""
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(rows.tobytes()).hexdigest()


def _answered(
    spec: RunSpec, rows: Scored, names: Sequence[str], tell: Progress, undone: dict[str, str]
) -> list[Result]:
    subject = _subject(spec, rows)
    known: dict[str, NDArray[np.float64] | str] = {}
    found: dict[str, list[Result]] = {}
    open_ = list(names)
    while open_:
        wanted: dict[str, pd.DataFrame] = {}
        for name in list(open_):
            replaying = Replaying(subject.scores, known)
            try:
                found[name] = _TESTS[name](spec, replace(subject, scorer=replaying))
            except EvaluationFailed as error:
                undone[name] = f"The model did not take a variant of the rows: {error}"
            except ValueError as error:
                undone[name] = str(error)
            if name in undone or not replaying.asked:
                open_.remove(name)
            if name not in undone:
                wanted |= replaying.asked
        if wanted:
            known |= dict(zip(wanted, _scored_once(spec, list(wanted.values()), tell), strict=True))
    return [each for name in names if name not in undone for each in found[name]]


def _subject(spec: RunSpec, rows: Scored) -> Subject:
    """The rows that are changed, drawn by the seed among those whose outcome is known, and the model's scores of them."""
    most = max(100, min(ROWS if spec.runs_here else ROWS_ELSEWHERE, STACK // (40 + 24 * len(spec.features))))
    chosen = sampled(spec, "robustness", np.flatnonzero(rows.known), most)
    frame = pq.read_table(spec.dataset, columns=list(spec.features)).take(chosen).to_pandas()
    scores = rows.scores[chosen]
    # of the tests here those of amounts look at no outcome
    labels = np.zeros(len(chosen), np.int64) if spec.predicts_amounts else rows.labels[chosen].astype(np.int64)
    return Subject(Replaying(scores), frame, labels, spec.cutoff, scores)


def _scored_once(spec: RunSpec, frames: Sequence[pd.DataFrame], tell: Progress) -> list[NDArray[np.float64] | str]:
    if spec.asked_elsewhere is not None:
        return _scored_elsewhere(spec.asked_elsewhere, frames, tell)
    assert spec.artifact is not None
    stacked, target = spec.folder / "variants.parquet", spec.folder / "variants-scored.parquet"
    pd.concat(frames, ignore_index=True).to_parquet(stacked)
    try:
        return score_variants(
            spec.artifact, spec.kind, spec.artifact_sha256, stacked, target, spec.features, len(frames[0]),
            spec.timeout_s, spec.memory_mb, lambda done, total: tell("robustness", done, total),
        )  # fmt: skip
    except ScoringFailed as error:
        raise ScoringFailed(f"Changed rows could not be scored: {error}", error.detail) from error


def _scored_elsewhere(ask: Scorer, frames: Sequence[pd.DataFrame], tell: Progress) -> list[NDArray[np.float64] | str]:
    out: list[NDArray[np.float64] | str] = []
    for done, frame in enumerate(frames, start=1):
        try:
            out.append(ask(frame))
        except ScoringFailed:
            raise
        except EvaluationFailed as refused:
            out.append(str(refused))
        tell("robustness through the endpoint", done, len(frames))
    return out


def _unnamed(spec: RunSpec) -> dict[str, str]:
    """Tests whose parameters come with the run, and were not given."""
    out = {}
    if not spec.tests.get("scenario", {}).get("shifts"):
        out["scenario"] = NO_SCENARIO
    directed = spec.tests.get("monotonicity", {})
    if not (directed.get("rising") or directed.get("falling")):
        out["monotonicity"] = NO_DIRECTIONS
    return out


def _effects(spec: RunSpec, prefix: str, effects: Sequence[Effect], names: Sequence[str]) -> list[Result]:
    out = []
    for name, each in zip(names, effects, strict=True):
        out.append(judged(f"{prefix}_flips", each.flips, spec.limits(f"{prefix}_flips"), group=name))
        if each.auc is not None:
            out.append(judged(f"{prefix}_auc", each.auc, spec.limits(f"{prefix}_auc"), group=name))
    return out


def _noise(spec: RunSpec, subject: Subject) -> list[Result]:
    given = spec.tests["noise"]
    levels = [float(each) for each in given["levels"]]
    effects = perturbation.noise(subject, (), levels, quantile=bool(given["quantile"]), seed=spec.seed)
    return _effects(spec, "noise", effects, [f"{level:g} {_unit(spec)}" for level in levels])


def _unit(spec: RunSpec) -> str:
    return "of all ranks" if spec.tests["noise"]["quantile"] else "standard deviations"


def _ablation(spec: RunSpec, subject: Subject) -> list[Result]:
    effects = perturbation.ablation(subject)
    return _effects(spec, "ablation", effects, [each.change.removesuffix(" median") for each in effects])


def _extremes(spec: RunSpec, subject: Subject) -> list[Result]:
    out, limits = [], spec.limits("extreme_flips")
    for each in perturbation.extremes(subject, beyond=float(spec.tests["extremes"]["beyond"])):
        name = f"{each.column} {'missing' if each.value is None else f'= {each.value:,.6g}'}"
        if each.effect is None:
            said = f"The model refuses it: {each.refusal}"
            out.append(withheld("extreme_flips", "not_applicable", said, len(subject.data), limits, group=name))
        else:
            out.append(judged("extreme_flips", each.effect.flips, limits, group=name))
    return out


def _scenario(spec: RunSpec, subject: Subject) -> list[Result]:
    shifts = [
        perturbation.Shift(each["column"], float(each.get("factor", 1)), float(each.get("add", 0)))
        for each in spec.tests["scenario"]["shifts"]
    ]
    found = perturbation.scenario(subject, "scenario", shifts)
    name = ", ".join(_told(each) for each in shifts)
    return [
        judged("scenario_flips", found.flips, spec.limits("scenario_flips"), group=name),
        judged("scenario_score", found.score, spec.limits("scenario_score"), group=name),
    ]


def _told(shift: perturbation.Shift) -> str:
    times = f" × {shift.factor:g}" if shift.factor != 1 else ""
    plus = f" {'+' if shift.add > 0 else '−'} {abs(shift.add):g}" if shift.add else ""
    return f"{shift.column}{times}{plus}"


def _monotonicity(spec: RunSpec, subject: Subject) -> list[Result]:
    given = spec.tests["monotonicity"]
    both = sorted(set(given["rising"]) & set(given["falling"]))
    if both:
        raise ValueError(f"With {', '.join(both)} the score is said both to rise and to fall; name one direction.")
    directions = {**dict.fromkeys(given["rising"], 1), **dict.fromkeys(given["falling"], -1)}
    found = perturbation.monotonicity_violations(subject, directions)
    limits = spec.limits("monotonicity_violations")
    return [
        judged(
            "monotonicity_violations", each, limits, group=f"{name} {'rising' if directions[name] > 0 else 'falling'}"
        )
        for name, each in found.items()
    ]


def _elasticity(spec: RunSpec, subject: Subject) -> list[Result]:
    limits, step = spec.limits("elasticity"), float(spec.tests["elasticity"]["step"])
    out = []
    for name, each in perturbation.elasticity(subject, step=step).items():
        if each is None:
            said = "No row has a value and a score other than zero, so there is no relative change."
            out.append(withheld("elasticity", "insufficient", said, len(subject.data), limits, group=name))
        else:
            found = replace(each, method=f"value raised by {step:.2%}, one at a time; {each.method}")
            out.append(judged("elasticity", found, limits, group=name))
    return sorted(out, key=lambda each: -abs(each.value or 0.0))


def _adversarial(spec: RunSpec, subject: Subject) -> list[Result]:
    """Unfavourable decisions that an applicant turns by small changes of what he can change."""
    given = spec.tests["adversarial"]
    names = list(given["changeable"])
    out = []
    for found in attack(subject, names, [float(each) for each in given["budgets"]], event=spec.favourable == "below"):
        within = f"within {found.budget:g} standard deviations"
        out.append(judged("adversarial_joint", found.joint, spec.limits("adversarial_joint"), group=within))
        out += [
            judged("adversarial_single", each, spec.limits("adversarial_single"), group=f"{name}, {within}")
            for name, each in sorted(found.single.items(), key=lambda each: -each[1].value)
        ]
    return out


_TESTS: Mapping[str, Callable[[RunSpec, Subject], list[Result]]] = {
    "noise": _noise,
    "ablation": _ablation,
    "extremes": _extremes,
    "scenario": _scenario,
    "monotonicity": _monotonicity,
    "elasticity": _elasticity,
    "adversarial": _adversarial,
}


def _resilience(spec: RunSpec, rows: Scored) -> list[Result]:
    chosen = sampled(spec, "resilience", np.flatnonzero(rows.known), MOST)
    frame = pq.read_table(spec.dataset, columns=list(spec.features)).take(chosen).to_pandas()
    numbers = frame[[name for name in frame.columns if frame[name].dtype.kind in "fiu"]]
    held = numbers.notna().all(axis=1).to_numpy()
    columns = {str(n): numbers[n].to_numpy(np.float64)[held] for n in numbers if numbers.loc[held, n].nunique() > 1}
    losses = losses_of(spec, rows.labels[chosen], rows.scores[chosen])[held]
    given = spec.tests["resilience"]

    def worst() -> list[Result]:
        found = worst_rows(columns, losses, [float(each) for each in given["shares"]])
        return [
            judged("worst_rows_loss", _differing(each.loss, each.differs), spec.limits("worst_rows_loss"),
                   group=f"worst {each.share:.0%}")
            for each in found
        ]  # fmt: skip

    def clusters() -> list[Result]:
        found = worst_cluster(columns, losses, int(given["clusters"]), spec.seed)
        return [
            judged("worst_cluster_gap", replace(each.gap, detail={"centre": dict(each.centre)}),
                   spec.limits("worst_cluster_gap"), group=f"cluster {each.number + 1}")
            for each in found
        ]  # fmt: skip

    n = int(held.sum())
    return [
        *together(spec, ["worst_rows_loss"], n, worst),
        *together(spec, ["worst_cluster_gap"], n, clusters),
    ]


def _differing(loss: Estimate, differs: Mapping[str, Estimate]) -> Estimate:
    """The loss with the columns in which these rows differ most from the others."""
    most = {name: each.value for name, each in list(differs.items())[:3]}
    said = f"These rows differ most in {', '.join(most)}." if most else ""
    return replace(loss, reason=said or loss.reason, detail={"differs": most})


def _figures(spec: RunSpec, found: Sequence[Result]) -> list[Figure]:
    out = []
    flips = [each for each in found if each.measure == "noise_flips" and each.value is not None]
    if len(flips) > 1:
        levels = tuple(float(each) for each in spec.tests["noise"]["levels"])
        line = Line("Decided otherwise", levels, tuple(each.value or 0.0 for each in flips))
        alt = (
            f"At noise of {levels[0]:g} {_unit(spec)} {100 * line.y[0]:.1f} % are decided otherwise, at {levels[-1]:g}"
            f" {100 * line.y[-1]:.1f} %; the points are in the table below."
        )
        axes = (f"Noise, {_unit(spec)}", "Share decided otherwise")
        out.append(lines_figure("noise", "Decisions that noise turns", [line], axes, alt, (False, True)))
    lost = [each for each in found if each.measure == "ablation_flips" and each.value is not None]
    if lost:
        title, unit = "Decisions that the loss of one feature turns", "Share decided otherwise"
        out.append(marks_figure("ablation", title, unit, lost, spec.limits("ablation_flips")))
    pulls = [each for each in found if each.measure == "elasticity" and each.value is not None]
    if pulls:
        title, unit = (
            "What one per cent more of a feature does to the score",
            "Relative change of the score over that of the feature",
        )
        out.append(marks_figure("elasticity", title, unit, pulls, spec.limits("elasticity")))
    turned = [each for each in found if each.measure == "adversarial_joint" and each.value is not None]
    if turned:
        title, unit = "Refusals that small changes turn", "Share of unfavourable decisions turned, all features moved"
        out.append(marks_figure("adversarial", title, unit, turned, spec.limits("adversarial_joint")))
    return out
