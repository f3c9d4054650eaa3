"""The counting itself: Arrow pieces in, integer arrays by group, outcome, decision and score bin out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mrm.measures.specification import UNKNOWN_OUTCOME, Spec

FIXED_POINT = 2**31
COMBINATIONS = 5_000
_FEW, _DENSE = 64, 2**20
_SHIFT, _MASK = 32, 2**32 - 1
_OUTCOMES = (UNKNOWN_OUTCOME, 0, 1)

Groups = tuple[str | None, ...]
Codes = NDArray[np.int64]


@dataclass(slots=True)
class Tally:
    """Running counts. Every part is a whole number, so the order and size of pieces leave no trace.

    Per combination of groups: rows by (outcome, decision, score bin), and by (outcome, decision)
    the sums of the scores and of their squares in fixed point.
    """

    spec: Spec
    places: dict[Groups, int] = field(default_factory=dict)
    bins: list[NDArray[np.int64]] = field(default_factory=list)
    totals: list[list[int]] = field(default_factory=list)
    squares: list[list[int]] = field(default_factory=list)
    unscored: int = 0
    outside: int = 0
    odd: int = 0

    def add(self, piece: pa.RecordBatch) -> None:
        """Count one piece. Rows that cannot be counted are numbered and refused by `check`."""
        spec = self.spec
        scores, labels = self._scores(piece), self._labels(piece)
        if self.unscored or self.outside or self.odd or not piece.num_rows:
            return
        groups, names = _combined([_coded(piece.column(name)) for name in spec.dimensions], piece.num_rows)
        if len(names) > COMBINATIONS:
            raise _too_many(spec.dimensions)
        position = scores if spec.is_probability else (scores - spec.low) / (spec.high - spec.low)
        place = (position * spec.bins).astype(np.int64)
        np.minimum(place, spec.bins - 1, out=place)
        cell = groups
        cell *= len(_OUTCOMES)
        cell += labels
        cell *= 2
        cell += scores < spec.cutoff if spec.favourable == "below" else scores >= spec.cutoff
        shape = (len(names), len(_OUTCOMES) * 2, spec.bins)
        place += cell * spec.bins
        counts = np.bincount(place, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)
        fixed = position * FIXED_POINT
        fixed += 0.5
        whole = fixed.astype(np.int64)  # which rounds down: no position is below nothing
        totals = _summed(cell, whole, shape)
        whole *= whole
        np.bitwise_and(whole, _MASK, out=place)
        whole >>= _SHIFT
        squares = _summed(cell, whole, shape) * (_MASK + 1) + _summed(cell, place, shape)
        for index in np.flatnonzero(counts.any(axis=(1, 2))):
            self._put(names[index], counts[index], totals[index], squares[index])

    def check(self) -> None:
        """Raise ValueError with the number of rows that cannot be counted, and why."""
        if self.unscored:
            raise ValueError(f"{self.unscored} rows have no score.")
        if self.outside:
            raise ValueError(f"{self.outside} scores lie outside {self.spec.low:g} to {self.spec.high:g}.")
        if self.odd:
            raise ValueError(f"{self.odd} labels are neither 0 nor 1.")

    def _scores(self, piece: pa.RecordBatch) -> NDArray[np.float64]:
        spec = self.spec
        scores = _floats(piece.column(spec.score), spec.score)
        if scores.size and not (scores.min() >= spec.low and scores.max() <= spec.high):
            missing = np.isnan(scores)
            self.unscored += int(missing.sum())
            self.outside += int((~missing & ~((scores >= spec.low) & (scores <= spec.high))).sum())
        return scores

    def _labels(self, piece: pa.RecordBatch) -> Codes:
        """Labels as places in `_OUTCOMES`."""
        column = piece.column(self.spec.label)
        if pa.types.is_integer(column.type) and not column.null_count:
            whole = column.to_numpy()
            if not whole.size or (whole.min() >= 0 and whole.max() <= 1):
                return np.asarray(np.add(whole, 1, dtype=np.int64))
        values = _floats(column, self.spec.label)
        odd = (values != 0) & (values != 1)
        if not odd.any():
            places = values.astype(np.int64)
            places += 1
            return places
        known = column.is_valid().to_numpy(zero_copy_only=False)
        self.odd += int((known & odd).sum())
        return np.where(odd, 0, np.nan_to_num(values) + 1).astype(np.int64)

    def _put(
        self, who: Groups, counts: NDArray[np.int64], totals: NDArray[np.object_], squares: NDArray[np.object_]
    ) -> None:
        place = self.places.get(who)
        if place is None:
            if len(self.places) >= COMBINATIONS:
                raise _too_many(self.spec.dimensions)
            self.places[who] = len(self.bins)
            self.bins.append(counts.copy())
            self.totals.append([int(each) for each in totals])
            self.squares.append([int(each) for each in squares])
            return
        self.bins[place] += counts
        self.totals[place] = [mine + int(each) for mine, each in zip(self.totals[place], totals, strict=True)]
        self.squares[place] = [mine + int(each) for mine, each in zip(self.squares[place], squares, strict=True)]


def _too_many(names: tuple[str, ...]) -> ValueError:
    return ValueError(
        f"The columns {', '.join(names)} make more than {COMBINATIONS:,} combinations; put their values into bands."
    )


def outcome_and_decision(place: int) -> tuple[int, int]:
    """Which outcome and decision the middle axis of a tally counts at `place`."""
    return _OUTCOMES[place // 2], place % 2


def _summed(cell: Codes, values: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.object_]:
    """Exact sums per cell: whole numbers up to 2**32 of at most 2**20 rows stay whole in double precision."""
    sums = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
    return sums.astype(np.int64).astype(object).reshape(shape[:2])


def _floats(column: pa.Array, name: str) -> NDArray[np.float64]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"The column {name} holds {str(column.type).removeprefix('large_')} where numbers are needed."
        ) from error


def _coded(column: pa.Array) -> tuple[Codes, list[str | None]]:
    """Codes of a column and the group each stands for; 0 is nobody's: null, blank, not a number."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = [None if text is None else text.strip() for text in coded.dictionary.cast(pa.string()).to_pylist()]
    if pa.types.is_floating(coded.dictionary.type):
        texts = [None if text == "nan" else text for text in texts]
    names = [None, *dict.fromkeys(text for text in texts if text)]
    place = {name: index for index, name in enumerate(names)}
    renamed = np.array([*(place[text or None] for text in texts), 0], dtype=np.int64)
    codes = coded.indices
    if codes.null_count:
        codes = codes.cast(pa.int32()).fill_null(len(texts))
    elif len(names) == len(texts) + 1:  # every text is a name of its own, in its own order
        return np.asarray(np.add(codes.to_numpy(), 1, dtype=np.int64)), names
    return renamed[codes.to_numpy(zero_copy_only=False)], names


def _combined(columns: list[tuple[Codes, list[str | None]]], rows: int) -> tuple[Codes, list[Groups]]:
    """One code per row for its combination of groups, and what each code stands for."""
    combined, combinations = np.zeros(rows, dtype=np.int64), list[Groups]([()])
    for codes, names in columns:
        combined *= len(names)
        combined += codes
        size, before = len(combinations) * len(names), combinations
        if size <= _FEW:
            combinations = [(*who, name) for who in before for name in names]
            continue
        present, combined = np.unique(combined, return_inverse=True) if size > _DENSE else _renumbered(combined, size)
        combinations = [(*before[each // len(names)], names[each % len(names)]) for each in present.tolist()]
    return combined, combinations


def _renumbered(codes: Codes, size: int) -> tuple[Codes, Codes]:
    """As `numpy.unique` with its inverse, without a sort."""
    present = np.flatnonzero(np.bincount(codes, minlength=size))
    renamed = np.zeros(size, dtype=np.int64)
    renamed[present] = np.arange(present.size)
    return present, renamed[codes]
