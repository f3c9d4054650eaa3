"""The outcomes of an experiment as a file: each row checked, and what is wrong told by its row and column."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from mrm.core.refusal import Invalid
from mrm.deployment.models import Experiment

COLUMNS = ("unit", "arm", "outcome")
MOST_ROWS, MOST_BYTES = 200_000, 64 * 2**20
_UNIT = re.compile(r"[0-9a-f]{16,64}")
_OUTCOMES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


def read_outcomes(experiment: Experiment, file: BinaryIO) -> list[tuple[str, str, int]]:
    """Unit, arm and outcome of each row of a CSV (UTF-8, with a header) or a Parquet file; rows count from 1.

    A unit is the hash of a customer or account, as the prediction log has it, in 16 to 64 lower-case hex digits; an arm
    is the label of a version that was registered; an outcome is 0 or 1. Raises `Invalid` about the first fault.
    """
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _wrong(f"The file has more than {MOST_BYTES:,} bytes; at most {MOST_ROWS:,} rows are read.")
    table = _parquet(content) if content.startswith(b"PAR1") else _csv(content)
    return list(_checked(table, [arm.version.label for arm in experiment.arms.select_related("version")]))


def _checked(table: Iterable[Mapping[str, Any]], arms: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    seen: dict[str, int] = {}
    for row, given in enumerate(table, start=1):
        if row > MOST_ROWS:
            raise _wrong(f"The file has more than {MOST_ROWS:,} rows.")
        unit, arm, told = (_text(given.get(name)) for name in COLUMNS)
        if not _UNIT.fullmatch(unit):
            raise _at(
                row, "unit", unit, "no hash of 16 to 64 lower-case hex digits; a customer's number is not handed in"
            )
        if arm not in arms:
            raise _at(row, "arm", arm, f"no arm of this experiment; there are {', '.join(arms)}")
        if told.lower() not in _OUTCOMES:
            raise _at(row, "outcome", told, "neither 0 nor 1")
        if unit in seen:
            raise _at(row, "unit", f"{unit[:12]}…", f"in row {seen[unit]} already; a unit has one arm and one outcome")
        seen[unit] = row
        yield unit, arm, _OUTCOMES[told.lower()]


def _csv(content: bytes) -> Iterator[dict[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise _wrong(f"The file is neither Parquet nor text in UTF-8: byte {fault.start + 1} is none.") from fault
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        _require_columns(rows.fieldnames or ())
        yield from rows
    except csv.Error as fault:
        raise _wrong(f"Line {rows.line_num} of the file cannot be read: {fault}.") from fault


def _parquet(content: bytes) -> Iterator[dict[str, Any]]:
    import pyarrow as pa  # noqa: PLC0415  pages that read no such file need not load it
    import pyarrow.parquet as pq  # noqa: PLC0415  the same

    try:
        source = pq.ParquetFile(io.BytesIO(content))
        _require_columns(source.schema_arrow.names)
        for batch in source.iter_batches(batch_size=10_000, columns=list(COLUMNS)):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as fault:
        raise _wrong("The file begins as Parquet, and cannot be read as such: write it anew.") from fault


def _require_columns(names: Iterable[str]) -> None:
    names = list(names)
    if missing := [name for name in COLUMNS if name not in names]:
        has = f"it has {', '.join(map(str, names))}" if names else "it is empty"
        raise _wrong(f"The file has no column {missing[0]}; {has}. Needed are unit, arm and outcome.")


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _at(row: int, column: str, value: str, fault: str) -> Invalid:
    shown = f"“{value[:40]}”" if value else "nothing"
    return _wrong(f"Row {row}, column {column}: {shown} is {fault}.")


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, fields={"outcomes": [sentence]})
