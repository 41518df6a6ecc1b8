"""What the access log costs those who read: the API beside itself without one, over the same rows, turn by turn."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import psycopg
import uvloop

from eventlog import feed
from eventlog.codec import Codec
from projections import PROJECTIONS
from projections.host import Host
from projections.slot import Slot
from tests.bench.http import checkpoint
from tests.bench.load import load
from tests.bench.measure import Benchmark, Reading, Side, Unmeasurable
from tests.bench.place import PARTITIONS, Place, answering, free_port
from tests.bench.workload import customer_ids, history, opened
from workers.lifetime import connected

MODULE = "tests.bench.reading"  # also when it is run as __main__
CUSTOMERS, EVENTS = 2_000, 6_000
CONNECTIONS = 64
TURNS = 4
"""How often either is measured within one round."""
COMMITS = 300
UNBOUNDED = {"key_rate": 1e9, "tenant_rate": 1e9}


def benchmarks(place: Place) -> list[Benchmark]:
    both = Both(place)
    return [
        Benchmark(
            "access_log_cost",
            f"reading, {CONNECTIONS} connections: two customers, then a page of 50; the same without an access log",
            both.side("read", lambda loads, _: loads["recorded"]),
            both.side("unrecorded_read", lambda loads, _: loads["unrecorded"]),
            0.95,
        ),
        Benchmark(
            "access_log_wait",
            "how much longer one caller waits (p50) for what is recorded; one commit",
            both.side("recorded_p50", lambda loads, _: longer(loads), " ms"),
            both.side("commit_p50", lambda _, commit: Reading(commit), " ms"),
            1,
            at_most=True,
        ),
    ]


def longer(loads: dict[str, Reading]) -> Reading:
    recorded, unrecorded = (loads[f"{name}, alone"].value for name in ("recorded", "unrecorded"))
    return Reading(max(recorded - unrecorded, 0.0), note=f"{recorded:.2f} ms, without {unrecorded:.2f} ms")


class Both:
    """The two APIs, measured together; anew whenever one side is asked a second time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._found: tuple[dict[str, Reading], float] | None = None
        self._told: set[str] = set()

    def side(self, name: str, told: Callable[[dict[str, Reading], float], Reading], unit: str = "/s") -> Side:
        def take() -> Reading:
            if self._found is None or name in self._told:
                self._found, self._told = self._measured(), set()
            self._told.add(name)
            return told(*self._found)

        return Side(name, take, unit=unit)

    @cached_property
    def _url(self) -> str:
        url = self._place.migrated()
        self._place.child_json(MODULE, "fill", url, self._place.keys)
        return url

    def _measured(self) -> tuple[dict[str, Reading], float]:
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
                    for called, connections in ((name, CONNECTIONS), (f"{name}, alone", 1)):
                        seconds = max(1.0, place.seconds / (2 if connections > 1 else 4))
                        loaded = load(addresses[name], "read.lua", seconds, connections, given)
                        rate = loaded.reading()
                        taken.setdefault(called, []).append(rate if connections > 1 else Reading(loaded.p50_ms))
                        before += loaded.requests if name == "recorded" else 0
            if on_record(self._url) < before:
                raise Unmeasurable("there are answers that were not recorded")
            return {name: middle(readings) for name, readings in taken.items()}, commit_ms(self._url)


def middle(readings: list[Reading]) -> Reading:
    values = [reading.value for reading in readings]
    return Reading(statistics.median(values), note=" ".join(f"{value:,.1f}" for value in values))


def on_record(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM log.accesses").fetchone()
    assert row is not None
    return int(row[0])


def commit_ms(url: str) -> float:
    """The median time that a client waits for one small row to be written and committed."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.small (at timestamptz)")
        taken = []
        for _ in range(COMMITS):
            began = time.perf_counter()
            connection.execute("INSERT INTO public.small VALUES (clock_timestamp())", prepare=True)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


# -- what is done in a process of its own


async def fill(url: str, keys: Path) -> None:
    async with opened(url, keys) as log, connected(url) as writing, connected(url) as reading:
        await history(log, customer_ids(CUSTOMERS), EVENTS)
        host = Host(writing, [Slot(projection) for projection in PROJECTIONS])
        await host.claim(range(PARTITIONS))
        async for page in feed.everything(reading, Codec(log.keys)):
            await host.apply(page)


if __name__ == "__main__":
    _, _, url, keys = sys.argv
    uvloop.run(fill(url, Path(keys)))
    checkpoint(url)
    print("{}")
