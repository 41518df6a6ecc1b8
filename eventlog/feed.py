"""Reads the log in order: pages from a position, by partition, tenant or stream; and the message form Kafka carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct
from msgspec.json import Decoder
from msgspec.structs import astuple
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg.types.json import set_json_loads

from eventlog.codec import Codec
from eventlog.envelope import Recorded, Source

set_json_loads(orjson.loads)  # psycopg's own choice is a third of what decoding a page costs

COLUMNS = (
    "position, tenant, stream_type, stream_id, version, partition, subject_id, event_id, type, schema_version,"
    " recorded_at, occurred_at, actor, on_behalf_of, reason, correlation_id, causation_id, command_id, trace,"
    " source"
)
STORED = ", data::text, personal::text"
PAGE = 2_000
OVERDUE_S = 2.0


class Message(Struct, gc=False):
    """What a Kafka record carries: a row of the log, COLUMNS and what is stored. An earlier release may have said less
    of the envelope."""

    position: int
    tenant: str
    stream_type: str
    stream_id: UUID
    version: int
    partition: int
    subject_id: UUID
    event_id: UUID
    type: str
    schema_version: int
    recorded_at: datetime
    occurred_at: datetime
    actor: str
    on_behalf_of: str | None
    reason: str | None
    correlation_id: UUID
    causation_id: UUID | None
    command_id: str
    trace: str | None
    source: dict[str, Any] | None = None
    data: dict[str, Any] = {}
    personal: dict[str, str] | None = None


MESSAGE = Decoder(Message)


async def page(
    connection: AsyncConnection[Any],
    codec: Codec,
    *,
    after: int,
    limit: int = PAGE,
    up_to: int | None = None,
    partition: int | None = None,
    tenant: str | None = None,
    types: list[str] | None = None,
) -> list[Recorded]:
    """The next recorded events (of these types) with position > after (and <= up_to), in order, at most `limit`."""
    return all_recorded(
        await rows(connection, COLUMNS + ", data, personal", after, limit, up_to, partition, tenant, types), codec
    )


async def next_of(
    connection: AsyncConnection[Any], codec: Codec, after: Mapping[int, int], *, each: int
) -> list[Recorded]:
    """The next recorded events of several partitions, in order: of each those with a greater position than it has in
    `after`, at most so many."""
    columns = f"e.{COLUMNS}, data, personal".replace(", ", ", e.")
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        f"SELECT {columns} FROM unnest(%s::smallint[], %s::bigint[]) AS c(partition, done)"  # noqa: S608  # constants
        " CROSS JOIN LATERAL (SELECT * FROM log.events WHERE partition = c.partition AND position > c.done"
        " ORDER BY position LIMIT %s) e ORDER BY e.position",
        [list(after), list(after.values()), each],
        prepare=True,
    )
    return all_recorded(await cursor.fetchall(), codec)


async def messages(
    connection: AsyncConnection[Any], *, after: int, limit: int
) -> list[tuple[int, int, UUID, str | None, bytes]]:
    """As `page`, but as (position, partition, subject id, trace, message body without `previous`): personal fields stay
    sealed and the stored bytes are kept."""
    return as_messages(await rows(connection, COLUMNS + STORED, after, limit, None, None, None))


async def coming(
    connection: AsyncConnection[Any], *, after: int, limit: int, patience_s: float
) -> list[tuple[int, int, UUID, str | None, bytes]]:
    """As `messages`; where there are none they are waited for, so long at the most.

    The server waits by its clock: where that is set back meanwhile, a hundredth of a second may be an hour. So whoever
    has had no answer `OVERDUE_S` later waits no longer."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    try:
        async with asyncio.timeout(patience_s + OVERDUE_S):
            await cursor.execute(
                f"SELECT {COLUMNS}{STORED} FROM log.coming(%s, %s, %s)",  # noqa: S608  # constants
                [after, limit, patience_s],
                prepare=True,
            )
    except TimeoutError:
        return await messages(connection, after=after, limit=limit)
    return as_messages(await cursor.fetchall())


def as_messages(rows: list[tuple[Any, ...]]) -> list[tuple[int, int, UUID, str | None, bytes]]:
    return [(row[0], row[5], row[6], row[18], message(row)) for row in rows]


async def messages_at(connection: AsyncConnection[Any], positions: list[int]) -> dict[int, tuple[int, UUID, bytes]]:
    """As `messages`, those at these positions: (partition, subject id, message body) by position."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        f"SELECT {COLUMNS}{STORED} FROM log.events WHERE position = ANY(%s)",  # noqa: S608  # constants
        [positions],
    )
    return {row[0]: (row[5], row[6], message(row)) for row in await cursor.fetchall()}


async def stream(connection: AsyncConnection[Any], codec: Codec, tenant: str, stream_id: UUID) -> list[Recorded]:
    """Every event of one stream, by version."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        f"SELECT {COLUMNS}, data, personal FROM log.events WHERE tenant = %s AND stream_id = %s ORDER BY version",  # noqa: S608  # constants
        [tenant, stream_id],
    )
    return [recorded(row, codec) for row in await cursor.fetchall()]


