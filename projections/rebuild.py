"""Builds a read model anew beside the live one, proves that both are equal, and switches, while reads go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, sql

from eventlog import feed
from eventlog.codec import Codec
from projections.host import Host
from projections.projection import Projection
from projections.slot import Slot
from projections.tables import indexes_of, table_of

PAGE = 20_000
"""Events at a time: of many that concern one row, the row is written once."""

Progress = Callable[[int, int], None]
"""Told how far it is, of how far: in events where these are taken stream by stream, in positions after that."""


class Differs(Exception):
    """The live table is not what its own code makes of the log; nothing was switched."""

    def __init__(self, name: str, live: Digest, rebuilt: Digest) -> None:
        super().__init__(
            f"{name}: the live table ({live}) differs from what its code makes of the log ({rebuilt}); "
            "nothing was switched. Find out why, then rebuild with --accept-difference."
        )


@dataclass(frozen=True)
class Digest:
    """A table's content in two numbers, whatever the order of its rows."""

    rows: int
    sum: int

    def __str__(self) -> str:
        return f"{self.rows} rows, digest {self.sum % 2**64:016x}"


@dataclass(frozen=True)
class Rebuilt:
    """`live` is None when the live table was built by another version of the code, so that equality proves nothing."""

    name: str
    position: int
    live: Digest | None
    rebuilt: Digest


async def rebuild(
    url: str,
    codec: Codec,
    projection: Projection,
    *,
    accept_difference: bool = False,
    progress: Progress | None = None,
    options: str = "",
) -> Rebuilt:
    """Build `<name>_next` from the log, then, with the live table held still, catch up to its very checkpoints, compare
    digests and switch in that same transaction. Readers see the old table until then. An interrupted rebuild leaves
    the live table as it was. Raises Differs."""
    live, building = Slot(projection), Slot(projection, building=True)
    async with (
        await AsyncConnection.connect(url, autocommit=True, options=options) as connection,
        await AsyncConnection.connect(url, autocommit=True, options=options) as guard,
    ):
        if not await one_rebuild_at_a_time(guard, projection.name):
            raise AlreadyRebuilding(projection.name)
        await forget(connection, building)
        for statement in table_of(building):
            await connection.execute(statement)
        host = Host(connection, [building])
        await host.claim(await partitions_of(connection, building))
        types = [codec.type_of(event_class).name for event_class in projection.handlers]

        async def catch_up(after: int, target: int) -> None:
            async for page in feed.everything(guard, codec, after=after, up_to=target, limit=PAGE, types=types):
                await host.apply(page)
                if progress:
                    progress(page[-1].position, target)

        after = await reflected(connection, live)
        if not await filled(host, guard, codec, after, types, progress):
            await catch_up(0, after)
        for statement in indexes_of(building):  # at once is cheaper than row by row
            await connection.execute(statement)
        while after < (target := await reflected(connection, live)):
            await catch_up(after, target)
            after = target
        # The writer of the live table waits from here on; readers do not.
        differs: Differs | None = None
        async with connection.transaction():
            cursor = await connection.execute(
                "SELECT partition, position FROM read.checkpoints WHERE slot = %s ORDER BY partition FOR UPDATE",
                [live.name],
            )
            for partition, position in await cursor.fetchall():
                reached = max(after, host.checkpoint(partition))
                while page := await feed.page(
                    guard, codec, after=reached, up_to=position, partition=partition, types=types
                ):
                    await host.apply(page)
                    reached = page[-1].position
            digests = await digest(connection, live), await digest(connection, building)
            same_code = await built_by(connection, projection) == projection.version
            if same_code and digests[0] != digests[1] and not accept_difference:
                differs = Differs(projection.name, *digests)
                await forget(connection, building)
            else:
                await switch(connection, projection)
        if differs:
            raise differs
        position = await reflected(connection, live)
    return Rebuilt(projection.name, position, digests[0] if same_code else None, digests[1])


async def filled(
    host: Host,
    reading: AsyncConnection[Any],
    codec: Codec,
    up_to: int,
    types: list[str],
    progress: Progress | None,
) -> bool:
    """Fold stream by stream what happened up to a position: each row is written once, and none is read. False, and
    nothing is done, where more than one stream concerns a row, or an event cannot be folded or written: such a one is
    parked, which goes by the order of the log."""
    (building,) = host.slots
    if not building.projection.by_stream:
        return False
    done, total = 0, await count(reading, up_to, types) if progress else 0
    async with aclosing(feed.by_stream(reading, codec, up_to=up_to, types=types, limit=PAGE)) as pages:
        async for page in pages:
            if not await host.fill(page):
                await host.connection.execute(sql.SQL("TRUNCATE {}").format(building.table))
                return False
            done += len(page)
            if progress:
                progress(done, total)
    await host.reach(up_to)
    return True


async def count(connection: AsyncConnection[Any], up_to: int, types: list[str]) -> int:
    cursor = await connection.execute(
        "SELECT count(*) FROM log.events WHERE position <= %s AND type = ANY(%s)", [up_to, types]
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


class AlreadyRebuilding(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is being rebuilt already; wait for that to end.")


async def digest(connection: AsyncConnection[Any], slot: Slot) -> Digest:
    cursor = await connection.execute(
        sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t").format(slot.table)
    )
    row = await cursor.fetchone()
    assert row is not None
    return Digest(row[0], int(row[1]))


async def switch(connection: AsyncConnection[Any], projection: Projection) -> None:
    """The table built takes the live one's place and name; whoever wrote the live one is fenced."""
    live, building = Slot(projection), Slot(projection, building=True)
    await connection.execute(sql.SQL("DROP TABLE {}").format(live.table))
    await connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(building.table, sql.Identifier(live.name)))
    await connection.execute("DELETE FROM read.parked WHERE slot = %s", [live.name])
    await connection.execute("UPDATE read.parked SET slot = %s WHERE slot = %s", [live.name, building.name])
    await connection.execute(
        "UPDATE read.checkpoints SET owner = owner + 1 WHERE slot = %s",  # their positions: both tables are there
        [live.name],
    )
    await connection.execute("DELETE FROM read.checkpoints WHERE slot = %s", [building.name])
    await connection.execute(
        "UPDATE read.versions SET version = %s WHERE projection = %s", [projection.version, projection.name]
    )


async def forget(connection: AsyncConnection[Any], slot: Slot) -> None:
    """Clear away what an interrupted rebuild left."""
    await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(slot.table))
    for table in ("checkpoints", "parked"):
        rows = sql.Identifier("read", table)
        await connection.execute(sql.SQL("DELETE FROM {} WHERE slot = %s").format(rows), [slot.name])


async def one_rebuild_at_a_time(connection: AsyncConnection[Any], name: str) -> bool:
    lock = f"kronika rebuild {name}"
    cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [lock])
    row = await cursor.fetchone()
    return bool(row and row[0])


async def partitions_of(connection: AsyncConnection[Any], slot: Slot) -> list[int]:
    cursor = await connection.execute("SELECT partition FROM read.checkpoints WHERE slot = %s", [slot.name])
    return [row[0] for row in await cursor.fetchall()]


async def reflected(connection: AsyncConnection[Any], slot: Slot) -> int:
    cursor = await connection.execute("SELECT read.reflected(%s)", [slot.name])
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def built_by(connection: AsyncConnection[Any], projection: Projection) -> int:
    cursor = await connection.execute("SELECT version FROM read.versions WHERE projection = %s", [projection.name])
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
