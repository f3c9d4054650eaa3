"""Uploads: typed, described, deterministic, and refused with row and column."""

import datetime as dt
import zipfile

import duckdb
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mrm.measures.engine import Engine
from mrm.measures.frames import BadData, Bounds, profile, to_parquet

GOOD = "row_id,zip,income,approved,on,note\n1,00501,10.5,true,2026-01-02,\n2,10001,NA,false,2026-02-03,a;b\n"


@pytest.fixture
def upload(tmp_path):
    def write(content, name="in.csv", **options):
        source = tmp_path / name
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        return to_parquet(source, tmp_path / "out.parquet", **options)

    return write


def test_types_nulls_and_extremes(upload, tmp_path):
    manifest = upload(GOOD)
    assert [(c.name, c.type, c.nulls, c.min, c.max, c.distinct) for c in manifest.columns] == [
        ("row_id", "integer", 0, 1, 2, 2),
        ("zip", "text", 0, "00501", "10001", 2),
        ("income", "number", 1, 10.5, 10.5, 1),
        ("approved", "boolean", 0, False, True, 2),
        ("on", "date", 0, "2026-01-02", "2026-02-03", 2),
        ("note", "text", 1, "a;b", "a;b", 1),
    ]
    assert manifest.rows == 2
    assert manifest == profile(tmp_path / "out.parquet")


def test_same_content_gives_same_bytes_whatever_the_delimiter(upload):
    first, again = upload(GOOD), upload(GOOD, "other.csv")
    assert first == again
    plain = GOOD.replace("a;b", "ab")
    assert upload(plain).sha256 == upload(plain.replace(",", ";")).sha256


def test_parquet_in_any_row_groups_gives_same_bytes(tmp_path):
    frame = pd.DataFrame({"a": range(300_000), "b": [f"t{i % 7}" for i in range(300_000)]})
    digests = set()
    for size in (1_000, 250_000):
        frame.to_parquet(tmp_path / "in.parquet", row_group_size=size)
        digests.add(to_parquet(tmp_path / "in.parquet", tmp_path / "out.parquet").sha256)
    assert len(digests) == 1
    assert pq.read_table(tmp_path / "out.parquet").to_pandas()["a"].sum() == frame["a"].sum()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b,c\n1,2,3\n4,5\n", "Row 2 has 2 fields and the header 3; the column c is missing."),
        ("a,b\n1,2,3\n", "Row 1 has 3 fields and the header 2; column 3 has no name."),
        ("a,b,a\n1,2,3\n", "The column name a appears twice, in columns 1 and 3."),
        ("a,,c\n1,2,3\n", "Column 2 has no name."),
        ('a,b\n1,"cut off', "Row 1 cannot be read, or the file ends inside it: unexpected end of data."),
        ("a,b\n", "The file has a header but no rows."),
        ("", "The file is empty."),
        (b"a,b\n1,\xff\xfe\n", "The text after row 0 is not UTF-8."),
        (b"PAR1 nonsense", "The Parquet file is damaged or ends too early."),
    ],
)
def test_bad_files_are_refused_with_a_sentence(upload, content, sentence):
    with pytest.raises(BadData) as refused:
        upload(content)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(bytes=10), "bytes; at most 10"),
        (Bounds(rows=1), "2 rows; at most 1"),
        (Bounds(columns=2), "6 columns"),
    ],
)
def test_files_beyond_the_bounds_are_refused(upload, bounds, sentence):
    with pytest.raises(BadData, match=sentence):
        upload(GOOD, bounds=bounds)


def test_nested_parquet_is_refused_by_column(tmp_path):
    pd.DataFrame({"a": [1], "tags": [[1, 2]]}).to_parquet(tmp_path / "in.parquet")
    with pytest.raises(BadData, match="The column tags holds list"):
        to_parquet(tmp_path / "in.parquet", tmp_path / "out.parquet")


def test_cut_parquet_is_refused(tmp_path):
    pd.DataFrame({"a": range(1_000)}).to_parquet(tmp_path / "in.parquet")
    (tmp_path / "in.parquet").write_bytes((tmp_path / "in.parquet").read_bytes()[:-20])
    with pytest.raises(BadData, match="damaged or ends too early"):
        to_parquet(tmp_path / "in.parquet", tmp_path / "out.parquet")


def workbook(path, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Table {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


TABLE = (
    ["row_id", "zip", "income", "approved", "on", "note"],
    [1, "00501", 10.5, True, dt.date(2026, 1, 2), None],
    [2, "10001", None, False, dt.date(2026, 2, 3), "a;b"],
)


def test_a_workbook_gives_the_bytes_of_its_csv(tmp_path, upload):
    source = workbook(tmp_path / "in.xlsx", TABLE, [])
    assert to_parquet(source, tmp_path / "from.parquet") == upload(GOOD)


@pytest.mark.parametrize(
    ("sheets", "sentence"),
    [
        ([TABLE, TABLE], r"tables on several sheets \(Table 1, Table 2\); keep the one"),
        ([[]], "no sheet with a header in its first row"),
        ([[["a", "b"], [1, 2, 3]]], "Row 1 has 3 fields and the header 2"),
        ([[["a", "a"], [1, 2]]], "The column name a appears twice"),
        ([[["a", "b"], [1, "#DIV/0!"]]], "Cell B2 of the sheet Table 1 holds the error #DIV/0!"),
    ],
)
def test_a_workbook_that_holds_no_one_table_says_where(tmp_path, sheets, sentence):
    with pytest.raises(BadData, match=sentence):
        to_parquet(workbook(tmp_path / "in.xlsx", *sheets), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_archives_bombs_and_old_workbooks_are_refused(tmp_path, upload):
    bomb = workbook(tmp_path / "bomb.xlsx", TABLE)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/much", b"0" * 200_000_000)
    with pytest.raises(BadData, match=r"The workbook unpacks to 200,\d+,\d+ bytes"):
        to_parquet(bomb, tmp_path / "out.parquet")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("data.csv", GOOD)
    with pytest.raises(BadData, match="an archive, not a workbook"):
        to_parquet(tmp_path / "other.zip", tmp_path / "out.parquet")
    for content, sentence in (
        (b"\xd0\xcf\x11\xe0" + b"0" * 100, "encrypted or of the old XLS format"),
        (b"PK\x03\x04 cut off", "damaged or ends too early"),
    ):
        with pytest.raises(BadData, match=sentence):
            upload(content)


def test_xml_that_unfolds_without_end_is_refused(tmp_path):
    source = workbook(tmp_path / "in.xlsx", TABLE)
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    hostile = f'<!DOCTYPE b [<!ENTITY l0 "lol">{entities}]><worksheet>&l9;</worksheet>'
    with zipfile.ZipFile(source) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, hostile if name.endswith("sheet1.xml") else content)
    with pytest.raises(BadData, match="damaged"):
        to_parquet(source, tmp_path / "out.parquet")


def test_a_quote_that_never_ends_far_down_names_its_row(tmp_path, upload):
    rows = "".join(f"{i},text\n" for i in range(1, 900_000))
    with pytest.raises(BadData, match="Row 900000 cannot be read"):
        upload(f'a,b\n{rows}900000,"no end\n900001,text\n')


def test_a_query_beyond_its_memory_spills(tmp_path):
    big = "SELECT count(*) FROM (SELECT DISTINCT hash(i) AS h FROM range(3000000) AS r(i))"
    with Engine(memory_limit="40MB").connect() as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(big)
    with Engine(memory_limit="40MB", spill=tmp_path).connect() as connection:
        assert connection.execute(big).fetchall() == [(3_000_000,)]
