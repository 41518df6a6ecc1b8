"""Runs analysts' SQL: each query in a process of its own, which is ended when time is up or nobody waits any more."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from uuid import UUID

import orjson
import pyarrow as pa
from pyarrow import ipc

from api.errors import BadRequest
from deploy.settings import Settings
from eventlog.envelope import Caller
from projections.cut import Cut
from projections.freshness import LakehouseAway, QueryCancelled, TooMuch
from projections.query import BadQuery

MODULE = "projections.analytics.sandbox"
AT_ONCE = 2
"""Queries that run at the same time; more wait their turn."""
START_S = 15
"""How long a process may take beyond the query's own time, to come up and to hand over the rows."""


@dataclass(frozen=True)
class Found:
    """The rows of a query, up to where the lakehouse had come in each partition, and whether there were more rows."""

    rows: pa.Table
    checkpoints: dict[int, int]
    truncated: bool


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
        known = (
            cut.known_at.isoformat() if cut.known_at is not None and not isinstance(cut.known_at, int) else cut.known_at
        )
        request = {
            "url": self._settings.database_url,
            "path": self._settings.lake_path,
            "tenant": caller.tenant,
            "sql": sql,
            "as_of": cut.as_of and cut.as_of.isoformat(),
            "known_at": known,
            "limit": limit,
            "memory_mb": megabytes(self._settings.analytics_memory),
            "seconds": self._settings.analytics_timeout_s,
        }
        task = self._running[name] = asyncio.create_task(self._run(orjson.dumps(request)))
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

    async def _run(self, request: bytes) -> Found:
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                MODULE,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR", "LANG") if name in os.environ},
            )
            try:
                async with asyncio.timeout(self._settings.analytics_timeout_s + START_S):
                    told, _ = await process.communicate(request)
            except TimeoutError:
                raise TooMuch(
                    f"This takes longer than {self._settings.analytics_timeout_s:g} seconds; ask for less."
                ) from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return await asyncio.to_thread(found, told)


def found(told: bytes) -> Found:
    head, _, rows = told.partition(b"\n")
    if not head:
        raise TooMuch("The query used up what one may; ask for less.")
    said = orjson.loads(head)
    match said.get("error"):
        case "refused":
            raise BadQuery(said["message"])
        case "too much":
            raise TooMuch(said["message"])
        case "away":
            raise LakehouseAway(said["message"])
    checkpoints = {int(partition): position for partition, position in said["checkpoints"].items()}
    return Found(ipc.open_stream(rows).read_all(), checkpoints, said["truncated"])


def megabytes(text: str) -> int:
    return int(text[:-2]) * (1_000 if text.endswith("GB") else 1)
