"""What an explanation is, once computed: values, their validity, and what is read from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrm.measures.intervals import generator, percentile
from mrm.measures.results import plain

Matrix = NDArray[np.float64]
Predict = Callable[[Matrix], Matrix]  # one output per row


class AdditivityError(Exception):
    """Attributions that do not sum to the model's output; they must not be used."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """SHAP values (rows, features) in the unit named by `output`, around `base`.

    For every row, base plus the sum of values equals the model's output up to `additivity_max`,
    which was checked. `rows` are positions in the explained batch, `data` its feature values as
    numbers (rows, features). `notes` says why a method was left for another.
    """

    values: Matrix
    base: float
    additivity_max: float
    additivity_mean: float
    method: str
    output: str
    background_digest: str
    seed: int
    n_background: int
    n_rows: int
    feature_names: tuple[str, ...]
    data: Matrix
    rows: tuple[int, ...] = ()
    notes: str = ""
    version: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Everything but the arrays, and their digest, as plain JSON values."""
        names = (
            "base", "additivity_max", "additivity_mean", "method", "output", "background_digest", "seed",
            "n_background", "n_rows", "feature_names", "notes", "version",
        )  # fmt: skip
        return {name: plain(getattr(self, name)) for name in names} | {"values_digest": digest(self.values, ())}

    def save(self, path: Path) -> None:
        """Write arrays and facts to one `.npz` without pickled objects."""
        facts = json.dumps(self.as_dict(), sort_keys=True)
        np.savez(
            path,
            values=self.values,
            data=self.data,
            rows=np.array(self.rows, np.int64),
            facts=np.array(facts),
        )


def load(path: Path) -> Explanation:
    """Read what `Explanation.save` wrote. Raises ValueError if it is anything else."""
    with np.load(path, allow_pickle=False) as stored:
        facts = json.loads(str(stored["facts"]))
        values, data, rows = stored["values"], stored["data"], stored["rows"]
    facts.pop("values_digest")
    facts["feature_names"] = tuple(facts["feature_names"])
    return Explanation(values=values, data=data, rows=tuple(int(row) for row in rows), **facts)


def joined(parts: Sequence[Explanation]) -> Explanation:
    """One explanation of the rows of all parts, in their order.

    Raises ValueError unless all were made by one method, seed and background.
    """
    first = parts[0]
    shared = {(each.method, each.seed, each.background_digest, each.base, each.feature_names) for each in parts}
    if len(shared) > 1:
        raise ValueError("Parts of an explanation must be made alike: by one method against one background.")
    n = sum(each.n_rows for each in parts)
    return replace(
        first,
        values=np.concatenate([each.values for each in parts]),
        data=np.concatenate([each.data for each in parts]),
        rows=tuple(row for each in parts for row in each.rows),
        n_rows=n,
        additivity_max=max(each.additivity_max for each in parts),
        additivity_mean=sum(each.additivity_mean * each.n_rows for each in parts) / n if n else 0.0,
        notes=" ".join(dict.fromkeys(each.notes for each in parts if each.notes)),
    )


@dataclass(frozen=True, slots=True)
class Importance:
    """Mean absolute attribution of one feature with its 95 % interval, and its share of all."""

    feature: str
    value: float
    lower: float | None
    upper: float | None
    share: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """One feature's part in one row's output: the feature's value and its attribution."""

    feature: str
    feature_value: float
    contribution: float


def digest(matrix: Matrix, names: Sequence[str]) -> str:
    """SHA-256 of a matrix with its column names, in hex."""
    head = json.dumps([list(matrix.shape), list(names)]).encode()
    return hashlib.sha256(head + np.ascontiguousarray(matrix, dtype=np.float64).tobytes()).hexdigest()


def assert_additive(explanation: Explanation, outputs: Matrix, tolerance: float) -> Explanation:
    """The explanation with its additivity error, checked on every row against the model's outputs.

    The error may reach `tolerance` times the largest absolute output, or times 1 if that is more.
    Raises `AdditivityError` beyond, or if a value is not finite.
    """
    errors = np.abs(explanation.values.sum(axis=1) + explanation.base - outputs)
    worst = float(errors.max(initial=0.0))
    scale = max(1.0, float(np.abs(outputs).max(initial=0.0)))
    if not np.isfinite(errors).all() or worst > tolerance * scale:
        raise AdditivityError(
            f"The contributions of {explanation.method} miss the model's output by up to {worst:.3g}"
            f" {explanation.output}; {tolerance * scale:.1g} is allowed. They are not used."
        )
    return replace(explanation, additivity_max=worst, additivity_mean=float(errors.mean()) if errors.size else 0.0)


def importance(explanation: Explanation, seed: int, draws: int = 2_000) -> list[Importance]:
    """Mean |SHAP| per feature, largest first; percentile bootstrap over rows (Efron 1979)."""
    size = np.abs(explanation.values)
    n = size.shape[0]
    if n == 0:
        raise ValueError("No rows were explained.")
    samples, means = resampled_means(size, generator(seed, "importance"), draws), size.mean(axis=0)
    total = float(means.sum()) or 1.0
    rows = [
        Importance(name, float(means[i]), *percentile(samples[:, i]), float(means[i]) / total)
        for i, name in enumerate(explanation.feature_names)
    ]
    return sorted(rows, key=lambda each: (-each.value, each.feature))


def resampled_means(rows: Matrix, rng: np.random.Generator, draws: int = 2_000) -> Matrix:
    """Means over `draws` bootstrap resamples of the rows, shape (draws, ...) (Efron 1979)."""
    n = len(rows)
    parts = [rng.multinomial(n, np.full(n, 1 / n), size=100) @ rows / n for _ in range(max(1, draws // 100))]
    return np.concatenate(parts)


def contributions(explanation: Explanation, index: int) -> list[Contribution]:
    """The contributions to the `index`-th explained row, largest first, ties by name."""
    rows = zip(explanation.feature_names, explanation.data[index], explanation.values[index], strict=True)
    found = [Contribution(name, float(value), float(part)) for name, value, part in rows]
    return sorted(found, key=lambda each: (-abs(each.contribution), each.feature))
