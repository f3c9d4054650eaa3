"""DuckDB as every measure opens it: bounded memory, threads and spilling, nothing fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb


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
