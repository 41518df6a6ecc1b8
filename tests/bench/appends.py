"""Appends: the real log in one process, from the commit to the answer, against pgbench and the library's recorder."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
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
PREPARED = 60_000
"""Commits made before the clock runs, as deciding is no part of the log; their weight is in this process's memory."""
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
    """So many callers append as fast as they are answered; what to append was decided before."""
    async with opened(url, keys) as log:
        if what == "ticket":
            await know(log, customer_ids(CUSTOMERS))
        count = min(PREPARED, int((seconds + WARM_UP_S) * (30_000 if callers > 1 else 3_000)))
        prepared = iter(list(commits(log, what, count)))
        collecting = asyncio.create_task(collect_by_the_clock())  # as in every process that serves
        try:
            await measured(log, prepared, callers, WARM_UP_S)
            return await measured(log, prepared, callers, seconds)
        finally:
            collecting.cancel()


async def measured(log: Log, prepared: Iterator[Commit], callers: int, seconds: float) -> Reading:
    """The rate until the time is up, or nothing is left to append."""
    latencies: list[float] = []
    began = time.perf_counter()
    end = began + seconds

    async def call() -> None:
        for one in prepared:
            asked = time.perf_counter()
            await log.append(one)
            answered = time.perf_counter()
            latencies.append(answered - asked)
            if answered > end:
                return

    await asyncio.gather(*(call() for _ in range(callers)))
    return Reading.of(len(latencies), time.perf_counter() - began, latencies)


def commits(log: Log, what: str, count: int) -> Iterator[Commit]:
    now, customers = datetime.now(UTC), customer_ids(CUSTOMERS)
    for number in range(count):
        new = UUID(int=time.time_ns() << 64 | number)
        decided = ticket(customers[number % len(customers)], now) if what == "ticket" else person(new, now)
        made = commit(log, decided)
        decided.since.clear()  # half of its weight, and nothing more is decided
        yield made


if __name__ == "__main__":
    _, _, what, callers, seconds, url, keys = sys.argv
    uvloop.run(appends(what, int(callers), float(seconds), url, Path(keys))).tell()
