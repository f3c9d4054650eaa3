"""Uploaded tables: checked, typed and written as deterministic Parquet with a manifest."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mrm.measures import workbook
from mrm.measures.engine import ENGINE, Engine

ROW_GROUP = 131_072
NULLS = ("", "NA", "NaN", "null", "NULL")
DELIMITERS = ",;\t|"


class BadData(Exception):
    """The upload cannot be used; the sentence names the row and column where there is one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The largest upload taken: bytes on disk, rows, columns."""

    bytes: int = 5 * 2**30
    rows: int = 50_000_000
    columns: int = 2_000


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: type in words, nulls, smallest and largest value, distinct values."""

    name: str
    type: str
    nulls: int
    min: Any
    max: Any
    distinct: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a Parquet file holds. `sha256` and `bytes` are of the file."""

    sha256: str
    rows: int
    columns: tuple[Column, ...]
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"columns": [asdict(each) for each in self.columns]}


def to_parquet(source_path: Path, target_path: Path, bounds: Bounds = BOUNDS, engine: Engine = ENGINE) -> Manifest:
    """Turn an uploaded CSV, Parquet or XLSX file into our Parquet at `target_path`, and describe it.

    CSV: UTF-8, a header, comma, semicolon, tab or bar between fields; empty, NA, NaN and null are
    missing; numbers with leading zeros stay text. XLSX: the only sheet with rows. The same content gives the same bytes. Works in
    pieces, so memory does not grow with the file. Raises `BadData`.
    """
    size = source_path.stat().st_size
    if size > bounds.bytes:
        raise BadData(f"The file has {size:,} bytes; at most {bounds.bytes:,} are taken.")
    if size == 0:
        raise BadData("The file is empty.")
    with source_path.open("rb") as source:
        begins = source.read(4)
    if begins == workbook.OLE:
        raise BadData("The workbook is encrypted or of the old XLS format; save it as XLSX without a password.")
    with engine.connect() as connection, tempfile.TemporaryDirectory(prefix="table-") as folder:
        if begins == workbook.ZIP:
            source_path = _unpacked(source_path, Path(folder) / "table.csv", bounds)
        batches = _parquet(source_path, bounds) if begins == b"PAR1" else _csv(connection, source_path, bounds)
        _write(batches, target_path)
    return profile(target_path, engine)


def _unpacked(source: Path, target: Path, bounds: Bounds) -> Path:
    try:
        workbook.to_csv(source, target, most_bytes=bounds.bytes)
    except workbook.BadWorkbook as error:
        raise BadData(str(error)) from error
    return target


def profile(path: Path, engine: Engine = ENGINE) -> Manifest:
    """The manifest of a Parquet file: digest, rows and every column's profile."""
    source = pq.ParquetFile(path)
    with engine.connect() as connection:
        connection.from_parquet(str(path)).create_view("data")
        columns = tuple(_column(connection, field) for field in source.schema_arrow)
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Manifest(digest, source.metadata.num_rows, columns, path.stat().st_size)


def _column(connection: duckdb.DuckDBPyConnection, field: pa.Field) -> Column:
    name = quoted(field.name)
    row = connection.execute(
        f"SELECT count(*) - count({name}), min({name}), max({name}), count(DISTINCT {name}) FROM data"
    ).fetchone()
    nulls, low, high, distinct = row or (0, None, None, 0)
    return Column(field.name, _type(field.type), nulls, _json(low), _json(high), distinct)


def _json(value: Any) -> Any:
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _type(kind: pa.DataType) -> str:
    tests = (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "timestamp"),
    )
    return next((word for test, word in tests if test(kind)), "text")


def _write(batches: Iterator[pa.RecordBatch], target: Path) -> None:
    first = next(batches)
    with pq.ParquetWriter(target, first.schema, compression="zstd") as writer:
        held = [first]
        for batch in batches:
            held.append(batch)
            if sum(each.num_rows for each in held) >= ROW_GROUP:
                held = _flush(writer, held, last=False)
        _flush(writer, held, last=True)


def _flush(writer: pq.ParquetWriter, held: list[pa.RecordBatch], last: bool) -> list[pa.RecordBatch]:
    """Write whole row groups, so that the pieces a file arrives in leave no trace."""
    table = pa.Table.from_batches(held).combine_chunks()
    whole = table.num_rows if last else table.num_rows // ROW_GROUP * ROW_GROUP
    writer.write_table(table.slice(0, whole), row_group_size=ROW_GROUP)
    return list(table.slice(whole).to_batches())


