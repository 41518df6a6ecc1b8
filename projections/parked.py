"""Events that a read model could not take in: which they are, leaving one out for good, and taking them in again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from projections.cut import NOW, Cut
from projections.freshness import ParkedRead
from projections.history import stream_shown
from projections.host import Host
from projections.projection import Projection
from projections.slot import Slot


@dataclass(frozen=True)
class Parked:
    """One parked event. `error` says why it could not be taken in; None when it only waits behind another."""

    slot: str
    position: int
    key: str
    tenant: str
    partition: int
    event_id: UUID
    type: str
    error: str | None
    parked_at: datetime


@dataclass(frozen=True)
class Replayed:
    """How many parked events were taken in, and how many had to be parked again."""

    taken_in: int
    parked_again: int


async def parked(
    connection: AsyncConnection[Any], projection: str | None = None, position: int | None = None
) -> list[Parked]:
    """What is parked, of one read model or all, in order."""
    cursor = connection.cursor(row_factory=class_row(Parked))
    await cursor.execute(
        "SELECT slot, position, key, tenant, partition, event_id, type, error, parked_at FROM read.parked"
        " WHERE slot = coalesce(%s, slot) AND position = coalesce(%s, position) ORDER BY slot, position",
        [projection, position],
    )
    return await cursor.fetchall()


async def parked_from_the_first(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, kind: str, id: UUID, cut: Cut = NOW
) -> ParkedRead | None:
    """Why there is nothing to show of what the caller may see, where the event by which it came to be could not be
    taken in."""
    events = cut.of(await stream_shown(connection, codec, caller, kind, id))
    if not events or not (events[0].event is None or await parked(connection, position=events[0].position)):
        return None
    return ParkedRead(kind, events[0].position, events[0].event_id)


async def leave_out(connection: AsyncConnection[Any], projection: str, position: int, actor: str, reason: str) -> None:
    """Repair: this read model passes the event over, now and in every rebuild. The log keeps it, as ever; who decided
    so and why is kept too."""
    await connection.execute(
        "INSERT INTO read.skipped (projection, position, actor, reason) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (projection, position) DO UPDATE SET actor = excluded.actor, reason = excluded.reason",
        [projection, position, actor, reason],
    )


async def replay(connection: AsyncConnection[Any], codec: Codec, projection: Projection) -> Replayed:
    """Take in what is parked of a read model, row by row, each row in a transaction of its own. The projector, should
    it run, waits meanwhile: both hold the partition's checkpoint while they write."""
    slot = Slot(projection)
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute("SELECT DISTINCT key, partition FROM read.parked WHERE slot = %s ORDER BY key", [slot.name])
    taken_in = parked_again = 0
    for key, partition in await cursor.fetchall():
        async with connection.transaction():
            await connection.execute(
                "SELECT FROM read.checkpoints WHERE slot = %s AND partition = %s FOR UPDATE", [slot.name, partition]
            )
            cursor = await connection.execute(
                "WITH gone AS (DELETE FROM read.parked WHERE slot = %s AND key = %s RETURNING position)"
                " SELECT position, EXISTS (SELECT FROM read.skipped s"
                " WHERE s.projection = %s AND s.position = gone.position) FROM gone ORDER BY position",
                [slot.name, key, projection.name],
            )
            waiting = await cursor.fetchall()
            events = await feed.at(connection, codec, [position for position, skipped in waiting if not skipped])
            again = 0
            if events:
                again = await Host(connection, [slot]).refold(slot, {projection.key(events[0]): events})
            taken_in += len(events) - again
            parked_again += again
    return Replayed(taken_in, parked_again)
