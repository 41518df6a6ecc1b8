"""An export as a spreadsheet (XLSX), row by row through a file on disk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xlsxwriter import Workbook

from projections.exportable import Row
from projections.resource import Kind
from workers.exports.formats import Columns, Unfit, cell
from workers.exports.parts import PART, Parts

ROWS = 1_048_576
"""Of a sheet, the header among them; what is more goes on in a further sheet."""
SIGNS = 32_767
"""Of a cell."""
DIGITS = 15
"""Of a number; a spreadsheet would round longer ones, so they are written as text."""
FIRST_YEAR = 1900


class Sheet:
    """Numbers, days, moments (in UTC, to the millisecond) and flags as such, all else as text, of which what a
    spreadsheet would run gets a leading apostrophe."""

    def __init__(self, columns: Columns, title: str, moment: datetime, parts: Parts) -> None:
        self._columns, self._title, self._parts = columns, title, parts
        self._place = TemporaryDirectory(prefix="kronika-export-")
        self._path = Path(self._place.name, "book.xlsx")
        self._book = Workbook(
            self._path, {"constant_memory": True, "tmpdir": self._place.name, "remove_timezone": True}
        )
        self._book.set_properties({"created": moment.replace(tzinfo=None), "title": title})
        self._formats = {
            "date": self._book.add_format({"num_format": "yyyy-mm-dd"}),
            "moment": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"}),
        }
        self._sheets = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        name = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet = self._book.add_worksheet(name[:31])
        for number, column in enumerate(self._columns):
            self._sheet.write_string(0, number, column)
        self._row = 1

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if self._row == ROWS:
                self._begin_sheet()
            for number, (name, kind) in enumerate(self._columns.items()):
                if row[name] is not None:
                    self._cell(number, name, kind, row[name])
            self._row += 1

    def _cell(self, number: int, name: str, kind: Kind, value: Any) -> None:
        match kind:
            case "flag":
                self._sheet.write_boolean(self._row, number, value)
            case "number" | "integer" if is_short(Decimal(value)):
                self._sheet.write_number(self._row, number, float(value) if kind == "number" else value)
            case "date" | "moment" if value.year >= FIRST_YEAR:
                self._sheet.write_datetime(self._row, number, plain(value), self._formats[kind])
            case _:
                text = cell(kind, value)
                if len(text) > SIGNS:
                    raise Unfit(
                        f"A cell of a spreadsheet holds {SIGNS:,} signs; row {self._row} of {name} has {len(text):,}."
                        " Leave the column out, or choose another format."
                    )
                self._sheet.write_string(self._row, number, text)

    def close(self) -> None:
        self._book.close()
        with self._path.open("rb") as made:
            while piece := made.read(PART):
                self._parts.write(piece)
        self._place.cleanup()

    def abandon(self) -> None:
        shutil.rmtree(self._place.name, ignore_errors=True)


def is_short(number: Decimal) -> bool:
    """Whether a spreadsheet keeps it to the last digit."""
    return len(number.normalize().as_tuple().digits) <= DIGITS


def plain(value: date) -> date:
    """A moment without its zone, which is UTC."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
