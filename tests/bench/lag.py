"""Lag: from before the append until the row can be read, at a steady rate, with relay and projector running."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import uvloop

from tests.bench.measure import Benchmark, Reading, Side, Unmeasurable
from tests.bench.place import Place
from tests.bench.reference import hop
from tests.bench.workload import commit, customer_ids, know, opened, ticket

RATE = 200
WARM_UP_S = 3
PATIENCE_S = 30


def benchmarks(place: Place) -> list[Benchmark]:
    return [
        Benchmark(
            "lag_p50_vs_hop",
            f"append until the row is visible, at {RATE} a second, p50; a bare produce, consume and upsert",
            ours_side(place),
            hop.side(place, RATE, WARM_UP_S),
            2.5,
            at_most=True,
        )
    ]


def ours_side(place: Place) -> Side:
    def take() -> Reading:
        with place.database() as url:
            environment = place.environment(url, kafka_bootstrap=place.kafka)
            with (
                place.running("workers", "relay", env=environment),
                place.running("workers", "projector", env=environment),
            ):
                wait_for_projector(url)
                return place.child(__name__, "append", url, place.keys, place.seconds)

    return Side("lag", take, unit=" ms")


def wait_for_projector(url: str) -> None:
    """Until a relay leads and a projector has claimed every partition; a consumer has joined soon after."""
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "SELECT (SELECT generation FROM fanout.relay) > 0 AND bool_and(owner > 0)"
                " FROM read.checkpoints WHERE slot = 'timeline'"
            ).fetchone()
            if row and row[0]:
                break
            if time.monotonic() > deadline:
                raise Unmeasurable(f"no relay or no projector after {PATIENCE_S} s")
            time.sleep(0.1)
    time.sleep(3)


async def append(url: str, keys: Path, seconds: float) -> Reading:
    """Open a ticket every 5 ms, whether the last one was answered or not, and watch the timeline."""
    async with opened(url, keys) as log:
        customers = customer_ids(1_000)
        await know(log, customers)
        asked: dict[int, float] = {}

        async def one(number: int, now: float) -> None:
            answer = await log.append(commit(log, ticket(customers[number % len(customers)], datetime.now(UTC))))
            asked[answer.position] = now

        watcher = Watcher(url, "SELECT position FROM read.timeline WHERE tenant = 'acme' AND position > %s")
        tasks = []
        began = time.perf_counter()
        for number in range(int(RATE * (WARM_UP_S + seconds))):
            await asyncio.sleep(began + number / RATE - time.perf_counter())
            tasks.append(asyncio.create_task(one(number, time.perf_counter())))
        await asyncio.gather(*tasks)
        return await asyncio.to_thread(watcher.lags, asked, RATE * WARM_UP_S)


class Watcher:
    """Sees rows appear: asks for those it has not seen every millisecond, over a connection and a thread of its own."""

    def __init__(self, url: str, query: LiteralString) -> None:
        self._url, self._query = url, query
        self._seen: dict[int, float] = {}
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        all_up_to = 0
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.cursor(binary=True)
            while not self._enough.wait(0.001):
                found = cursor.execute(self._query, [all_up_to], prepare=True).fetchall()
                now = time.perf_counter()
                for (number,) in found:
                    self._seen.setdefault(number, now)
                while all_up_to + 1 in self._seen:
                    all_up_to += 1

    def lags(self, asked: dict[int, float], left_out: int) -> Reading:
        """How long each took to appear, but for the first ones, when consumers may still have been joining."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self._seen) < len(asked):
            if time.monotonic() > deadline:
                raise Unmeasurable(f"{len(asked) - len(self._seen)} rows have not appeared within {PATIENCE_S} s")
            time.sleep(0.05)
        self._enough.set()
        self._thread.join()
        counted = sorted(asked)[left_out:]
        found = Reading.of(len(counted), 1, [self._seen[number] - asked[number] for number in counted])
        assert found.p50_ms is not None
        return Reading(found.p50_ms, found.p50_ms, found.p99_ms, note=f"{len(counted):,} rows")


def paced(rate: float, count: int, do: Callable[[int], None]) -> Iterable[float]:
    """Do it so many times at this rate; yields when each began."""
    began = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.perf_counter()))
        now = time.perf_counter()
        do(number)
        yield now


if __name__ == "__main__":
    _, _, url, keys, seconds = sys.argv
    uvloop.run(append(url, Path(keys), float(seconds))).tell()
