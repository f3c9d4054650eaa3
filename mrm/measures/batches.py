"""A batch as a stream of Arrow pieces, whether it is a data frame, a file, or two files to be joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mrm.measures.engine import ENGINE, Engine
from mrm.measures.frames import ROW_GROUP, quoted
from mrm.measures.specification import ParquetBatch, Spec


def pieces(batch: pd.DataFrame | ParquetBatch, spec: Spec, engine: Engine = ENGINE) -> Iterator[pa.RecordBatch]:
    """The columns of `spec` in pieces of at most 131,072 rows, attributes coded as dictionaries where they are text.

    Raises ValueError, with a sentence, on columns that are missing and row ids that do not identify.
    """
    if isinstance(batch, pd.DataFrame):
        _need(batch.columns, _wanted(spec))
        table = pa.Table.from_pandas(batch[list(_wanted(spec))], preserve_index=False)
        yield from table.to_batches(max_chunksize=ROW_GROUP)
    elif batch.protected is None:
        yield from _one_file(batch, spec, engine)
    else:
        yield from _two_files(batch, spec, engine)


def _one_file(batch: ParquetBatch, spec: Spec, engine: Engine) -> Iterator[pa.RecordBatch]:
    schema = pq.read_schema(batch.scored)
    _need(schema.names, _wanted(spec))
    text = [name for name in spec.dimensions if schema.field(name).type in (pa.string(), pa.large_string())]
    with pq.ParquetFile(batch.scored, read_dictionary=text, memory_map=True, pre_buffer=False) as source:
        yield from source.iter_batches(ROW_GROUP, columns=list(_wanted(spec)), use_threads=engine.threads > 1)


def _two_files(batch: ParquetBatch, spec: Spec, engine: Engine) -> Iterator[pa.RecordBatch]:
    with engine.connect() as connection:
        connection.from_parquet(str(batch.scored)).create_view("scored")
        connection.from_parquet(str(batch.protected)).create_view("protected")
        _need(connection.table("scored").columns, (spec.row_id, spec.label, spec.score, *spec.segments))
        _need(connection.table("protected").columns, (spec.row_id, *spec.attributes))
        _need_unique(connection, spec.row_id)
        own = [f"s.{quoted(name)}" for name in (spec.label, spec.score)]
        attributes = [f"p.{quoted(name)}" for name in spec.attributes]
        segments = [f"s.{quoted(name)}" for name in spec.segments]
        row_id = quoted(spec.row_id)
        query = (
            f"SELECT {', '.join([*own, *attributes, *segments])}"
            f" FROM scored s LEFT JOIN protected p ON s.{row_id} = p.{row_id}"
        )
        yield from connection.sql(query).to_arrow_reader(ROW_GROUP)


def _wanted(spec: Spec) -> tuple[str, ...]:
    return (spec.label, spec.score, *spec.dimensions)


def _need(columns: Iterable[Any], wanted: Iterable[str]) -> None:
    present = set(columns)
    missing = [name for name in wanted if name not in present]
    if missing:
        raise ValueError(f"The data has no column {', '.join(missing)}.")


def _need_unique(connection: duckdb.DuckDBPyConnection, row_id: str) -> None:
    for view in ("scored", "protected"):
        query = f"SELECT count(*) - count(DISTINCT {quoted(row_id)}) FROM {view}"
        if connection.sql(query).fetchall()[0][0]:
            raise ValueError(f"Row ids of the {view} data are missing or not unique.")
