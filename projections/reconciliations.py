"""What reconciling has found so far: a summary a run, and which slice is next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

COLUMNS = "began_at, sample, slice, streams, rows, differed, healed, records, missing, altered, resent"

LAST = f"SELECT {COLUMNS}, ended_at FROM read.reconciliations ORDER BY id DESC LIMIT 1"  # noqa: S608  # constants
"""The summary of the last run."""


@dataclass(frozen=True)
class Summary:
    """One run in numbers. Those of Kafka are None when it was not compared."""

    began_at: datetime
    sample: str
    slice: int | None
    streams: int
    rows: int
    differed: int
    healed: int
    records: int | None = None
    missing: int | None = None
    altered: int | None = None
    resent: int | None = None
    ended_at: datetime | None = None

    def __str__(self) -> str:
        kafka = "Kafka was not compared"
        if self.records is not None:
            kafka = f"Kafka: {self.records:,} records, {self.missing:,} missing, {self.altered:,} altered"
            kafka += f", {self.resent:,} sent again" if self.resent else ""
        return (
            f"{self.sample}: {self.streams:,} streams, {self.rows:,} rows, {self.differed:,} differed,"
            f" {self.healed:,} healed; {kafka}"
        )


async def next_slice(connection: AsyncConnection[Any], of: int) -> int:
    """The slice after the one that was looked at last."""
    cursor = await connection.execute(
        "SELECT slice + 1 FROM read.reconciliations WHERE slice IS NOT NULL ORDER BY id DESC LIMIT 1"
    )
    row = await cursor.fetchone()
    return int(row[0]) % of if row else 0


async def keep(connection: AsyncConnection[Any], summary: Summary) -> Summary:
    """Remember it; answers it with the moment at which it ended."""
    cursor = connection.cursor(row_factory=class_row(Summary))
    await cursor.execute(
        f"INSERT INTO read.reconciliations ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608  # ours
        f" RETURNING {COLUMNS}, ended_at",
        [getattr(summary, column) for column in COLUMNS.split(", ")],
    )
    kept = await cursor.fetchone()
    assert kept is not None
    return kept
