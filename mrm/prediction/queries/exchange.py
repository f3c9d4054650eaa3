"""The files exchanged with a backend that scores whole data sets: rows out as CSV, scores back, line by line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.csv import WriteOptions, write_csv

from mrm.core.refusal import Refused
from mrm.prediction import policies
from mrm.prediction.policies import Piece
from mrm.prediction.queries.scores import ROW_ID

Bounds = tuple[float | None, float | None]


class NotTaken(Refused):
    """What a place did or answered does not come into the record; the run ends with the sentence."""


def file_name(piece: Piece) -> str:
    """What the rows of a part are called at the place."""
    return f"part-{piece.index:05d}.csv"


def write_rows(part: Path, features: Sequence[str], piece: Piece, target: Path) -> None:
    """The rows of a part as a backend reads them: place in the data and features, without a header, empty where missing."""
    table = pq.read_table(part)
    columns = [pa.chunked_array([pa.array(range(piece.first_row, piece.first_row + piece.rows), pa.int64())])]
    columns += [_numbers(table[name]) for name in features]
    unnamed = pa.Table.from_arrays(columns, names=[str(place) for place in range(len(columns))])
    write_csv(unnamed, target, WriteOptions(include_header=False, quoting_style="none"))


def read_answer(answer: Path, part: Path, piece: Piece, bounds: Bounds, target: Path) -> None:
    """Keep the scores that came back for a part as a worker would have; raises NotTaken about the first fault.

    Each line must be that of the row sent in its place, and hold a score within `bounds`.
    """
    rows = pq.read_table(part)
    ids = rows[ROW_ID].to_pylist() if ROW_ID in rows.column_names else None
    scores = list(_checked(answer, piece, ids, bounds))
    columns = {ROW_ID: rows[ROW_ID]} if ids is not None else {}
    pq.write_table(pa.table({**columns, "score": pa.array(scores, pa.float64())}), target, compression="zstd")


def largest_difference(here: Path, there: Path, rows: int) -> float:
    """The largest difference of the first scores in two files, as a share of the score where that is above 1."""
    ours, theirs = (pq.read_table(path, columns=["score"])["score"].to_pylist()[:rows] for path in (here, there))
    return float(max(abs(a - b) / max(1.0, abs(a)) for a, b in zip(ours, theirs, strict=True)))


def write_head(part: Path, rows: int, target: Path) -> None:
    """The first rows of a part."""
    pq.write_table(pq.read_table(part).slice(0, rows), target)


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    found = column.cast(pa.float64())
    return pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)


def _checked(answer: Path, piece: Piece, ids: list[object] | None, bounds: Bounds) -> Iterator[float]:
    count = 0
    for line in _lines(answer):
        if count == piece.rows:
            raise NotTaken(f"The place answered more lines than the {piece.rows:,} rows of {file_name(piece)}.")
        place, name = piece.first_row + count, _name(piece, ids, count)
        if line[:1] != [str(place)]:
            raise NotTaken(f"Where {name.lower()} was sent, the place answered for “{','.join(line[:1])[:40]}”.")
        text = line[1] if len(line) > 1 else ""
        if refusal := policies.no_score(name, text, *bounds):
            raise NotTaken(refusal)
        yield float(text)
        count += 1
    if count < piece.rows:
        raise NotTaken(
            f"{_name(piece, ids, count)} has no score: the place answered {count:,} of the {piece.rows:,} rows of"
            f" {file_name(piece)}."
        )


def _lines(answer: Path) -> Iterator[list[str]]:
    try:
        with answer.open(encoding="utf-8", newline="") as source:
            yield from csv.reader(source)
    except (UnicodeDecodeError, csv.Error) as fault:
        raise NotTaken("What the place answered is no CSV in UTF-8.") from fault


def _name(piece: Piece, ids: list[object] | None, at: int) -> str:
    """A row by its place in the data, from 0, and by its id where it has one."""
    return f"Row {piece.first_row + at}" + (f" (id {ids[at]})" if ids is not None else "")
