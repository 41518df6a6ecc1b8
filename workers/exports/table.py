"""An export as Parquet, with a type for each column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from projections.exportable import Row
from projections.resource import Kind
from workers.exports.formats import Columns, Unfit, as_json
from workers.exports.parts import Parts

GROUP = 20_000
"""Rows that are kept together, in memory too."""

TEXT = pa.string()
TYPES: dict[Kind, pa.DataType] = {
    "text": TEXT,
    "id": TEXT,
    "number": pa.decimal128(38, 10),
    "integer": pa.int64(),
    "date": pa.date32(),
    "moment": pa.timestamp("us", tz="UTC"),
    "flag": pa.bool_(),
    "set": pa.list_(TEXT),
    "list": pa.list_(TEXT),
    "emails": pa.list_(TEXT),
    "map": TEXT,
    "phones": TEXT,
    "json": TEXT,
}
"""Maps and what is nested otherwise are JSON."""


class Table:
    """Numbers are exact decimals with ten places, moments are in UTC."""

    def __init__(self, columns: Columns, title: str, moment: datetime, parts: Parts) -> None:
        self._columns = columns
        self._schema = pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])
        self._writer = parquet.ParquetWriter(pa.PythonFile(parts, mode="w"), self._schema)
        self._rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self._rows += rows
        if len(self._rows) >= GROUP:
            self._write_group()

    def _write_group(self) -> None:
        arrays = []
        for name, kind in self._columns.items():
            try:
                arrays.append(pa.array([value_of(kind, row[name]) for row in self._rows], TYPES[kind]))
            except (pa.ArrowInvalid, OverflowError):  # their words may tell the value
                raise Unfit(
                    f"{name} holds what Parquet cannot keep as {TYPES[kind]}."
                    " Leave the column out, or choose another format."
                ) from None
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        if self._rows:
            self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        self._writer.close()


def value_of(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    match kind:
        case "id":
            return str(value)
        case "number":
            return Decimal(value)
        case "map" | "phones" | "json":
            return as_json(value).decode()
        case _:
            return value
