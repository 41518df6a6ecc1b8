"""The access log: who was shown what of whom, or was refused it; on disk before the answer leaves."""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Counted
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from struct import Struct
from uuid import UUID

import psycopg
from prometheus_client import Counter, Histogram
from psycopg.postgres import types
from uuid_utils.compat import uuid7

from eventlog.connections import APP_ROLE
from eventlog.line import Line, Rows
from eventlog.rows import ARRAY, COLUMN, UUID_TYPE, moment, text, uuid, word

OPTIONS = f"{APP_ROLE} -c synchronous_commit=on -c statement_timeout=5000 -c plan_cache_mode=force_generic_plan"
SILENCE_S = 7.0
PATIENCE_S = 5.0
"""How long an answer waits for a store that is away; then it does not leave."""
CAPACITY = 20_000
BATCH = 1_000
TURNS = 4
"""For so many turns of the event loop a batch waits for company. Where little is asked they take no time; where much
is, answers become ready in each of them, and the more go together the less each costs."""

COLUMNS = (
    *("tenant", "id", "at", "actor", "key", "route", "outcome", "objects", "fields", "purpose", "position"),
    *("correlation_id", "trace"),
)
INSERT = (
    f"INSERT INTO log.accesses ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)}"  # noqa: S608  # names of our own
    " FROM unnest($1::log.accessed[]) ON CONFLICT DO NOTHING"
)

RECORDED = Counter("kronika_accesses_total", "Accesses recorded, by outcome", ["outcome"])
recorded = cache(RECORDED.labels)  # looking a label up costs more than counting
FLUSH_SECONDS = Histogram(
    "kronika_access_flush_seconds",
    "Time of one group commit of accesses",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
)


class Unrecorded(Exception):
    """It cannot be recorded at the moment that this is asked, so it is not answered; ask again shortly."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who was shown what, or was refused it. `route` says what was asked without what stood in it, which may be
    personal; `objects` is what was asked about and all that was shown; `fields` names those that were asked for, where
    not all were."""

    tenant: str
    actor: str
    route: str
    outcome: str
    objects: Sequence[UUID]
    correlation_id: UUID
    key: str | None = None
    fields: str | None = None
    purpose: str | None = None
    position: int | None = None
    trace: str | None = None
    id: UUID = field(default_factory=uuid7)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


Said = asyncio.Future[Rows]
Waiting = tuple[Sequence[Access], asyncio.Future[None]]


