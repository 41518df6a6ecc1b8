"""Builds a fact anew beside the live one and switches; and compares the facts with the log, count by count."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import structlog
from psycopg import AsyncConnection

from eventlog import feed
from eventlog.codec import Codec, event_types
from eventlog.envelope import Recorded
from eventlog.errors import LogUnavailable
from projections.analytics import FACTS
from projections.analytics.fact import Fact
from projections.analytics.intake import PARK, Parking, rows_for
from projections.analytics.lake import Lake, checkpoints, one, reflected, transaction
from projections.rebuild import AlreadyRebuilding, Differs, Digest, Progress, Rebuilt, one_rebuild_at_a_time

log = structlog.get_logger()

FULL = 20_000
SWITCHES = 10
"""How often the switch is tried, should another commit come first."""


async def rebuild_fact(
    url: str,
    path: str,
    codec: Codec,
    fact: Fact,
    *,
    accept_difference: bool = False,
    progress: Progress | None = None,
    options: str = "",
) -> Rebuilt:
    """Build `<name>_next` from the log; compare it with the live fact, row for row by digest; and switch in one
    transaction. Readers see the old one until then. An interrupted rebuild leaves the live one as it was.

    The analyst goes on until the last moment; then it is fenced, and comes back some seconds later. Raises Differs,
    AlreadyRebuilding.
    """
    async with (
        await AsyncConnection.connect(url, autocommit=True, options=options) as guard,
        await AsyncConnection.connect(url, autocommit=True, options=options) as connection,
    ):
        if not await one_rebuild_at_a_time(guard, f"lake.{fact.name}"):
            raise AlreadyRebuilding(fact.name)
        with Lake.open(url, path) as lake:
            return await Rebuild(lake, connection, codec, fact, progress).run(accept_difference)


class Rebuild:
    """One rebuild of one fact."""

    def __init__(
        self, lake: Lake, connection: AsyncConnection[Any], codec: Codec, fact: Fact, progress: Progress | None
    ) -> None:
        self.lake, self.connection, self.codec, self.fact, self.progress = lake, connection, codec, fact, progress
        self.next = f"{fact.name}_next"
        self.parked: dict[int, Parking] = {}  # by position: a switch that is tried again parks the same again
        self.after = 0

    async def run(self, accept_difference: bool) -> Rebuilt:
        self.lake.connection.execute(f"DROP TABLE IF EXISTS lake.{self.next}")
        self.lake.create(self.fact, self.next)
        await self.catch_up()
        same_code = self.built_by() == self.fact.version
        # All rows up to here are in both. What comes later is few, and compared in the switch itself.
        settled = self.digests(f"position <= {self.after}") if same_code else None
        for attempt in range(SWITCHES):
            try:
                with transaction(self.lake.connection):
                    return await self.switch(settled, accept_difference)
            except duckdb.Error as error:
                log.info("switches again", fact=self.fact.name, attempt=attempt, error=type(error).__name__)
                await self.fence()
        raise LogUnavailable(f"the rebuilt {self.fact.name} could not be switched to: other commits kept coming first")

    async def fence(self) -> None:
        """Have whoever writes stand back for some seconds, by a commit so small that it comes between two of theirs."""
        for _ in range(SWITCHES):
            try:
                self.lake.connection.execute("UPDATE lake.checkpoints SET owner = owner + 1")
            except duckdb.Error:
                await asyncio.sleep(0.1)
            else:
                return

    async def catch_up(self) -> None:
        while self.after < (target := await reflected(self.connection, self.lake.checkpoints())):
            collected: list[Recorded] = []
            async for page in feed.everything(self.connection, self.codec, after=self.after, up_to=target):
                collected += page
                if len(collected) >= FULL:
                    self.take_in(collected)
                    collected = []
                    if self.progress:
                        self.progress(page[-1].position, target)
            self.take_in(collected)
            self.after = target
            if self.progress:
                self.progress(target, target)

    def take_in(self, batch: Sequence[Recorded]) -> None:
        rows, parked = rows_for(self.fact, batch)
        self.parked |= {parking[1]: parking for parking in parked}
        if rows is not None:
            self.lake.insert(self.next, rows)

    async def switch(self, settled: tuple[Digest, Digest] | None, accept_difference: bool) -> Rebuilt:
        """Fence whoever writes, add what came meanwhile, compare, and let the new table take the live one's place."""
        self.lake.connection.execute("UPDATE lake.checkpoints SET owner = owner + 1")
        reached = checkpoints(self.lake.connection)
        for partition, position in reached.items():
            after, connection, codec = self.after, self.connection, self.codec
            while page := await feed.page(connection, codec, after=after, up_to=position, partition=partition):
                self.take_in(page)
                after = page[-1].position
        live = rebuilt = None
        if settled:
            live, rebuilt = (add(*pair) for pair in zip(settled, self.digests(f"position > {self.after}"), strict=True))
            if live != rebuilt and not accept_difference:
                raise Differs(self.fact.name, live, rebuilt)
        rebuilt = rebuilt or digest(self.lake.connection, self.next, "true")
        self.take_place()
        return Rebuilt(self.fact.name, await reflected(self.connection, reached), live, rebuilt)

    def take_place(self) -> None:
        name, connection = self.fact.name, self.lake.connection
        connection.execute(f"DROP TABLE lake.{name}")
        connection.execute(f"ALTER TABLE lake.{self.next} RENAME TO {name}")
        connection.execute("DELETE FROM lake.parked WHERE fact = ?", [name])
        if self.parked:
            connection.executemany(PARK, list(self.parked.values()))
        connection.execute("DELETE FROM lake.versions WHERE fact = ?", [name])
        connection.execute("INSERT INTO lake.versions VALUES (?, ?)", [name, self.fact.version])

    def built_by(self) -> int | None:
        query = "SELECT version FROM lake.versions WHERE fact = ?"
        row = self.lake.connection.execute(query, [self.fact.name]).fetchone()
        return row[0] if row else None

    def digests(self, which: str) -> tuple[Digest, Digest]:
        return digest(self.lake.connection, self.fact.name, which), digest(self.lake.connection, self.next, which)