async def streams(
    connection: AsyncConnection[Any], codec: Codec, tenant: str, stream_ids: list[UUID], *, up_to: int = 2**63 - 1
) -> dict[UUID, list[Recorded]]:
    """Every event of these streams (with position <= up_to), by version."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        f"SELECT {COLUMNS}, data, personal FROM log.events"  # noqa: S608  # constants
        " WHERE tenant = %s AND stream_id = ANY(%s) AND position <= %s ORDER BY version",
        [tenant, stream_ids, up_to],
    )
    found: dict[UUID, list[Recorded]] = {}
    for row in await cursor.fetchall():
        found.setdefault(row[3], []).append(recorded(row, codec))
    return found


async def at(connection: AsyncConnection[Any], codec: Codec, positions: list[int]) -> list[Recorded]:
    """The events at these positions, in order."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        f"SELECT {COLUMNS}, data, personal FROM log.events WHERE position = ANY(%s) ORDER BY position",  # noqa: S608  # constants
        [positions],
    )
    return [recorded(row, codec) for row in await cursor.fetchall()]


async def everything(
    connection: AsyncConnection[Any],
    codec: Codec,
    *,
    after: int = 0,
    up_to: int | None = None,
    limit: int = PAGE,
    types: list[str] | None = None,
) -> AsyncIterator[list[Recorded]]:
    """All pages from a position to the head (or `up_to`); the next is fetched while one is worked on."""

    def fetch(after: int) -> asyncio.Task[list[Recorded]]:
        return asyncio.create_task(page(connection, codec, after=after, up_to=up_to, limit=limit, types=types))

    coming = fetch(after)
    try:
        while found := await coming:
            coming = fetch(found[-1].position)
            yield found
    finally:
        coming.cancel()


async def by_stream(
    connection: AsyncConnection[Any], codec: Codec, *, up_to: int, types: list[str], limit: int = PAGE
) -> AsyncGenerator[list[Recorded], None]:
    """All events of these types with position <= up_to, stream by stream and in the order of each: a page has all of
    some streams, some `limit` events. The connection is in a transaction meanwhile."""
    async with connection.transaction(), connection.cursor("by_stream", binary=True, row_factory=tuple_row) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS}, data, personal FROM log.events WHERE position <= %s AND type = ANY(%s)"  # noqa: S608  # constants
            " ORDER BY tenant, stream_id, version",
            [up_to, types],
        )

        def fetch() -> asyncio.Task[list[tuple[Any, ...]]]:
            return asyncio.create_task(cursor.fetchmany(limit))

        begun: list[tuple[Any, ...]] = []  # the stream that the next rows may belong to
        coming = fetch()
        try:
            while found := await coming:
                coming = fetch()
                rows = begun + found
                last, whole = rows[-1][3], len(rows)
                while whole and rows[whole - 1][3] == last:
                    whole -= 1
                begun = rows[whole:]
                if whole:
                    yield all_recorded(rows[:whole], codec)
            if begun:
                yield all_recorded(begun, codec)
        finally:
            coming.cancel()
            await asyncio.wait({coming})


async def head(connection: AsyncConnection[Any]) -> int:
    """The last position of the log, 0 when it is empty."""
    cursor = await connection.execute("SELECT coalesce(max(position), 0) FROM log.events")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def rows(
    connection: AsyncConnection[Any],
    columns: str,
    after: int,
    limit: int,
    up_to: int | None,
    partition: int | None,
    tenant: str | None,
    types: list[str] | None = None,
) -> list[tuple[Any, ...]]:
    where: list[str] = ["position > %s"]
    values: list[int | str | list[str]] = [after]
    for condition, value in (
        ("position <= %s", up_to),
        ("partition = %s::smallint", partition),
        ("tenant = %s", tenant),
        ("type = ANY(%s)", types),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        f"SELECT {columns} FROM log.events WHERE {' AND '.join(where)} ORDER BY position LIMIT %s",  # noqa: S608  # constants only
        [*values, limit],
        prepare=True,
    )
    return await cursor.fetchall()


def all_recorded(rows: list[tuple[Any, ...]], codec: Codec) -> list[Recorded]:
    """Such rows as recorded events; the keys that open what they say are looked up together."""
    people = {
        (row[1], row[6].int): (row[1], row[6]) for row in rows if row[21] is not None
    }  # the hash of a number is its own
    codec.keys.fetch(people.values())
    return [recorded(row, codec) for row in rows]


def recorded(row: tuple[Any, ...], codec: Codec) -> Recorded:
    """One row of COLUMNS, data, personal as the recorded event."""
    data, personal = row[20], row[21]
    read = codec.read(row[8], row[9], row[1], row[3], row[4], row[6], row[11], data, personal)
    return Recorded(*(*row[:19], *read, Source.read(row[19])))


def message(row: tuple[Any, ...]) -> bytes:
    body = dict(zip(COLUMNS.split(", "), row[:20], strict=True))
    personal = orjson.Fragment(row[21]) if row[21] is not None else None
    return orjson.dumps(body | {"data": orjson.Fragment(row[20]), "personal": personal})


def from_messages(bodies: Iterable[bytes], codec: Codec) -> list[Recorded]:
    """The recorded events that Kafka records carry."""
    return all_recorded([astuple(MESSAGE.decode(body)) for body in bodies], codec)