class Accesses:
    """Writes what is waiting, batch after batch, over one connection; no timer: what arrives during a flush is the next
    batch. Of a commit whose reply was lost nothing is known, so it is sent again: what is there already stays as it is.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[Waiting] = []
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None

    async def record(self, accesses: Sequence[Access]) -> None:
        """Returns when they are on disk. Raises Unrecorded when that is not certain."""
        await self.begin(accesses)

    def begin(self, accesses: Sequence[Access], *, alone: bool = False) -> asyncio.Future[None]:
        """Have them written; done when they are on disk. Raises Unrecorded, as the future does, when that is not
        certain. Who is `alone` in being answered has no company to wait for: they are on their way at once."""
        if len(self._waiting) >= CAPACITY:
            raise Unrecorded("Too many answers are waiting to be recorded; ask again shortly.")
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((accesses, written))
        if self._task is None:
            begun = None
            if alone and self._line:
                with suppress(Exception):  # what is wrong with it is told when it is tried again
                    begun = self._said(accesses)
            self._task = asyncio.create_task(self._run(0 if alone else TURNS, begun), name="access log")
        return written

    async def close(self) -> None:
        """Write what is waiting, then let go of the connection."""
        if self._task is not None:
            await self._task
        await self._disconnect()

    async def _run(self, turns: int, begun: Said | None) -> None:
        """`begun`: what waits first is being written already, alone."""
        try:
            while self._waiting:
                for _ in range(turns):
                    await asyncio.sleep(0)
                turns, most = TURNS, 1 if begun else BATCH
                batch, self._waiting = self._waiting[:most], self._waiting[most:]
                await self._answer(batch, begun)
                begun = None
        finally:
            self._task = None

    async def _answer(self, batch: list[Waiting], begun: Said | None = None) -> None:
        error = await self._written([access for accesses, _ in batch for access in accesses], begun)
        if len(batch) > 1 and error is not None and not isinstance(error, Unrecorded):
            for one in batch:  # whichever is at fault fails alone
                await self._answer([one])
            return
        for _, written in batch:
            if written.done():  # whoever asked has gone
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)
        if error is None:
            asyncio.get_running_loop().call_soon(count, batch)  # whoever waits goes first

    async def _written(self, accesses: list[Access], begun: Said | None) -> Exception | None:
        """None when all of them are on disk. Retries over new connections while the store is away."""
        deadline, pause = time.monotonic() + PATIENCE_S, 0.02
        while True:
            began = time.perf_counter()
            try:
                said, begun = begun, None
                if said is None:
                    await self._connect()
                    said = self._said(accesses)
                await said
            except psycopg.Error as error:
                await self._disconnect()
                if isinstance(error, psycopg.DataError):
                    return error
                if time.monotonic() > deadline or not isinstance(error, psycopg.OperationalError):
                    return Unrecorded("What is read is recorded, and that cannot be done now; ask again shortly.")
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.5)
            except Exception as error:  # a fault of ours must not leave anybody waiting for ever
                await self._disconnect()
                return error
            else:
                FLUSH_SECONDS.observe(time.perf_counter() - began)
                return None

    def _said(self, accesses: Sequence[Access]) -> Said:
        """Send them as one statement and one transaction; to be awaited, or to be told what went wrong."""
        assert self._line is not None
        rows = [row_of(access) for access in accesses]
        parts = [part for row in rows for part in (ELEMENT(len(row) + 4, len(COLUMNS)), row)]
        return self._line.say([ARRAY(1, 0, self._line.numbers[0], len(rows), 1) + b"".join(parts)])

    async def _connect(self) -> None:
        if self._line is None:
            self._line = await Line.open(self._url, OPTIONS, INSERT, ["log.accessed"], SILENCE_S)

    async def _disconnect(self) -> None:
        if self._line is not None:
            with suppress(psycopg.Error):
                await self._line.close()
            self._line = None


def count(batch: Sequence[Waiting]) -> None:
    for outcome, times in Counted(access.outcome for accesses, _ in batch for access in accesses).items():
        recorded(outcome).inc(times)


ELEMENT = Struct(">ii").pack  # of a list of rows: how long it is, and how many columns it has
UUIDS = types["uuid"].array_oid
SIXTEEN = (16).to_bytes(4, "big")


def row_of(access: Access) -> bytes:
    """The columns, in PostgreSQL's binary form."""
    return b"".join(
        (
            word(access.tenant),
            uuid(access.id),
            moment(access.at),
            word(access.actor),
            text(access.key),
            word(access.route),
            word(access.outcome),
            uuids(access.objects),
            text(access.fields),
            text(access.purpose),
            NO_POSITION if access.position is None else POSITION(BIG, 8, access.position),
            uuid(access.correlation_id),
            text(access.trace),
        )
    )


BIG = types["int8"].oid
POSITION = Struct(">iiq").pack
NO_POSITION = COLUMN(BIG, -1)


def uuids(values: Sequence[UUID]) -> bytes:
    if not values:
        return COLUMN(UUIDS, 12) + EMPTY
    listed = ARRAY(1, 0, UUID_TYPE, len(values), 1) + SIXTEEN + SIXTEEN.join([value.bytes for value in values])
    return COLUMN(UUIDS, len(listed)) + listed


EMPTY = Struct(">iiI").pack(0, 0, UUID_TYPE)
