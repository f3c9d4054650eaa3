"""DuckDB over a batch: a frame or a Parquet file, opened as one view with named and typed columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd  # an upload opens files alone, and need not load it

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
FLOATS = frozenset({"FLOAT", "DOUBLE", "HUGEINT", "UBIGINT", "UHUGEINT"})
TEXT = frozenset({"VARCHAR", "BOOLEAN", "ENUM"})


Batch: TypeAlias = "pd.DataFrame | Path"


@dataclass(frozen=True, slots=True)
class Engine:
    """How much of the machine one query may take.

    `memory_limit` in DuckDB's words, as "1GB"; beyond it DuckDB spills into `spill`, or fails if
    there is none.
    """

    memory_limit: str = "1GB"
    threads: int = 1
    spill: Path | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection to an empty database in memory; close it, or use it as a context."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": self.threads,
            "memory_limit": self.memory_limit,
            "autoinstall_known_extensions": "false",
            "temp_directory": str(self.spill) if self.spill else "",
        }
        return duckdb.connect(config=config)


ENGINE = Engine()


@contextmanager
def opened(batch: Batch, engine: Engine = ENGINE) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which the batch is the view `batch`."""
    with engine.connect() as connection:
        view(connection, batch, "batch")
        yield connection


def view(connection: duckdb.DuckDBPyConnection, batch: Batch, name: str) -> None:
    """Make the batch a view of that name."""
    if isinstance(batch, Path):
        connection.from_parquet(str(batch)).create_view(name)
    else:
        connection.register(name, pa.Table.from_pandas(batch, preserve_index=False))


def kinds(connection: duckdb.DuckDBPyConnection, columns: Sequence[str] = ()) -> dict[str, str]:
    """The type of each column wanted, or of all. Raises ValueError if one is absent."""
    view = connection.table("batch")
    found = dict(zip(view.columns, (str(kind).split("(")[0] for kind in view.types), strict=True))
    missing = [name for name in columns if name not in found]
    if missing:
        raise ValueError(f"The data have no column {', '.join(missing)}; the columns are {', '.join(found)}.")
    return {name: found[name] for name in columns} if columns else found
