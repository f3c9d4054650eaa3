"""A model beside its conversion on the same rows: both run confined, their scores compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mrm.measures.process import CannotScore, Progress, run_confined
from mrm.measures.scoring import file_digest, score


@dataclass(frozen=True, slots=True)
class Parity:
    """`largest` is the largest difference of two scores of a row; of decisions those count that fall on another side."""

    rows: int
    largest: float
    decisions: int | None


@dataclass(frozen=True, slots=True)
class Converted:
    """The ONNX file, its digest, what made it, and how it compares."""

    path: Path
    sha256: str
    converter: str
    parity: Parity


def convert_artifact(
    artifact: Path, kind: str, sha256: str, data: Path, folder: Path, features: Sequence[str], cutoff: float | None,
    timeout_s: float = 600, memory_mb: int = 4_096, progress: Progress | None = None,
) -> Converted:  # fmt: skip
    """Convert an artifact in a confined process, and score all rows of `data` with it and with its conversion.

    A score at or above `cutoff` decides the one way, below it the other. Raises `CannotScore` if the
    model is refused or is not converted, `ScoringFailed` if there is no answer.
    """
    if file_digest(artifact) != sha256:
        raise CannotScore("The artifact's digest is not the one on record; it was not opened.")
    target = folder / "converted.onnx"
    request: dict[str, Any] = {"task": "convert", "artifact": str(artifact.resolve()), "kind": kind, "sha256": sha256}
    request |= {"features": list(features), "onnx_out": str(target.resolve())}
    converter = str(run_confined(request, timeout_s, memory_mb, progress)["converter"])
    made = file_digest(target)
    theirs, ours = folder / "original.parquet", folder / "converted.parquet"
    score(artifact, kind, sha256, data, theirs, features, timeout_s, memory_mb, progress)
    score(target, "onnx", made, data, ours, features, timeout_s, memory_mb, progress)
    return Converted(target, made, converter, compared(theirs, ours, cutoff))


def compared(theirs: Path, ours: Path, cutoff: float | None) -> Parity:
    """Two files of scores of the same rows, in the same order."""
    before, after = (pq.read_table(path, columns=["score"])["score"].to_numpy() for path in (theirs, ours))
    largest = float(np.abs(before - after).max()) if len(before) else 0.0
    moved = None if cutoff is None else int(((before >= cutoff) != (after >= cutoff)).sum())
    return Parity(len(before), largest, moved)