def _parquet(source: Path, bounds: Bounds) -> Iterator[pa.RecordBatch]:
    try:
        file = pq.ParquetFile(source)
        schema = file.schema_arrow
        _check_header(schema.names, bounds)
        for field in schema:
            if pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
                raise BadData(f"The column {field.name} holds {field.type}; only plain values are taken.")
        if file.metadata.num_rows > bounds.rows:
            raise BadData(f"The file has {file.metadata.num_rows:,} rows; at most {bounds.rows:,} are taken.")
        target = pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])
        yield pa.RecordBatch.from_pylist([], schema=target)
        for batch in file.iter_batches(ROW_GROUP):
            yield batch.cast(target)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData("The Parquet file is damaged or ends too early.") from error


def _plain(kind: pa.DataType) -> pa.DataType:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(value) or pa.types.is_string_view(value) else value


def _csv(connection: duckdb.DuckDBPyConnection, source: Path, bounds: Bounds) -> Iterator[pa.RecordBatch]:
    delimiter, names = _check_csv(source, bounds)
    options = (
        f"header = true, delim = '{delimiter}', quote = '\"', escape = '\"', strict_mode = true,"
        f" nullstr = [{', '.join(repr(each) for each in NULLS)}], auto_detect = true, sample_size = -1,"
        " normalize_names = false, parallel = false,"
        " auto_type_candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']"
    )
    text = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in _codes(connection, source, names, options))
    types = f", types = {{{text}}}" if text else ""
    try:
        query = f"SELECT * FROM read_csv(?, {options}{types})"
        reader = connection.sql(query, params=[str(source)]).to_arrow_reader(ROW_GROUP)
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        yield from reader
    except duckdb.Error as error:
        raise BadData(f"The CSV file cannot be read: {str(error).splitlines()[0]}") from error


def _codes(connection: duckdb.DuckDBPyConnection, source: Path, names: list[str], options: str) -> list[str]:
    """Columns with a number that starts with zero, such as 00501: codes, not quantities."""
    tests = ", ".join(f"bool_or(regexp_matches({quoted(name)}, '^0[0-9]+$'))" for name in names)
    query = f"SELECT {tests} FROM read_csv(?, {options}, all_varchar = true)"
    try:
        (row,) = connection.execute(query, [str(source)]).fetchall()
    except duckdb.Error as error:
        raise BadData(f"The CSV file cannot be read: {str(error).splitlines()[0]}") from error
    return [name for name, found in zip(names, row, strict=True) if found]


def quoted(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _check_csv(source: Path, bounds: Bounds) -> tuple[str, list[str]]:
    """Delimiter and header, once every row has as many fields as the header."""
    row = 0
    with source.open("rb") as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        try:
            line = text.readline()
            delimiter = max(DELIMITERS, key=line.count)
            text.seek(0)
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            names = next(reader)
            _check_header(names, bounds)
            for row, fields in enumerate(reader, start=1):
                if len(fields) != len(names) and fields:
                    _ragged(row, fields, names)
        except UnicodeDecodeError as error:
            raise BadData(f"The text after row {row} is not UTF-8.") from error
        except csv.Error as error:
            raise BadData(f"Row {row + 1} cannot be read, or the file ends inside it: {error}.") from error
    if row == 0:
        raise BadData("The file has a header but no rows.")
    if row > bounds.rows:
        raise BadData(f"The file has {row:,} rows; at most {bounds.rows:,} are taken.")
    return delimiter, names


def _check_header(names: list[str], bounds: Bounds) -> None:
    if len(names) > bounds.columns:
        raise BadData(f"The file has {len(names):,} columns; at most {bounds.columns:,} are taken.")
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise BadData(f"Column {place} has no name.")
        if names.index(name) != place - 1:
            raise BadData(f"The column name {name} appears twice, in columns {names.index(name) + 1} and {place}.")


def _ragged(row: int, fields: list[str], names: list[str]) -> None:
    where = (
        f"the column {names[len(fields)]} is missing"
        if len(fields) < len(names)
        else f"column {len(names) + 1} has no name"
    )
    raise BadData(f"Row {row} has {len(fields)} fields and the header {len(names)}; {where}.")
