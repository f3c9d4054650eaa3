"""Explanation: what the score depends on, whether contributions add up and stand, and by which reasons people are declined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mrm.measures.evaluation.contributions import contributions
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.evidence import FairnessSettings
from mrm.measures.explanation import account, figures, findings
from mrm.measures.explanation.assessment import Doubt, assessed, unexplained
from mrm.measures.explanation.attributions import Explanation, Importance, importance
from mrm.measures.explanation.dictionary import Dictionary, dictionary_of
from mrm.measures.explanation.notices import (
    Decided,
    Notices,
    in_unit_of,
    notices,
    plan,
    row_digest,
    stability,
    why_no_reasons,
)
from mrm.measures.figures import Figure, importance_figure
from mrm.measures.process import ScoringFailed
from mrm.measures.results import Result
from mrm.measures.scoring import examine_artifact


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Contributions, what they are held against, reasons, and the figures; a model that cannot be explained is no pass."""
    if not spec.runs_here:
        why = f"The scores were not explained: that needs a model that can be run here, and {spec.scored_elsewhere}."
        return Part([unexplained(why, spec.thresholds)] if spec.answers is not None else [], notes=[why])
    try:
        found, doubt = contributions(spec, rows, tell)
        decided, words = _decided(spec, rows, found), dictionary_of(spec.reasons) if spec.reasons else None
        why = why_no_reasons(found, decided, words) if words else ""
        told = notices(found, decided, words) if words and not why else None
        said = _examined(spec, found, plan(found, decided, words, told), tell)
    except ScoringFailed as error:
        return Part([unexplained(str(error), spec.thresholds)], notes=[f"The scores were not explained: {error}"])
    return _part(spec, found, doubt, decided, words, told, said, why)


def _part(
    spec: RunSpec, found: Explanation, doubt: Doubt, decided: Decided, words: Dictionary | None, told: Notices | None,
    said: dict[str, Any], why: str,
) -> Part:  # fmt: skip
    ranked, settings = importance(found, spec.seed), spec.fairness or FairnessSettings()
    results = [
        *assessed(found, ranked, doubt, spec.thresholds),
        *findings.examined(said, found, ranked, spec.thresholds),
        *findings.gaps(found, decided, settings, spec.seed),
    ]
    if told:
        again = stability(found, np.array(said["redrawn"]), decided, told)
        results += findings.reasoned(told, said["fidelity"], again, spec.thresholds)
        results += findings.by_group(told, decided, settings)
    elif words:
        results += findings.unreasoned(why, found.n_rows, spec.thresholds)
    notes = (
        []
        if words
        else ["No reasons were given: no dictionary of reason codes fits; a policy administrator loads one."]
    )
    return Part(
        results,
        _figures(found, ranked, decided, said, results),
        notes,
        explanation=account.of_run(found, ranked, decided, words, told, said, spec.reasons, why or "".join(notes)),
    )


def _figures(
    found: Explanation, ranked: list[Importance], decided: Decided, said: dict[str, Any], results: Sequence[Result]
) -> list[Figure]:
    return [
        importance_figure(ranked),
        figures.spread(found, ranked),
        figures.dependence(said["shape"], found.output),
        *figures.crossed(said["interactions"]),
        *figures.gaps(results),
        *figures.cases(found, decided),
        *figures.reasons(results),
    ]


def _examined(spec: RunSpec, found: Explanation, asked: dict[str, Any], tell: Progress) -> dict[str, Any]:
    assert spec.artifact is not None
    return examine_artifact(
        spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder, spec.features, found, asked,
        reference=spec.reference, background_rows=spec.background_rows, timeout_s=spec.timeout_s,
        memory_mb=spec.memory_mb, progress=lambda done, total: tell("examining", done, total),
    )  # fmt: skip


def _decided(spec: RunSpec, rows: Scored, found: Explanation) -> Decided:
    scores = rows.scores[list(found.rows)]
    return Decided(
        favoured=scores < spec.cutoff if spec.favourable == "below" else scores >= spec.cutoff,
        favourable=spec.favourable,
        cutoff=in_unit_of(found.output, spec.cutoff),
        groups=_groups(spec, found.rows),
        digests=tuple(row_digest(spec.dataset_sha256, row) for row in found.rows),
    )


def _groups(spec: RunSpec, rows: Sequence[int]) -> dict[str, list[str | None]]:
    """The group of each explained row by attribute; only counts of them and differences leave this part."""
    if spec.protected is None:
        return {}
    keys = pq.read_table(spec.dataset, columns=["row_id"])["row_id"].take(list(rows)).to_pylist()
    table = pq.read_table(spec.protected).to_pandas().set_index("row_id").reindex(keys)
    names = spec.attributes or tuple(str(name) for name in table.columns if name not in spec.probabilities)
    known = {name: table[name].notna() for name in names}
    return {
        name: [str(value) if here else None for value, here in zip(table[name], known[name], strict=True)]
        for name in names
    }
