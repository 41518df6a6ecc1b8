"""What the cells of a table say, as one text for one value: a spreadsheet, a column of Parquet and a list of the API
each write it in a way of their own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import openpyxl
from pyarrow import parquet

Row = dict[str, Any]


def of_csv(file: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(file.decode())))


def of_sheet(file: bytes) -> list[Row]:
    header, *rows = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0].iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def of_parquet(file: bytes) -> list[Row]:
    rows: list[Row] = parquet.read_table(io.BytesIO(file)).to_pylist()
    return rows


READ: dict[str, Callable[[bytes], list[Row]]] = {"csv": of_csv, "xlsx": of_sheet, "parquet": of_parquet}
"""By format."""


def as_cells(row: Row) -> Row:
    return {name: as_cell(value) for name, value in row.items()}


def as_cell(value: Any) -> str:
    """Nothing is nothing however it is written; numbers, moments (to the second) and what is nested are parsed where
    they are text."""
    match value:
        case None | "":
            return ""
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return f"{Decimal(str(value)):.6f}"
        case datetime():
            return to_the_second(value)
        case date():
            return to_the_second(datetime.combine(value, time()))
        case list() | dict():
            return json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = str(value).removeprefix("'")
    for reading in (lambda: as_cell(Decimal(text)), lambda: to_the_second(datetime.fromisoformat(text))):
        try:
            return reading()
        except (InvalidOperation, ValueError):
            pass
    return as_cell(json.loads(text)) if text.startswith(("[", "{")) else text


def to_the_second(moment: datetime) -> str:
    in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return (in_utc.replace(tzinfo=None) + timedelta(milliseconds=500)).replace(microsecond=0).isoformat()
