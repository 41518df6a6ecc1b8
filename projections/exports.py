"""Exports: which files were asked for, by whom, and what came of them."""

from __future__ import annotations

from typing import LiteralString

from domain.export import Export
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Exports(StreamRows):
    """Each export."""

    version = 3  # of the past
    aggregate = Export
    table = Table(
        "exports",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "state": "text",
            "resource": "text",
            "format": "text",
            "filters": "jsonb",
            "sorted_by": "text",
            "columns": "jsonb",
            "as_of": "timestamptz",
            "known_at": "timestamptz",
            "known_position": "bigint",
            "file": "uuid",
            "rows": "integer",
            "parked": "integer",
            "bytes": "bigint",
            "sha256": "text",
            "reflects": "bigint",
            "expires_at": "timestamptz",
            "why": "text",
        },
        indexes=(BY_CREATED, "(created_recorded_at) WHERE state = 'asked'"),
    )


AS_TOLD: LiteralString = "(SELECT max(e.epoch) || '.' || t.{} FROM log.epochs e)"

EXPORT_ROWS = Exports()
EXPORTS = Resource(
    "exports",
    EXPORT_ROWS,
    stream="export",
    hidden=("file", "reflects", "as_of", "known_at", "known_position"),
    computed={
        "shows": ("text", AS_TOLD.format("reflects")),
        "as_of": ("moment", "t.as_of"),
        "known_at": ("text", f"coalesce({AS_TOLD.format('known_position')}, to_json(t.known_at) #>> '{{{{}}}}')"),
    },
)
"""`shows` is the position that the file reflects; `as_of` and `known_at` are the clocks that it was asked for by."""
