"""The formats of an export, and what each makes of a value: CSV and JSON Lines here, two more beside."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import orjson

from commands.importing.sources import harmless
from projections.exportable import Row
from projections.resource import Kind
from workers.exports.parts import Parts

Columns = Mapping[str, Kind]


class Unfit(Exception):
    """What was asked for does not fit into such a file; the message says what to do."""


class Writer(Protocol):
    """Writes rows into the parts of a file, whatever their number, in bounded memory."""

    def __init__(self, columns: Columns, title: str, moment: datetime, parts: Parts) -> None:
        """`title` is what the rows are, `moment` when they were asked for: the same rows make the same bytes."""
        ...

    def write(self, rows: Sequence[Row]) -> None:
        """Raises Unfit."""
        ...

    def close(self) -> None:
        """Write what belongs at the end."""
        ...

    def abandon(self) -> None:
        """Let go of everything; the file will not be finished."""
        ...


class JsonLines:
    """One JSON object a row, exactly as the list answers it: decimals are strings, nothing is changed."""

    def __init__(self, columns: Columns, title: str, moment: datetime, parts: Parts) -> None:
        self._parts = parts

    def write(self, rows: Sequence[Row]) -> None:
        self._parts.write(b"".join(as_json(row) + b"\n" for row in rows))

    def close(self) -> None: ...

    def abandon(self) -> None: ...


class Csv:
    """UTF-8 with a header, commas and CRLF (RFC 4180). What a spreadsheet would run gets a leading apostrophe."""

    def __init__(self, columns: Columns, title: str, moment: datetime, parts: Parts) -> None:
        self._columns, self._parts = columns, parts
        self._rows([list(columns)])

    def write(self, rows: Sequence[Row]) -> None:
        self._rows([[cell(kind, row[name]) for name, kind in self._columns.items()] for row in rows])

    def _rows(self, rows: list[list[str]]) -> None:
        page = io.StringIO()
        csv.writer(page).writerows(rows)
        self._parts.write(page.getvalue().encode())

    def close(self) -> None: ...

    def abandon(self) -> None: ...


def cell(kind: Kind, value: Any) -> str:
    """A value as the text of a cell that no spreadsheet runs; nothing for none."""
    match kind:
        case _ if value is None:
            return ""
        case "number":
            return format(Decimal(value), "f")
        case "integer" | "id":
            return str(value)
        case "date" | "moment":
            return str(value.isoformat())
        case "flag":
            return "true" if value else "false"
        case "text":
            return harmless(value)
        case _:
            return harmless(as_json(value).decode())


def as_json(value: Any) -> bytes:
    return orjson.dumps(value, default=exact)


def exact(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"a row holds a {type(value).__name__}")
