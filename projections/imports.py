"""Imports: what was asked for, by whom, how far it has come and what came of it."""

from __future__ import annotations

from typing import LiteralString

from domain.data_import import Import
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Imports(StreamRows):
    """Each import."""

    aggregate = Import
    table = Table(
        "imports",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "state": "text",
            "mapping": "text",
            "source": "text",
            "files": "jsonb",
            "dry_run": "boolean",
            "corrects": "uuid",
            "attended": "boolean",
            "done": "integer",
            "failed": "integer",
            "warnings": "integer",
            "commands": "integer",
            "events": "integer",
            "known": "integer",
            "why": "text",
            "undone": "integer",
            "kept": "integer",
        },
        indexes=(BY_CREATED,),
    )


PROGRESS: LiteralString = (
    "(SELECT json_build_object('step', p.step, 'units', p.units, 'of', p.of_units, 'failed', p.failed,"
    " 'warnings', p.warnings, 'at', p.at) FROM imports.progress p"
    " WHERE p.tenant = t.tenant AND p.job = t.id AND p.dry_run = t.dry_run)"
)

IMPORT_ROWS = Imports()
IMPORTS = Resource("imports", IMPORT_ROWS, stream="import", computed={"progress": ("json", PROGRESS)})
