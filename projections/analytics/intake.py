"""Takes events into the lakehouse: the rows of every fact and the checkpoints in one transaction, by one owner."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import structlog
from prometheus_client import Histogram

from eventlog.envelope import Recorded
from eventlog.errors import LogUnavailable
from projections.analytics import FACTS
from projections.analytics.fact import Fact, Row
from projections.analytics.lake import Lake, one, transaction
from projections.host import Fenced

log = structlog.get_logger()
T = TypeVar("T")

PACE_S = 0.1
FULL = 20_000
"""What arrives within this time, or so many events, is committed together: one costs as much as a thousand."""

TRIES = 12
"""How often a commit that lost a race is tried again."""

COMMIT = Histogram("kronika_lake_commit_seconds", "Time to commit a batch to the lakehouse.")


class Step(NamedTuple):
    """The checkpoint of one partition moves from `before` to `position`, if it is still the owner's."""

    partition: int
    position: int
    before: int
    owner: int


class Intake:
    """Keeps all facts up to date for the partitions it has claimed; `workers.inbox.Inbox` serves it.

    Whoever claims a partition raises the owner epoch of its checkpoint. Every commit changes the checkpoint rows, on
    the condition that owner and position are as known: of two commits at once DuckLake lets one pass, and a former
    owner's finds its epoch gone and raises Fenced. Events at or below a checkpoint are passed over, so nothing is there
    twice.

    `apply` only collects; `commit`, called by `apply` when there is enough and by `keep_pace` at its pace, writes.
    Other work on the lakehouse is done after a commit, while what goes into the next one gathers.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._owners: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._collected: dict[int, int] = {}
        self._waiting: list[Recorded] = []
        self._failure: Exception | None = None
        self._writing = asyncio.Lock()
        self._aside: deque[tuple[Callable[[], object], asyncio.Future[Any]]] = deque()
        # One thread for all that touches the connection: it is no one else's, and a cancelled commit is waited for.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake")

    @property
    def partitions(self) -> set[int]:
        return set(self._owners)

    def checkpoint(self, partition: int) -> int:
        """Up to where this partition is taken in, or about to be."""
        return self._collected[partition]

    async def claim(self, partitions: Iterable[int]) -> None:
        """Become the owner of these partitions; earlier owners are fenced from here on."""
        async with self._writing:
            claimed = await self.run(self._claim, sorted(partitions))
            self._waiting = [event for event in self._waiting if event.partition not in claimed]
            for partition, (position, owner) in claimed.items():
                self._owners[partition] = owner
                self._committed[partition] = self._collected[partition] = position
            self._failure = None

    def release(self, partitions: Iterable[int]) -> None:
        """Stop writing these partitions; what is not committed is left to the next owner."""
        for partition in set(partitions) & self.partitions:
            del self._owners[partition], self._committed[partition], self._collected[partition]
        self._waiting = [event for event in self._waiting if event.partition in self._owners]

    async def apply(self, batch: Sequence[Recorded]) -> None:
        """Take in the next events of claimed partitions: per partition in order and without a hole after its
        checkpoint. Raises Fenced, and LogUnavailable when the store is away."""
        if self._failure:
            raise self._failure
        for event in batch:
            if event.position > self._collected[event.partition]:
                self._collected[event.partition] = event.position
                self._waiting.append(event)
        if len(self._waiting) >= FULL:
            await self.commit()

    async def commit(self) -> None:
        """Write what has been collected."""
        async with self._writing:
            batch, self._waiting = self._waiting, []
            if not batch:
                return
            steps = [
                Step(partition, position, self._committed[partition], self._owners[partition])
                for partition, position in {event.partition: event.position for event in batch}.items()
            ]
            try:
                await self.run(self._write, batch, steps)
            except BaseException as error:
                # What was collected since stands on what is not there, or perhaps not: begin again at the checkpoints.
                self._failure = error if isinstance(error, Exception) else LogUnavailable("a commit was given up")
                self._waiting, self._collected = [], dict(self._committed)
                raise
            self._committed.update({step.partition: step.position for step in steps if step.partition in self._owners})

    async def keep_pace(self) -> None:
        """Commit what there is, some times a second, and after each do a piece of what is to be done `aside`. What
        goes wrong with a commit, the next `apply` raises."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(Fenced, LogUnavailable):
                await self.commit()
            next_at = loop.time() + PACE_S
            if self._aside:
                await self._do(*self._aside.popleft())
            await asyncio.sleep(next_at - loop.time())

    async def aside(self, work: Callable[[], T]) -> T:
        """Do a piece of work on the lakehouse, of some tenths of a second, right after a commit."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._aside.append((work, done))
        return await done

    async def _do(self, work: Callable[[], object], done: asyncio.Future[Any]) -> None:
        try:
            answer = await self.run(work)
        except Exception as error:
            if not done.cancelled():
                done.set_exception(error)
        else:
            if not done.cancelled():
                done.set_result(answer)

    async def close(self) -> None:
        """Write what has been collected, wait for it, and let go of the lakehouse."""
        try:
            with suppress(Fenced, LogUnavailable):
                await self.commit()
        finally:
            self._thread.shutdown(wait=True)
            self.lake.close()

    async def run(self, work: Callable[..., T], *given: object) -> T:
        """Do blocking work on the lakehouse in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    # -- in the thread

    def _claim(self, partitions: list[int]) -> dict[int, tuple[int, int]]:
        def claim() -> dict[int, tuple[int, int]]:
            connection = self.lake.connection
            with transaction(connection):
                connection.execute(
                    "UPDATE lake.checkpoints SET owner = owner + 1 WHERE list_contains(?, partition)", [partitions]
                )
                found = self._standing(partitions)
            return found

        return self._racing(claim, lambda: None) if partitions else {}

    def _standing(self, partitions: list[int]) -> dict[int, tuple[int, int]]:
        rows = self.lake.connection.execute(
            "SELECT partition, position, owner FROM lake.checkpoints WHERE list_contains(?, partition)", [partitions]
        ).fetchall()
        return {partition: (position, owner) for partition, position, owner in rows}

    def _write(self, batch: list[Recorded], steps: list[Step]) -> None:
        tables, parked = rows_of(batch)

        def write() -> None:
            with transaction(self.lake.connection):
                self._advance(steps)
                for name, table in tables.items():
                    self.lake.insert(name, table)
                if parked:
                    self.lake.connection.executemany(PARK, parked)

        def look() -> None:
            """Was it ours after all, is it still ours to do, or another's?"""
            now = self._standing([step.partition for step in steps])
            if any(now[step.partition][1] != step.owner for step in steps):
                raise Fenced("another worker has taken over")
            if all(now[step.partition][0] == step.position for step in steps):
                raise Done

        with COMMIT.time():
            try:
                self._racing(write, look)
            except Done:
                log.info("a commit whose answer was lost is there", worker="analyst")

    def _advance(self, steps: list[Step]) -> None:
        columns = dict(zip(Step._fields, zip(*steps, strict=True), strict=True))
        self.lake.connection.register("steps", pa.table(columns))
        (changed,) = one(
            self.lake.connection,
            "UPDATE lake.checkpoints AS c SET position = s.position FROM steps s"
            " WHERE c.partition = s.partition AND c.owner = s.owner AND c.position = s.before",
        )
        self.lake.connection.unregister("steps")
        if changed != len(steps):
            raise Fenced(f"{len(steps) - changed} of {len(steps)} checkpoints belong to another worker now")

    def _racing(self, work: Callable[[], T], after_losing: Callable[[], None]) -> T:
        """Do a transaction's work, again when another's commit came first or the answer was lost."""
        for attempt in range(TRIES):
            try:
                if attempt:
                    after_losing()
                return work()
            except duckdb.Error as error:
                if attempt == TRIES - 1:
                    raise LogUnavailable(f"the lakehouse does not take a commit: {type(error).__name__}") from error
                log.info("commits again", worker="analyst", attempt=attempt, error=type(error).__name__)
                time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  # no secret
        raise AssertionError


