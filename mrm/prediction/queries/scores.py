"""The files of a run: data read part by part, scores of a part, the whole output, and one row of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mrm.core import blobs
from mrm.core.canonical import canonical
from mrm.core.refusal import Refused
from mrm.prediction.models import BatchPart, BatchRun
from mrm.prediction.policies import Piece

ROW_ID, ROW = "row_id", "row"
MOST = 20


@dataclass(frozen=True)
class ScoredRow:
    """One row of a run: which it is, its score, and the part whose record says what scored it."""

    row: int
    row_id: str | None
    score: float
    part: BatchPart


def groups_of(data: Path) -> list[int]:
    """The rows of each row group, in order."""
    found = pq.read_metadata(data)
    return [found.row_group(place).num_rows for place in range(found.num_row_groups)]


def cut(data: Path, pieces: Iterable[Piece], features: Iterable[str], target: Path, part_rows: int) -> Iterator[Piece]:
    """Write each piece in turn to `target`, features and row id alone, and hand it over; reads what a piece needs."""
    with pq.ParquetFile(data, memory_map=True, pre_buffer=False) as source:
        names = [*dict.fromkeys(features)]
        names += [ROW_ID] if ROW_ID in source.schema_arrow.names and ROW_ID not in names else []
        group, tables = -1, iter(())  # type: tuple[int, Iterator[tuple[int, pa.Table]]]
        for piece in pieces:
            if piece.row_group != group:
                group, tables = piece.row_group, _tables(source, piece.row_group, names, part_rows)
            table = next(table for offset, table in tables if offset == piece.offset)
            pq.write_table(table, target)
            yield piece


def _tables(source: pq.ParquetFile, group: int, names: list[str], part_rows: int) -> Iterator[tuple[int, pa.Table]]:
    """A row group in tables of `part_rows`, however the reader divides it, each with where it begins."""
    offset, held = 0, list[pa.RecordBatch]()
    for batch in source.iter_batches(part_rows, row_groups=[group], columns=names):
        held.append(batch)
        while sum(each.num_rows for each in held) >= part_rows:
            table = pa.Table.from_batches(held)
            yield offset, table.slice(0, part_rows)
            offset, held = offset + part_rows, table.slice(part_rows).to_batches()
    if held:
        yield offset, pa.Table.from_batches(held)


def write_output(run: BatchRun, parts: Iterable[BatchPart], target: Path) -> int:
    """The scores of all parts as one file, a row group each, every row with what scored it; how many rows."""
    count, writer = 0, None
    try:
        for part in parts:
            table = _labelled(part, read_scores(part))
            writer = writer or pq.ParquetWriter(target, table.schema.with_metadata(_told(run)), compression="zstd")
            writer.write_table(table, row_group_size=table.num_rows)
            count += table.num_rows
    finally:
        if writer:
            writer.close()
    return count


def read_scores(part: BatchPart) -> pa.Table:
    """What a part came to, once its bytes were found to be those on record."""
    with fetched(part.output_sha256) as path:
        return pq.read_table(path)


@contextmanager
def fetched(sha256: str) -> Iterator[Path]:
    """A stored file as a local one, checked against its digest."""
    path = blobs.fetch(sha256)
    try:
        yield path
    finally:
        path.unlink()


def find_row(run: BatchRun, parts: list[BatchPart], text: str) -> list[ScoredRow]:
    """The rows under a row id; by their number from 0 where the data have none.

    Of a whole output the bounds of its row groups say which parts may hold the row, and those alone are read, checked
    against their digests; where they hold it not, the output itself is.
    """
    if not run.output_sha256:
        return _in_parts(parts, text)
    try:
        few = [parts[place] for place in _groups_with(run.output_sha256, text) if place < len(parts)]
        found = _in_parts(few, text) if 2 * len(few) <= len(parts) else []
    except (Refused, pa.ArrowException, OSError):
        found = []
    if found:
        return found
    with fetched(run.output_sha256) as path:
        return _matching(path, {part.index: part for part in parts}, text)


def _in_parts(parts: Iterable[BatchPart], text: str) -> list[ScoredRow]:
    found: list[ScoredRow] = []
    for part in parts:
        table = _labelled(part, read_scores(part))
        name = ROW_ID if ROW_ID in table.column_names else ROW
        if (wanted := _as(text, table.schema.field(name).type)) is not None:
            kept = table.filter(pc.equal(table[name], wanted))
            found += [_row(each, part) for each in kept.to_pylist()]
    return found[:MOST]


def _groups_with(sha256: str, text: str) -> list[int]:
    """The row groups of an output whose bounds leave room for the row; only where the file ends is read."""
    with blobs.opened(sha256) as source, pq.ParquetFile(source) as file:
        name = ROW_ID if ROW_ID in file.schema_arrow.names else ROW
        wanted = _as(text, file.schema_arrow.field(name).type)
        if wanted is None:
            return []
        column = file.schema_arrow.names.index(name)
        bounds = [file.metadata.row_group(group).column(column).statistics for group in range(file.num_row_groups)]
    value = wanted.as_py()
    return [
        group
        for group, each in enumerate(bounds)
        if each is None or not each.has_min_max or each.min <= value <= each.max
    ]


def _matching(path: Path, parts: dict[int, BatchPart], text: str) -> list[ScoredRow]:
    schema = pq.read_schema(path)
    name = ROW_ID if ROW_ID in schema.names else ROW
    if (wanted := _as(text, schema.field(name).type)) is None:
        return []
    kept = pq.read_table(path, filters=pc.field(name) == wanted)
    return [_row(each, parts[each["part"]]) for each in kept.slice(0, MOST).to_pylist()]


def _as(text: str, kind: pa.DataType) -> pa.Scalar | None:
    try:
        return pa.scalar(text.strip()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _row(told: dict[str, Any], part: BatchPart) -> ScoredRow:
    row_id = told.get(ROW_ID)
    return ScoredRow(told[ROW], None if row_id is None else str(row_id), told["score"], part)


def _labelled(part: BatchPart, scores: pa.Table) -> pa.Table:
    """The scores of a part with their rows' places and what scored them."""
    size = scores.num_rows
    columns = {ROW: pa.array(range(part.first_row, part.end_row), pa.int64())}
    columns |= {name: scores[name] for name in (ROW_ID, "score") if name in scores.column_names}
    columns |= {
        "part": pa.repeat(pa.scalar(part.index, pa.int32()), size),
        "model": pa.repeat(part.version.model.ref, size),
        "version": pa.repeat(part.version.label, size),
        "artifact_sha256": pa.repeat(part.artifact_sha256, size),
        "approval": pa.repeat(part.approval.request.ref, size),
        "policy": pa.repeat(str(part.policy), size),
    }
    return pa.table(columns)


def _told(run: BatchRun) -> dict[bytes, bytes]:
    """What the file says of itself."""
    facts = {
        "run": str(run.pk),
        "ref": run.ref,
        "model": run.version.model.ref,
        "version": run.version.label,
        "version_id": str(run.version_id),
        "artifact_sha256": run.artifact_sha256,
        "approval": run.approval.request.ref,
        "approval_id": str(run.approval_id),
        "policy": str(run.approval.request.policy),
        "dataset": run.dataset.ref,
        "dataset_sha256": run.dataset_sha256,
        "use": run.use,
        "environment": run.environment.key,
    }
    return {b"mrm.batch": canonical(facts)}
