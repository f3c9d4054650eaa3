"""DuckDB over a batch: a frame or a Parquet file, opened as one view with named and typed columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
FLOATS = frozenset({"FLOAT", "DOUBLE", "HUGEINT", "UBIGINT", "UHUGEINT"})
TEXT = frozenset({"VARCHAR", "BOOLEAN", "ENUM"})


Batch: TypeAlias = pd.DataFrame | Path


@dataclass(frozen=True, slots=True)
class Engine:
    """What a query may use: memory, threads, and a folder to spill to (without one it fails where memory ends)."""

    memory_limit: str = "1GB"
    threads: int = 1
    spill: Path | None = None


ENGINE = Engine()


@contextmanager
def opened(batch: Batch, engine: Engine = ENGINE) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which the batch is the view `batch`."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": engine.threads,
        "memory_limit": engine.memory_limit,
        "temp_directory": str(engine.spill or ""),
        "autoinstall_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        view(connection, batch, "batch")
        yield connection


def view(connection: duckdb.DuckDBPyConnection, batch: Batch, name: str) -> None:
    """Make the batch a view of that name."""
    if isinstance(batch, pd.DataFrame):
        connection.register(name, pa.Table.from_pandas(batch, preserve_index=False))
    else:
        connection.from_parquet(str(batch)).create_view(name)


def kinds(connection: duckdb.DuckDBPyConnection, columns: Sequence[str] = ()) -> dict[str, str]:
    """The type of each column wanted, or of all. Raises ValueError if one is absent."""
    view = connection.table("batch")
    found = dict(zip(view.columns, (str(kind).split("(")[0] for kind in view.types), strict=True))
    missing = [name for name in columns if name not in found]
    if missing:
        raise ValueError(f"The data have no column {', '.join(missing)}; the columns are {', '.join(found)}.")
    return {name: found[name] for name in columns} if columns else found
