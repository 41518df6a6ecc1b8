"""The rows of a view in the formats that they are answered in."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
from pyarrow import ipc, parquet

from commands.importing.sources import harmless
from projections.analytics.views import View

Format = Literal["json", "csv", "parquet", "arrow", "series"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
    "series": "application/json",
}


def format_of(asked: Format | None, accept: str) -> Format:
    """The format asked for by name, or the first known of `Accept`; JSON for all else."""
    if asked:
        return asked
    known: dict[str, Format] = {text.partition(";")[0]: kind for kind, text in reversed(MEDIA_TYPES.items())}
    wanted = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((known[part] for part in wanted if part in known), "json")


def as_json(view: type[View], rows: pa.Table) -> dict[str, Any]:
    return {"rows": rows.to_pylist()}


def as_csv(view: type[View], rows: pa.Table) -> bytes:
    """UTF-8 with a header, commas and CRLF (RFC 4180). What a spreadsheet would run gets a leading apostrophe."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(rows.column_names)
    writer.writerows([[cell(value) for value in row.values()] for row in rows.to_pylist()])
    return page.getvalue().encode()


def cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return harmless(value)
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def as_parquet(view: type[View], rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(rows, sink)
    return bytes(sink.getvalue().to_pybytes())


def as_arrow(view: type[View], rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue().to_pybytes())


def as_series(view: type[View], rows: pa.Table) -> dict[str, Any]:
    """What the view's chart shows, as lines of points, all of them: for whoever draws it himself."""
    chart = view.chart
    measures = (chart.y,) if isinstance(chart.y, str) else chart.y
    if chart.mark == "heat":
        measures = (chart.by or "",)
    lines: dict[tuple[Any, ...], list[list[Any]]] = defaultdict(list)
    for row in chart.counted(rows).to_pylist():
        for measure in measures:
            across = row.get(chart.y) if chart.mark == "heat" else row.get(chart.by) if chart.by else None
            key = (measure, across, row[chart.facet] if chart.facet else None)
            lines[key].append([row[chart.x], row[measure]])
    return {
        "mark": chart.mark,
        "x": {"column": chart.x, "unit": view.columns[chart.x].unit},
        "series": [
            {
                "column": measure,
                "unit": chart.measure(measure, view.columns).unit,
                "name": across,
                "facet": facet,
                "points": points,
            }
            for (measure, across, facet), points in lines.items()
        ],
    }


FORMATS: dict[Format, Callable[[type[View], pa.Table], Any]] = {
    "json": as_json,
    "csv": as_csv,
    "parquet": as_parquet,
    "arrow": as_arrow,
    "series": as_series,
}
