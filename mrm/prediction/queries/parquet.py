"""Rows of the log as Parquet: the columns of the table, sorted by request, so that one is found in one row group."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from mrm.prediction.models import Prediction

PIECE = 50_000
TEXT = (
    "request",
    "endpoint",
    "role",
    "model",
    "version",
    "digest",
    "unit_hash",
    "inputs",
    "outputs",
    "reason",
    "parent",
    "outcome",
)
KEYS = ("deployment_id", "approval_id")
SCHEMA = pa.schema(
    [
        ("file", pa.int64()), ("line", pa.int32()), ("at", pa.timestamp("us", tz="UTC")),
        *((name, pa.string()) for name in (*TEXT, *KEYS)),
        ("revision", pa.int32()), ("rows", pa.int32()), ("micros", pa.int64()), ("flags", pa.list_(pa.string())),
    ]
)  # fmt: skip


def write(rows: Iterable[Prediction], target: Path, without: Iterable[str] = ()) -> int:
    """Write the rows as they come, zstd, some columns left out; how many there were."""
    left_out, count = set(without), 0
    schema = pa.schema([each for each in SCHEMA if each.name not in left_out])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for piece in _pieces(rows):
            columns = {name: [_value(row, name) for row in piece] for name in schema.names}
            writer.write_table(pa.table(columns, schema=schema))
            count += len(piece)
    return count


def read(path: Path, filters: Any) -> list[Prediction]:
    """The rows of a file that match, as those of the database are; nothing else is read of it."""
    found = pq.read_table(path, filters=filters).to_pylist()
    return [_prediction(each) for each in found]


def stream(path: Path, filters: Any) -> Iterator[Prediction]:
    """The same piece by piece, for files that are larger than a page."""
    import pyarrow.dataset as ds  # noqa: PLC0415  of use to extracts alone

    for batch in ds.dataset(path, format="parquet").to_batches(filter=pq.filters_to_expression(filters)):
        yield from (_prediction(each) for each in batch.to_pylist())


def _pieces(rows: Iterable[Prediction]) -> Iterator[list[Prediction]]:
    piece: list[Prediction] = []
    for row in rows:
        piece.append(row)
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _value(row: Prediction, name: str) -> Any:
    value = getattr(row, name)
    return str(value) if isinstance(value, UUID) else value


def _prediction(told: dict[str, Any]) -> Prediction:
    keys = {name: UUID(told[name]) if told.get(name) else None for name in KEYS}
    return Prediction(**{**told, **keys})
