"""Group load: streams that are asked for together are read together, with one query over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from eventlog.keys import KeyStore

BATCH = 256
"""Streams a query reads at the most."""

COLUMNS = "version, type, schema_version, occurred_at, data, personal, subject_id, partition"
EVENTS = f"""
    SELECT q.number, e.* FROM unnest(%s::text[], %s::uuid[], %s::text[]) WITH ORDINALITY AS q(tenant, id, type, number)
     CROSS JOIN LATERAL (
           SELECT {COLUMNS} FROM log.events
            WHERE tenant = q.tenant AND stream_id = q.id AND stream_type = q.type ORDER BY version) e
"""  # noqa: S608  # constants only

Asked = tuple[str, UUID, str]
"""(tenant, stream id, stream type)"""


class Loader:
    """Reads what is asked for, query after query; no timer: what is asked during one query is read by the next."""

    def __init__(
        self, connection: Callable[[], AbstractAsyncContextManager[AsyncConnection[Any]]], keys: KeyStore
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._asked: dict[Asked, asyncio.Future[list[tuple[Any, ...]]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def rows(self, asked: Asked) -> list[tuple[Any, ...]]:
        """The stream's events as rows of COLUMNS, by version; none when there is no such stream. The keys that open
        them are at hand. Raises what getting a connection raises, psycopg.Error and KeyStoreError."""
        if asked not in self._asked:
            self._asked[asked] = asyncio.get_running_loop().create_future()
        found = self._asked[asked]
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="log loader")
        return await asyncio.shield(found)  # others may wait for the same

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # let callers that are ready now join the first query
            while self._asked:
                batch = dict(list(self._asked.items())[:BATCH])
                for asked in batch:
                    del self._asked[asked]  # who asks from here on may expect to see more
                try:
                    streams = await self._read(list(batch))
                except Exception as error:
                    for future in batch.values():
                        future.set_exception(error)
                        future.exception()  # told, whether anybody still listens or not
                else:
                    for future, rows in zip(batch.values(), streams, strict=True):
                        future.set_result(rows)
        finally:
            self._task = None

    async def _read(self, batch: list[Asked]) -> list[list[tuple[Any, ...]]]:
        streams: list[list[tuple[Any, ...]]] = [[] for _ in batch]
        async with self._connection() as connection:
            cursor = connection.cursor(binary=True, row_factory=tuple_row)
            await cursor.execute(EVENTS, [list(column) for column in zip(*batch, strict=True)], prepare=True)
            for number, *row in await cursor.fetchall():
                streams[number - 1].append(tuple(row))
        self._keys.fetch({(asked[0], rows[0][6]) for asked, rows in zip(batch, streams, strict=True) if rows})
        return streams
