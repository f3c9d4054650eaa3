"""Uploaded workbooks (XLSX): the one table they hold, as the CSV that every upload is read from."""

from __future__ import annotations

import csv
import datetime as dt
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
EXPANSION = 200  # a sheet of repeated numbers packs about 30 times; a bomb packs a thousand times and more


class BadWorkbook(Exception):
    """The workbook cannot be used; a sentence that names sheet, row and column where there is one."""


def to_csv(source: Path, target: Path, *, most_bytes: int) -> None:
    """Write the rows of the only sheet that has any to `target`, as UTF-8 with commas.

    Formulas give the value that was saved with them. Reads row by row, so memory does not grow with
    the file. Raises `BadWorkbook` on other archives, on archives that unpack to more than
    `most_bytes` or to 200 times their size, on several tables, and on cells that hold an error.
    """
    _check_archive(source, most_bytes)
    try:
        with warnings.catch_warnings():  # of styles and validations, which are not read
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(source, read_only=True, data_only=True)
            with target.open("w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows(_rows(_only_sheet(book)))
            book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise BadWorkbook("The workbook is damaged; open it, save it anew as XLSX, or send CSV.") from error


def _check_archive(source: Path, most_bytes: int) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise BadWorkbook("The workbook is damaged or ends too early; send it again.") from error
    if "xl/workbook.xml" not in names:
        raise BadWorkbook("The file is an archive, not a workbook; send the CSV, Parquet or XLSX file that is inside.")
    if unpacked > min(most_bytes, EXPANSION * source.stat().st_size):
        raise BadWorkbook(
            f"The workbook unpacks to {unpacked:,} bytes, which is too many for its size; send the table as CSV or Parquet."
        )


def _only_sheet(book: Any) -> Any:
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # what some programs write there is wrong
    filled = [sheet for sheet in book.worksheets if _begins(sheet)]
    if not filled:
        raise BadWorkbook("The workbook has no sheet with a header in its first row.")
    if len(filled) > 1:
        names = ", ".join(sheet.title for sheet in filled)
        raise BadWorkbook(f"The workbook has tables on several sheets ({names}); keep the one that is meant.")
    return filled[0]


def _begins(sheet: Any) -> bool:
    return any(cell.value is not None for row in sheet.iter_rows(max_row=1) for cell in row)


def _rows(sheet: Any) -> Iterator[list[str]]:
    width = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        texts = [_text(cell, sheet.title, number, place) for place, cell in enumerate(cells, start=1)]
        while texts and not texts[-1] and len(texts) > width:
            texts.pop()
        width = width or len(texts)
        if any(texts):  # empty lines below a table are no rows
            yield texts + [""] * (width - len(texts))


def _text(cell: Any, sheet: str, row: int, column: int) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        place = f"{get_column_letter(column)}{row}"
        raise BadWorkbook(f"Cell {place} of the sheet {sheet} holds the error {value}; correct it or leave it empty.")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