def digest(connection: duckdb.DuckDBPyConnection, table: str, which: str) -> Digest:
    """Of a table's rows, whatever their order."""
    query = f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0)::HUGEINT FROM lake.{table} t WHERE {which}"  # noqa: S608  # our own text
    return Digest(*one(connection, query))


def add(one: Digest, other: Digest) -> Digest:
    return Digest(one.rows + other.rows, one.sum + other.sum)


@dataclass(frozen=True)
class Reconciled:
    """One fact beside the log, both up to the same position: rows, and the sum of one column."""

    fact: str
    summed: str
    rows: int
    sum: Decimal
    rows_in_log: int
    sum_in_log: Decimal

    @property
    def agrees(self) -> bool:
        return (self.rows, self.sum) == (self.rows_in_log, self.sum_in_log)


async def reconcile(connection: AsyncConnection[Any], lake: Lake, position: int) -> list[Reconciled]:
    """Count every fact, and count the log's events by SQL of their own. `position`: one that the lakehouse reflects."""
    names = {known.event_class: name for name, known in event_types().items()}
    found = []
    for fact in FACTS.values():
        types = [name for event_class, name in names.items() if event_class in fact.reads] or None
        cursor = await connection.execute(
            f"SELECT count(*), coalesce(sum((d.item ->> %s)::numeric), 0)"  # noqa: S608  # our own text
            f" FROM log.events e CROSS JOIN LATERAL ({fact.in_the_log}) d"
            " WHERE e.position <= %s AND (%s::text[] IS NULL OR e.type = ANY(%s))",
            [fact.sums, position, types, types],
        )
        in_log = await cursor.fetchone()
        assert in_log is not None
        total = f"coalesce(sum({fact.sums}::DECIMAL(38, 6)), 0)"
        query = f"SELECT count(*), {total} FROM lake.{fact.name} WHERE position <= ?"  # noqa: S608  # our own text
        kept = await asyncio.to_thread(one, lake.connection, query, [position])
        found.append(Reconciled(fact.name, fact.sums, *kept, *in_log))
    return found
