"""The files that exports have made, in parts beside the read models, until they expire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import class_row, tuple_row

from eventlog.envelope import Caller
from eventlog.row_security import guarded
from projections.sight import belongs

EXPORTS_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS exports AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;
GRANT USAGE ON SCHEMA exports TO kronika_reader;

-- A file belongs to its export once that is finished and names it; one that a process died over is named by none.
CREATE TABLE IF NOT EXISTS exports.part (
    tenant text    NOT NULL,
    export uuid    NOT NULL,
    file   uuid    NOT NULL,
    number integer NOT NULL,
    bytes  bytea   NOT NULL,
    PRIMARY KEY (tenant, export, file, number)
);
"""

MIGRATION_LOCK = 0x6B726F6E_00000005

OVER = """
DELETE FROM exports.part p USING read.exports e WHERE e.tenant = p.tenant AND e.id = p.export
   AND (e.state IN ('failed', 'cancelled') OR e.state = 'finished' AND (e.file <> p.file OR e.expires_at < now()))
"""


class NotReady(Exception):
    """The export has no file yet, or never gets one."""

    def __init__(self, state: str, why: str | None) -> None:
        waits = "ask again when it is finished" if state == "asked" else "ask for a new one"
        super().__init__(f"The export is {state}{f' ({why})' if why else ''}; {waits}.")


class Expired(Exception):
    """The file of the export was kept for as long as files are; ask for a new export."""

    def __init__(self, expires_at: datetime) -> None:
        super().__init__(f"The file was kept until {expires_at:%Y-%m-%d %H:%M} UTC; ask for a new export.")


@dataclass(frozen=True)
class File:
    """One finished file."""

    export: UUID
    file: UUID
    resource: str
    format: str
    bytes: int
    sha256: str
    reflects: int
    updated_at: datetime
    expires_at: datetime

    @property
    def name(self) -> str:
        return f"{self.resource}-{self.updated_at:%Y%m%d-%H%M%S}.{self.format}"


def prepare(url: str) -> None:
    """Make what is missing, as the database's owner."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(EXPORTS_SCHEMA)
        for statement in guarded(sql.Identifier("exports", "part")):
            connection.execute(statement)


async def file_of(connection: AsyncConnection[Any], caller: Caller, id: UUID) -> File | None:
    """The file of an export, None when the caller is shown no such export. Raises NotReady, Expired."""
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute(
        sql.SQL(
            "SELECT t.state, t.why, t.expires_at FROM read.exports t WHERE t.tenant = {} AND t.id = {} AND {}"
        ).format(caller.tenant, id, belongs(caller.sight("export"), "export", "t"))
    )
    if (row := await cursor.fetchone()) is None:
        return None
    state, why, expires_at = row
    if state != "finished":
        raise NotReady(state, why)
    if expires_at < datetime.now(UTC):
        raise Expired(expires_at)
    files = connection.cursor(row_factory=class_row(File))
    await files.execute(
        "SELECT id AS export, file, resource, format, bytes, sha256, reflects, updated_at, expires_at FROM read.exports"
        " WHERE tenant = %s AND id = %s",
        [caller.tenant, id],
    )
    return await files.fetchone()


async def keep(
    connection: AsyncConnection[Any], tenant: str, export: UUID, file: UUID, number: int, part: bytes
) -> None:
    await connection.execute(
        "INSERT INTO exports.part (tenant, export, file, number, bytes) VALUES (%s, %s, %s, %s, %b)",
        [tenant, export, file, number, part],
    )


async def part_of(connection: AsyncConnection[Any], tenant: str, export: UUID, file: UUID, number: int) -> bytes | None:
    """The parts count from 0; None after the last."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        "SELECT bytes FROM exports.part WHERE tenant = %s AND export = %s AND file = %s AND number = %s",
        [tenant, export, file, number],
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


async def forget(connection: AsyncConnection[Any], tenant: str, export: UUID, file: UUID) -> None:
    """Delete a file that nobody will ask for."""
    await connection.execute(
        "DELETE FROM exports.part WHERE tenant = %s AND export = %s AND file = %s", [tenant, export, file]
    )


async def clear_away(connection: AsyncConnection[Any]) -> int:
    """Delete what has expired, and what cancelled, failed and interrupted exports have left. Answers how many parts."""
    return (await connection.execute(OVER)).rowcount
