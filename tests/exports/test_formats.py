"""The formats of an export: the same rows make the same bytes, cut into parts, and nothing in them is run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from deploy.export import format_of
from workers.exports import sheet
from workers.exports.formats import Csv, Unfit
from workers.exports.parts import PART, Parts
from workers.exports.sheet import Sheet
from workers.exports.table import Table
from workers.exports.task import FORMATS

MOMENT = datetime(2026, 1, 31, 9, tzinfo=UTC)
COLUMNS = {
    "name": "text",
    "id": "id",
    "amount": "number",
    "version": "integer",
    "on": "date",
    "at": "moment",
    "active": "flag",
    "tags": "set",
    "prefers": "map",
    "data": "json",
}
ROW = {
    "name": "李雷",
    "id": UUID(int=7),
    "amount": Decimal("-1200.50"),
    "version": 3,
    "on": date(2026, 1, 31),
    "at": MOMENT,
    "active": False,
    "tags": ["vip"],
    "prefers": {"channel": "mail"},
    "data": [{"sum": "1.10"}],
}
EMPTY = dict.fromkeys(COLUMNS)


def made(writer, rows, columns=COLUMNS):
    parts = Parts()
    one = writer(columns, "things", MOMENT, parts)
    for at in range(0, len(rows), 100):
        one.write(rows[at : at + 100])
    one.close()
    file = b"".join(parts.take(rest=True))
    assert (parts.bytes, parts.sha256) == (len(file), hashlib.sha256(file).hexdigest())
    return file


@pytest.mark.parametrize("writer", FORMATS.values())
def test_the_same_rows_make_the_same_bytes(writer):
    rows = [ROW, EMPTY] * 300
    assert made(writer, rows) == made(writer, rows)


@pytest.mark.parametrize("writer", FORMATS.values())
def test_no_rows_make_a_file_too(writer):
    file = made(writer, [])
    if writer is Csv:
        assert file == (",".join(COLUMNS) + "\r\n").encode()
    if writer is Table:
        assert parquet.read_table(io.BytesIO(file)).num_rows == 0


@pytest.mark.parametrize("value", [Decimal("0.1234567890123456"), Decimal("12345678901234567.89")])
def test_a_number_that_a_spreadsheet_would_round_is_text(value):
    file = made(Sheet, [{"amount": value}], {"amount": "number"})
    assert openpyxl.load_workbook(io.BytesIO(file)).active["A2"].value == format(value, "f")


def test_what_is_too_much_for_one_sheet_goes_on_in_the_next(monkeypatch):
    monkeypatch.setattr(sheet, "ROWS", 101)
    rows = [{"number": number} for number in range(250)]
    book = openpyxl.load_workbook(io.BytesIO(made(Sheet, rows, {"number": "integer"})))
    assert book.sheetnames == ["things", "things 2", "things 3"]
    assert [row[0] for one in book for row in one.iter_rows(min_row=2, values_only=True)] == list(range(250))
    assert all(one["A1"].value == "number" for one in book)


@pytest.mark.parametrize("value", [Decimal(10) ** 30, Decimal("0.12345678901")])
def test_a_number_that_parquet_cannot_keep_exactly_is_refused(value):
    with pytest.raises(Unfit, match="amount"):
        made(Table, [{"amount": value}], {"amount": "number"})


def test_a_file_is_cut_into_parts_while_it_is_written():
    parts = Parts()
    for _ in range(5):
        parts.write(b"x" * (PART // 2))
    assert [len(part) for part in parts.take()] == [PART, PART]
    assert parts.take() == []
    assert [len(part) for part in parts.take(rest=True)] == [PART // 2]
    assert parts.tell() == PART * 5 // 2


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(deadline=None)
@given(st.lists(texts | st.sampled_from("=+-@\t\r").flatmap(lambda sign: texts.map(lambda text: sign + text))))
def test_no_text_is_run_and_every_text_can_be_read_back(found):
    rows = [{"name": text} for text in found]
    file = made(Csv, rows, {"name": "text"}).decode()
    _, *cells = [row[0] if row else "" for row in csv.reader(io.StringIO(file, newline=""))]
    assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in cells)
    assert all(cell in (text, "'" + text) for cell, text in zip(cells, found, strict=True))
    lines = made(FORMATS["jsonl"], rows, {"name": "text"}).splitlines()
    assert [json.loads(line)["name"] for line in lines] == found


def test_on_the_command_line_the_ending_of_the_file_says_its_format():
    assert [format_of(Path(name)) for name in ("gold.xlsx", "gold.JSONL", "gold.v2.parquet")] == [
        "xlsx",
        "jsonl",
        "parquet",
    ]
    assert {format_of(Path(name)) for name in ("gold.csv", "gold.txt", "gold")} == {"csv"}
