"""Keeps the lakehouse: every event into the facts, in small batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import duckdb
import structlog

from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.errors import LogUnavailable
from eventlog.keys import NobodysKeys
from projections.analytics import FACTS
from projections.analytics.intake import PACE_S, Intake
from projections.analytics.lake import Lake
from projections.analytics.rebuild import rebuild_fact
from workers.inbox import Inbox
from workers.lake_care import Upkeep, care
from workers.lifetime import Surroundings, Worker, connected, persist
from workers.watchdog import at_work

log = structlog.get_logger()


def analyse(upkeep: Upkeep | None = None) -> Worker:
    """The worker that keeps the lakehouse; one is enough, and of several only the partitions' owners write."""

    async def serve(around: Surroundings) -> None:
        codec = Codec(NobodysKeys())  # facts hold nothing personal, so neither need their maker see any
        await rebuild_stale(around, codec)
        async with connected(around.database_url) as reading, intake(around) as facts:
            inbox = asyncio.create_task(Inbox("analyst", facts, reading, codec, around.kafka, PACE_S).run())
            beside = [
                asyncio.create_task(facts.keep_pace()),
                asyncio.create_task(care(facts, upkeep or Upkeep())),
            ]
            try:
                await asyncio.wait([inbox, *beside], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(inbox, *beside)
            for task in (inbox, *beside):
                if not task.cancelled():
                    task.result()  # raises what ended it

    async def work(around: Surroundings) -> None:
        await persist("analyst", lambda: serve(around))

    return work


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel these and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@asynccontextmanager
async def intake(around: Surroundings) -> AsyncIterator[Intake]:
    facts = Intake(await asyncio.to_thread(Lake.open, around.database_url, around.lake_path))
    try:
        yield facts
    finally:
        await facts.close()


async def rebuild_stale(around: Surroundings, codec: Codec) -> None:
    """What another version of the code has built, this one cannot add to."""
    try:
        with await asyncio.to_thread(Lake.open, around.database_url, around.lake_path, read_only=True) as lake:
            stale = lake.stale()
        for name in stale:
            log.info("rebuilds", worker="analyst", fact=name)
            await rebuild_fact(
                around.database_url,
                around.lake_path,
                codec,
                FACTS[name],
                options=APP_ROLE,
                progress=lambda *_: at_work(),
            )
    except duckdb.Error as error:
        raise LogUnavailable(f"the lakehouse's catalog broke off: {type(error).__name__}") from error
