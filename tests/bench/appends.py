"""Appends: the real log in one process, from the commit to the answer, against pgbench and the library's recorder."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from uuid import UUID

import uvloop

from deploy.serving import collect_by_the_clock
from eventlog.envelope import Commit
from eventlog.log import Log
from tests.bench.measure import Benchmark, Reading, Side
from tests.bench.place import Place
from tests.bench.reference import pgbench, stock
from tests.bench.workload import commit, customer_ids, know, opened, person, ticket

CUSTOMERS = 10_000
STRETCH = 4_000
"""So many appends at a time; what they append is decided right before, while the clock stands still, as deciding is no
part of the log. Were all decided long before, it would be their way back into the processor that is measured."""
WARM_UP_S = 0.5


def benchmarks(place: Place) -> list[Benchmark]:
    ours_64, ours_1 = (ours(place, callers) for callers in (64, 1))
    return [
        Benchmark(
            "append_64_vs_pgbench",
            "appends of a ticket, 64 callers, one process; pgbench inserting the same bytes, 64 clients",
            ours_64,
            pgbench.side(place, 64),
            1.3,
        ),
        Benchmark(
            "append_64_vs_stock",
            "the same against Application.save() of the eventsourcing library, 64 threads",
            ours_64,
            stock.save_side(place, 64),
            20,
        ),
        Benchmark(
            "append_1_vs_pgbench",
            "the same with one caller, against one pgbench client",
            ours_1,
            pgbench.side(place, 1),
            0.3,
        ),
    ]


def extras(place: Place) -> list[Benchmark]:
    """Measured when asked for by name: no promise rests on them."""
    return [
        Benchmark(
            "append_64_new_people_vs_pgbench",
            "appends of a new customer, whose key is made durable first",
            ours(place, 64, "person"),
            pgbench.side(place, 64),
            0,
        )
    ]


def ours(place: Place, callers: int, what: str = "ticket") -> Side:
    def take() -> Reading:
        with place.database() as url:
            return place.child(__name__, "appends", what, callers, place.seconds, url, place.keys)

    return Side(f"append_{callers}" + ("" if what == "ticket" else "_new_people"), take)


async def appends(what: str, callers: int, seconds: float, url: str, keys: Path) -> Reading:
    """So many callers append as fast as they are answered."""
    async with opened(url, keys) as log:
        if what == "ticket":
            await know(log, customer_ids(CUSTOMERS))
        decided = commits(log, what)
        collecting = asyncio.create_task(collect_by_the_clock())  # as in every process that serves
        try:
            await measured(log, decided, callers, WARM_UP_S)
            return await measured(log, decided, callers, seconds)
        finally:
            collecting.cancel()


async def measured(log: Log, decided: Iterator[Commit], callers: int, seconds: float) -> Reading:
    """The rate, stretch by stretch until they have taken so long together."""
    latencies: list[float] = []
    took = 0.0

    async def call(stretch: Iterator[Commit]) -> None:
        for one in stretch:
            asked = time.perf_counter()
            await log.append(one)
            latencies.append(time.perf_counter() - asked)

    while took < seconds:
        stretch = iter(list(islice(decided, STRETCH)))
        began = time.perf_counter()
        await asyncio.gather(*(call(stretch) for _ in range(callers)))
        took += time.perf_counter() - began
    return Reading.of(len(latencies), took, latencies)


def commits(log: Log, what: str) -> Iterator[Commit]:
    """One after the other, without end."""
    customers = customer_ids(CUSTOMERS)
    for number in count():
        now, new = datetime.now(UTC), UUID(int=time.time_ns() << 64 | number)
        yield commit(log, ticket(customers[number % len(customers)], now) if what == "ticket" else person(new, now))


if __name__ == "__main__":
    _, _, what, callers, seconds, url, keys = sys.argv
    uvloop.run(appends(what, int(callers), float(seconds), url, Path(keys))).tell()
