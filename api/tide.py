"""Waiting for a position: one question to the store, asked again and again for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from projections.freshness import NotFreshYet

LOG = "the log"
"""Stands among the names of read models for the log itself, which reflects its head."""

POLL_S = 0.005
"""How often the store is asked while somebody waits."""


@dataclass(eq=False)
class Waiter:
    names: Sequence[str]
    position: int
    arrived: asyncio.Future[int]


class Tide:
    """How far the log and each read model have come, for those who wait until it is far enough."""

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]]) -> None:
        self._connection = connection
        self._waiters: set[Waiter] = set()
        self._watch: asyncio.Task[None] | None = None
        self._ebb = False

    async def at_least(self, names: Sequence[str], position: int, wait_s: float) -> int:
        """Wait until all of these reflect `position`; answers the position they reflect then. Raises NotFreshYet."""
        now = await self.least(names)
        if now >= position:
            return now
        if wait_s > 0 and not self._ebb:
            waiter = Waiter(names, position, asyncio.get_running_loop().create_future())
            self._waiters.add(waiter)
            if self._watch is None:
                self._watch = asyncio.create_task(self._watching(), name="tide")
            try:
                async with asyncio.timeout(wait_s):  # Python 3.11's wait_for can swallow a cancellation
                    return await waiter.arrived
            except TimeoutError:
                now = await self.least(names)
                if now >= position:
                    return now
            finally:
                self._waiters.discard(waiter)
        raise NotFreshYet(", ".join(names), position, now)

    def end(self) -> None:
        """Nobody waits any longer: the process is about to stop."""
        self._ebb = True
        for waiter in self._waiters:
            if not waiter.arrived.done():
                waiter.arrived.set_exception(TimeoutError())

    async def _watching(self) -> None:
        try:
            while self._waiters:
                await asyncio.sleep(POLL_S)
                try:
                    wanted = {name for waiter in self._waiters for name in waiter.names}
                    async with self._connection() as connection:
                        self._tell(await levels(connection, wanted))
                except Exception as error:  # whoever waits is told that the store is away; the next to wait asks anew
                    for waiter in self._waiters:
                        if not waiter.arrived.done():
                            waiter.arrived.set_exception(error)
                    return
        finally:
            self._watch = None

    def _tell(self, levels: dict[str, int]) -> None:
        for waiter in self._waiters:
            # Who came while the question was being answered may wait for a name that it did not hold.
            now = min(levels.get(name, -1) for name in waiter.names)
            if now >= waiter.position and not waiter.arrived.done():
                waiter.arrived.set_result(now)

    async def least(self, names: Sequence[str] = (LOG,), connection: AsyncConnection[Any] | None = None) -> int:
        """The position that all of these reflect now."""
        if connection is None:
            async with self._connection() as connection:
                return await self.least(names, connection)
        return min((await levels(connection, names)).values())


async def levels(connection: AsyncConnection[Any], names: Iterable[str]) -> dict[str, int]:
    """The position that each of these reflects now."""
    return dict(await (await asked_levels(connection, names)).fetchall())


async def asked_levels(connection: AsyncConnection[Any], names: Iterable[str]) -> AsyncCursor[Any]:
    """The question under way, as rows of name and position; in a pipeline nothing waits for it."""
    return await connection.execute(
        "SELECT name, CASE WHEN name = %s THEN log.head()"
        " ELSE read.reflected(name) END FROM unnest(%s::text[]) AS name",
        [LOG, list(names)],
        prepare=True,
    )


def least(rows: Iterable[tuple[str, int]]) -> int:
    """The position that all of these reflect."""
    return min(position for _, position in rows)
