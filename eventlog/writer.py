"""Group commit: commands that arrive together are written together, and each is answered on its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Counted
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from prometheus_client import Counter, Histogram

from eventlog.errors import LogUnavailable
from eventlog.line import Line
from eventlog.rows import LISTS, Rows, array

LOG_LOCK = 0x6B726F6E
"""Advisory lock of the log: who holds it gives out the next positions."""

SILENCE_S = 7.0
"""How long an append may take: the server itself ends it after five seconds."""

BATCH = 512
"""Commands a flush takes at the most: keeps one commit under some 50 ms, measured."""

FEW = 16
"""So many that wait are written together. Of more, a flush takes half of all that wait or have just been answered: the
others ask again while it is under way, and neither side waits for the other."""

APPEND = (
    f"SELECT * FROM log.append({LOG_LOCK}, $1::log.asked[], $2::log.made[], $3::log.seen[], $4::log.claimed[],"  # noqa: S608  # a number of ours
    " $5::log.claimed[], $6::log.placed[])"
)
TYPES = [type_ for type_, _ in LISTS.values()]

APPENDS = Counter("kronika_appends_total", "Commands written or answered by the log, by outcome", ["outcome"])
BATCH_SIZE = Histogram(
    "kronika_append_batch_size", "Commands in one group commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
FLUSH_SECONDS = Histogram(
    "kronika_append_flush_seconds",
    "Time of one group commit",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
)


class Outcome(NamedTuple):
    """What the log says of one command; columns of log.append. See eventlog/sql/append.sql."""

    outcome: str
    detail: str | None
    stream_type: str | None
    stream_id: UUID | None
    version: int | None
    events: int | None
    position: int
    recorded_at: datetime


@dataclass(eq=False, slots=True)
class Waiting:
    """A command ready to be written, and who waits for what becomes of it."""

    rows: Rows
    deadline: float
    answer: asyncio.Future[Outcome]


class Writer:
    """Writes what is waiting, batch after batch, over one connection; no timer: what arrives during a flush is the next
    batch.

    A lost connection leaves open whether the batch was committed. It is simply sent again: a command that made it is
    recognised by its id and answered as `repeated`, never as a conflict.
    """

    def __init__(self, url: str, options: str, capacity: int = 20_000) -> None:
        self._url = url
        self._options = options
        self._capacity = capacity
        self._waiting: list[Waiting] = []
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None

    def write(self, rows: Rows, deadline: float) -> asyncio.Future[Outcome]:
        """The log's word on this command. Raises LogUnavailable when the store gave none before the deadline; then it
        may or may not have been recorded, and sending it again under the same id finds out."""
        if len(self._waiting) >= self._capacity:
            raise LogUnavailable("too many commands are waiting to be written")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(rows, deadline, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="log writer")
        return answer

    async def close(self) -> None:
        """Write what is waiting, then let go of the connection."""
        if self._task is not None:
            await self._task
        await self._disconnect()

    async def _run(self) -> None:
        answered: Answered = []
        try:
            await asyncio.sleep(0)  # let callers that are ready now join the first batch
            while self._waiting:
                batch = self._next_batch(len(answered))
                flight = asyncio.create_task(self._flushed(batch))
                tell(answered)  # once the next flush is on its way, as they may have more to ask
                answered = list(zip(batch, await flight, strict=True))
        finally:
            self._task = None
            tell(answered)

    def _next_batch(self, answered: int) -> list[Waiting]:
        """The longest-waiting commands that do not touch what another of them changes; the others keep their place in
        line. So many others have just been answered."""
        most = min(BATCH, max(FEW, (len(self._waiting) + answered) // 2))
        batch: list[Waiting] = []
        later: list[Waiting] = []
        changed: set[Hashable] = set()
        seen: set[Hashable] = set()
        for index, waiting in enumerate(self._waiting):
            if len(batch) == most:
                later.extend(self._waiting[index:])
                break
            changing, seeing = waiting.rows.changing, waiting.rows.seeing
            apart = changed.isdisjoint(changing) and changed.isdisjoint(seeing) and seen.isdisjoint(changing)
            (batch if apart else later).append(waiting)
            changed.update(changing)
            seen.update(seeing)
        self._waiting = later
        return batch

    async def _flushed(self, batch: list[Waiting]) -> list[Outcome | Exception]:
        """One outcome for each, in order. Retries over new connections while the store is away."""
        pause = 0.02
        while True:
            try:
                started = time.perf_counter()
                found = await self._flush(batch)
            except psycopg.OperationalError as error:  # away, restarting, timed out: nothing says it was not committed
                await self._disconnect()
                if time.monotonic() > max(waiting.deadline for waiting in batch):
                    return [LogUnavailable(str(error).strip() or "the store does not answer") for _ in batch]
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.5)
            except Exception as error:  # a fault of ours must not leave callers waiting for ever
                await self._disconnect()
                if len(batch) == 1:
                    return [error]
                return [outcome for one in batch for outcome in await self._flushed([one])]  # fails alone, if at all
            else:
                FLUSH_SECONDS.observe(time.perf_counter() - started)
                BATCH_SIZE.observe(len(batch))
                for outcome, count in Counted(one.outcome for one in found).items():
                    APPENDS.labels(outcome).inc(count)
                return list(found)

    async def _flush(self, batch: list[Waiting]) -> list[Outcome]:
        """One statement and one transaction, of which the server needs nothing more than this message."""
        if self._line is None:
            self._line = await Line.open(self._url, self._options, APPEND, TYPES, SILENCE_S)
        rows = [waiting.rows for waiting in batch]
        lists = [array(rows, name, number) for name, number in zip(LISTS, self._line.numbers, strict=True)]
        (_, *head), *refused = await self._line.say(lists)
        return outcomes(rows, Outcome(*head), {item: Outcome(*rest) for item, *rest in refused})

    async def _disconnect(self) -> None:
        if self._line is not None:
            with suppress(psycopg.Error):
                await self._line.close()
            self._line = None


def outcomes(batch: Sequence[Rows], head: Outcome, refused: Mapping[int, Outcome]) -> list[Outcome]:
    """What became of each command of a batch: what is recorded follows the head, in the order of the batch."""
    found = []
    position, moment = head.position, head.recorded_at
    for item, rows in enumerate(batch):
        if (outcome := refused.get(item)) is None:
            position += len(rows.made)
            outcome = Outcome("recorded", None, None, None, None, None, position, moment)
        found.append(outcome)
    return found


Answered = list[tuple[Waiting, Outcome | Exception]]


def tell(answered: Answered) -> None:
    for waiting, outcome in answered:
        if waiting.answer.done():  # the caller has gone
            continue
        if isinstance(outcome, Outcome):
            waiting.answer.set_result(outcome)
        else:
            waiting.answer.set_exception(outcome)
