"""What the access log costs those who read: the API beside itself without one, over the same rows, turn by turn."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar
from unittest.mock import patch

import psycopg
import uvloop

from api.app import create_app
from deploy.serving import log_as_lines
from deploy.settings import Settings
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from projections import PROJECTIONS
from projections.host import Host
from projections.slot import Slot
from tests.bench.http import checkpoint
from tests.bench.load import load
from tests.bench.measure import Benchmark, Reading, Side, Unmeasurable
from tests.bench.place import PARTITIONS, TENANT, Place, answering, free_port
from tests.bench.policy import answered
from tests.bench.reference.unrecorded_api import LEFT_OUT
from tests.bench.workload import customer_ids, history, opened
from workers.lifetime import connected

MODULE = "tests.bench.reading"  # also when it is run as __main__
CUSTOMERS, EVENTS = 2_000, 6_000
CONNECTIONS = 64
TURNS = 4
"""How often either is measured within one round."""
UNTOLD = 50
"""The first ones make connections, caches and plans."""
SMALL = "INSERT INTO public.small VALUES (clock_timestamp())"
UNBOUNDED = {"key_rate": 1e9, "tenant_rate": 1e9}


def benchmarks(place: Place) -> list[Benchmark]:
    readers = Readers(place)
    many, alone = Together(readers.many), Together(readers.alone)
    return [
        Benchmark(
            "access_log_cost",
            f"reading, {CONNECTIONS} connections: two customers, then a page of 50; the same without an access log",
            many.side("read", lambda loads: loads["recorded"]),
            many.side("unrecorded_read", lambda loads: loads["unrecorded"]),
            0.95,
        ),
        Benchmark(
            "access_log_wait",
            "how much longer one caller waits (p50) for what is recorded; one commit over such a connection",
            alone.side("recorded_p50", longer, " ms"),
            alone.side("commit_p50", lambda taken: Reading(taken["commit"]), " ms"),
            1,
            at_most=True,
        ),
    ]


def longer(taken: dict[str, float]) -> Reading:
    recorded, unrecorded = taken["recorded"], taken["unrecorded"]
    return Reading(max(recorded - unrecorded, 0.0), note=f"{recorded:.2f} ms, without {unrecorded:.2f} ms")


T = TypeVar("T")


class Together(Generic[T]):
    """What is measured together, and told side by side; anew whenever one side is asked a second time."""

    def __init__(self, measured: Callable[[], T]) -> None:
        self._measured = measured
        self._found: T | None = None
        self._told: set[str] = set()

    def side(self, name: str, told: Callable[[T], Reading], unit: str = "/s") -> Side:
        def take() -> Reading:
            if self._found is None or name in self._told:
                self._found, self._told = self._measured(), set()
            self._told.add(name)
            return told(self._found)

        return Side(name, take, unit=unit)


class Readers:
    """A log with customers, and those who read them."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @cached_property
    def _url(self) -> str:
        url = self._place.migrated()
        self._place.child_json(MODULE, "fill", url, self._place.keys)
        return url

    def alone(self) -> dict[str, float]:
        """The p50 of one caller's waits in milliseconds."""
        waits: dict[str, float] = self._place.child_json(MODULE, "wait", self._url, self._place.keys)
        return waits

    def many(self) -> dict[str, Reading]:
        """The two APIs under load."""
        place, given = self._place, {"token": self._place.token, "customers": CUSTOMERS}
        with ExitStack() as stack:
            addresses = {"recorded": stack.enter_context(place.api(self._url, **UNBOUNDED))}
            port = free_port()
            env = place.environment(self._url, api_port=port, **UNBOUNDED)
            stack.enter_context(place.running("tests.bench.reference.unrecorded_api", env=env))
            addresses["unrecorded"] = answering(f"http://127.0.0.1:{port}", "/health/ready")
            for address in addresses.values():
                load(address, "read.lua", 1, CONNECTIONS, given)
            before = on_record(self._url)
            taken: dict[str, list[Reading]] = {}
            for turn in range(TURNS):
                for name in sorted(addresses, reverse=bool(turn % 2)):
                    loaded = load(addresses[name], "read.lua", max(1.0, place.seconds / 2), CONNECTIONS, given)
                    taken.setdefault(name, []).append(loaded.reading())
                    before += loaded.requests if name == "recorded" else 0
            if on_record(self._url) < before:
                raise Unmeasurable("there are answers that were not recorded")
            return {name: middle(readings) for name, readings in taken.items()}


def middle(readings: list[Reading]) -> Reading:
    values = [reading.value for reading in readings]
    return Reading(statistics.median(values), note=" ".join(f"{value:,.1f}" for value in values))


def on_record(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM log.accesses").fetchone()
    assert row is not None
    return int(row[0])


# -- what is done in a process of its own


async def fill(url: str, keys: Path) -> None:
    async with opened(url, keys) as log, connected(url) as writing, connected(url) as reading:
        await history(log, customer_ids(CUSTOMERS), EVENTS)
        host = Host(writing, [Slot(projection) for projection in PROJECTIONS])
        await host.claim(range(PARTITIONS))
        async for page in feed.everything(reading, Codec(log.keys)):
            await host.apply(page)


async def wait(url: str, keys: Path) -> dict[str, float]:
    """By what is waited for the p50 in milliseconds, all in turn: one customer with a record of it and without, the
    network left out, and a small row to be written and committed over such a connection as reading has."""
    at = Settings(home=keys.parent, keys_path=keys, database_url=url, log_level="error", key_rate=1e9, tenant_rate=1e9)
    log_as_lines("error")
    app, asking = create_app(at), Caller(TENANT, "operator")
    waits: dict[str, list[float]] = {"recorded": [], "unrecorded": [], "commit": []}
    async with app.router.lifespan_context(app), connected(url) as writing:
        await writing.execute("SET ROLE NONE")
        await writing.execute("CREATE TABLE IF NOT EXISTS public.small (at timestamptz)")

        async def waited(name: str, done: Awaitable[Any]) -> None:
            began = time.perf_counter()
            await done
            waits[name].append(time.perf_counter() - began)

        for id in customer_ids(CUSTOMERS):
            path = f"/v1/customers/{id}"
            await waited("recorded", answered(app, path, asking))
            with ExitStack() as stack:
                for module, name, instead in LEFT_OUT:
                    stack.enter_context(patch.object(module, name, instead))
                await waited("unrecorded", answered(app, path, asking))
            await waited("commit", writing.execute(SMALL, prepare=True))
    return {name: statistics.median(taken[UNTOLD:]) * 1000 for name, taken in waits.items()}


if __name__ == "__main__":
    _, what, url, keys = sys.argv
    if what == "wait":
        print(json.dumps(uvloop.run(wait(url, Path(keys)))))
    else:
        uvloop.run(fill(url, Path(keys)))
        checkpoint(url)
        print("{}")