class Done(Exception):
    """The commit had taken effect before its answer was lost."""


Parking = tuple[str, int, str, int, str, str, str]
"""A row of lake.parked."""

PARK = "INSERT INTO lake.parked VALUES (?, ?, ?, ?, ?, ?, ?)"


def rows_of(batch: Sequence[Recorded]) -> tuple[dict[str, pa.Table], list[Parking]]:
    """What a batch adds to each fact, and the events that some fact cannot take in."""
    tables, parked = {}, []
    for name, fact in FACTS.items():
        rows, refused = rows_for(fact, batch)
        parked += refused
        if rows:
            tables[name] = rows
    return tables, parked


def rows_for(fact: Fact, batch: Sequence[Recorded]) -> tuple[pa.Table | None, list[Parking]]:
    """The rows of one fact; when they cannot be made all at once, event by event."""
    try:
        rows = [row for recorded in batch for row in fact.rows(recorded)]
        return (fact.table(rows) if rows else None), []
    except Exception:  # whatever a fact's code raises: one event must not stop the others
        if len(batch) == 1:
            return None, [parking(fact, batch[0])]
        middle = len(batch) // 2
        (left, parked), (right, more) = rows_for(fact, batch[:middle]), rows_for(fact, batch[middle:])
        tables = [table for table in (left, right) if table is not None]
        return (pa.concat_tables(tables) if tables else None), parked + more


def parking(fact: Fact, recorded: Recorded) -> Parking:
    """What went wrong, without the values."""
    try:
        rows: list[Row] = fact.rows(recorded)
        fact.table(rows)
        error = ""
    except Exception as raised:
        error = f"{type(raised).__name__} in the rows of {fact.name}"
    log.error("event parked", fact=fact.name, position=recorded.position, error=error)
    where = (recorded.position, recorded.tenant, recorded.partition, str(recorded.event_id), recorded.type)
    return (fact.name, *where, error)
