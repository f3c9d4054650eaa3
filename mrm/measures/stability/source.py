"""A batch, a frame or a Parquet file, opened as one view with named and typed columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
FLOATS = frozenset({"FLOAT", "DOUBLE", "HUGEINT", "UBIGINT", "UHUGEINT"})
TEXT = frozenset({"VARCHAR", "BOOLEAN", "ENUM"})


@contextmanager
def opened(batch: pd.DataFrame | Path, memory_limit: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which the batch is the view `batch`."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": memory_limit,
        "autoinstall_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        if isinstance(batch, pd.DataFrame):
            connection.register("batch", pa.Table.from_pandas(batch, preserve_index=False))
        else:
            connection.from_parquet(str(batch)).create_view("batch")
        yield connection


def kinds(connection: duckdb.DuckDBPyConnection, columns: Sequence[str] = ()) -> dict[str, str]:
    """The type of each column wanted, or of all. Raises ValueError if one is absent."""
    view = connection.table("batch")
    found = dict(zip(view.columns, (str(kind).split("(")[0] for kind in view.types), strict=True))
    missing = [name for name in columns if name not in found]
    if missing:
        raise ValueError(f"The data have no column {', '.join(missing)}; the columns are {', '.join(found)}.")
    return {name: found[name] for name in columns} if columns else found
