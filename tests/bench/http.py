"""Commands through HTTP: an API process under wrk, against an empty endpoint; and in batches, two, against pgbench."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import uvloop

from tests.bench.load import Load, load, together
from tests.bench.measure import Benchmark, Reading, Side, Unmeasurable
from tests.bench.place import Place
from tests.bench.reference import empty_api, pgbench
from tests.bench.workload import customer_ids, opened, register

CUSTOMERS = 4_000
CONNECTIONS = 64
EACH = 200
"""Commands in one batch."""
BATCHES = 4
"""Batches under way at a time, at each process."""
WARM_UP_S = 1


def benchmarks(place: Place) -> list[Benchmark]:
    return [
        Benchmark(
            "http_vs_empty",
            f"POST log-interaction, {CONNECTIONS} connections, one process; an empty endpoint with an equal body",
            one_side(place),
            empty_api.side(place),
            0.5,
        ),
        Benchmark(
            "http_batch_vs_pgbench_16",
            f"commands in batches of {EACH}, two API processes, each with customers of its own; pgbench, 16 clients",
            batch_side(place, 2),
            pgbench.side(place, 16),
            0.7,
        ),
        Benchmark(
            "http_batch_1_vs_pgbench_16",
            "the same through one API process",
            batch_side(place, 1),
            pgbench.side(place, 16),
            0,
        ),
    ]


def one_side(place: Place) -> Side:
    def take() -> Reading:
        with place.database() as url:
            with_customers(place, url)
            with place.api(url) as address:
                given = {"path": "/v1/commands/log-interaction", "token": place.token, "customers": CUSTOMERS}
                load(address, "one.lua", WARM_UP_S, CONNECTIONS, given)
                before = recorded(url)
                loaded = load(address, "one.lua", place.seconds, CONNECTIONS, given)
            check(recorded(url) - before, loaded.requests)
            return loaded.reading()

    return Side("http", take)


def batch_side(place: Place, processes: int) -> Side:
    def take() -> Reading:
        each = CUSTOMERS // processes
        given = {"path": "/v1/commands", "token": place.token, "customers": each, "each": EACH}
        shares = [given | {"first": each * number} for number in range(processes)]
        with place.database() as url, ExitStack() as stack:
            with_customers(place, url)
            addresses = [stack.enter_context(place.api(url)) for _ in shares]
            for seconds in (WARM_UP_S, place.seconds):
                before = recorded(url)
                loads = [
                    Load(address, "batch.lua", seconds, BATCHES, share)
                    for address, share in zip(addresses, shares, strict=True)
                ]
                loaded = together([load.ended() for load in loads])
            check(recorded(url) - before, loaded.requests * EACH)
            return loaded.reading(each=EACH, note="latencies of whole batches")

    return Side("http_batch" if processes > 1 else "http_batch_1", take)


def recorded(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM log.commands").fetchone()
    assert row is not None
    return int(row[0])


def check(recorded: int, answered: int) -> None:
    """What was answered is in the log, or it was no answer."""
    if recorded < answered:
        raise Unmeasurable(f"{answered} commands were answered, {recorded} recorded")


def with_customers(place: Place, url: str) -> None:
    place.child_json(__name__, "customers", url, place.keys)


async def customers(url: str, keys: Path) -> None:
    async with opened(url, keys) as log:
        await register(log, customer_ids(CUSTOMERS))
    await asyncio.to_thread(checkpoint, url)


def checkpoint(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


if __name__ == "__main__":
    _, _, url, keys = sys.argv
    uvloop.run(customers(url, Path(keys)))
    print("{}")
