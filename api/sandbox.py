"""Analysts' SQL as this process runs it: some at a time, each known by its id, by which it can be cancelled."""

from __future__ import annotations

import asyncio
from uuid import UUID

from api.errors import BadRequest
from deploy.settings import Settings
from eventlog.envelope import Caller
from projections.analytics.sandbox import asking
from projections.analytics.sandbox.asking import Found, Room
from projections.cut import Cut
from projections.freshness import QueryCancelled

AT_ONCE = 2
"""Queries that run at the same time; more wait their turn."""


class Sandbox:
    """The queries of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._running: dict[tuple[str, UUID], asyncio.Task[Found]] = {}

    async def ask(self, caller: Caller, id: UUID, sql: str, cut: Cut, limit: int) -> Found:
        """Raises BadQuery, BadRequest, TooMuch, LakehouseAway, QueryCancelled."""
        name = caller.tenant, id
        if name in self._running:
            raise BadRequest("A query of this id is running; choose another one.")
        task = self._running[name] = asyncio.create_task(self._run(caller, sql, cut, limit))
        try:
            await asyncio.wait([task])
            if task.cancelled():
                raise QueryCancelled("The query was cancelled.")
            return task.result()
        finally:
            task.cancel()
            del self._running[name]

    def cancel(self, caller: Caller, id: UUID) -> bool:
        """False when no such query of this tenant's is running here."""
        task = self._running.get((caller.tenant, id))
        return task is not None and task.cancel()

    async def _run(self, caller: Caller, sql: str, cut: Cut, limit: int) -> Found:
        settings = self._settings
        assert settings.database_url
        room = Room(settings.database_url, settings.lake_path, settings.analytics_memory, settings.analytics_timeout_s)
        async with self._turn:
            return await asking.ask(room, caller, sql, cut, limit)
