"""Projecting: the real inbox from Kafka into two tables, and a rebuild of one table from the log."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from deploy.serving import collect_rarely
from eventlog import feed
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.envelope import Recorded
from eventlog.keys import FileKeyStore
from projections.customer_card import CUSTOMER_CARD
from projections.host import Host
from projections.rebuild import rebuild
from projections.slot import Slot
from projections.timeline import TIMELINE_ROWS
from tests.bench.measure import Benchmark, Reading, Side
from tests.bench.place import PARTITIONS, Place
from tests.bench.reference import consume, stock
from tests.bench.workload import customer_ids, history, opened
from workers import inbox
from workers.kafka import Delivery, Publisher, Subscription
from workers.lifetime import connected
from workers.relay import records

CUSTOMERS = 4_000
EVENTS = 40_000
LOG_NAME = "bench"
TOPIC = f"kronika.events.{LOG_NAME}.g1"


class Filled:
    """A log of some customers' history, and a topic with the same; made when first needed."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._url: str | None = None
        self._published = False

    @property
    def url(self) -> str:
        if self._url is None:
            self._place.tell(f"recording {EVENTS:,} events of {CUSTOMERS:,} customers, and their rows")
            self._url = self._place.migrated()
            self._place.child_json(__name__, "fill", self._url, self._place.keys)
        return self._url

    @property
    def topic(self) -> str:
        if not self._published:
            self._place.tell("publishing them")
            self._place.child_json(__name__, "publish", self.url, self._place.kafka)
            self._published = True
        return TOPIC


def benchmarks(place: Place) -> list[Benchmark]:
    filled = Filled(place)
    return [
        Benchmark(
            "project_kafka_vs_consume",
            "events from Kafka into the tables customers and timeline; kafka-python reading and dropping them",
            projecting_side(place, filled),
            consume.side(place, lambda: filled.topic, EVENTS),
            0.6,
        ),
        Benchmark(
            "rebuild_vs_stock",
            "a rebuild of the table customers from the log; the library's ProjectionRunner with the same table",
            rebuilding_side(place, filled),
            stock.project_side(place),
            30,
        ),
    ]


def projecting_side(place: Place, filled: Filled) -> Side:
    def take() -> Reading:
        _ = filled.topic
        with place.database() as url:
            with psycopg.connect(url) as connection:  # an empty log whose topic is full: all comes from Kafka
                connection.execute("UPDATE fanout.relay SET log_name = %s, generation = 1", [LOG_NAME])
            return place.child(__name__, "project", url, place.keys, place.kafka)

    return Side("project_from_kafka", take)


def rebuilding_side(place: Place, filled: Filled) -> Side:
    return Side("rebuild", lambda: place.child(__name__, "rebuild", filled.url, place.keys))


async def fill(url: str, keys: Path) -> None:
    """Record the history, and bring the table that is to be rebuilt to the head."""
    async with opened(url, keys) as log:
        await history(log, customer_ids(CUSTOMERS), EVENTS)
        async with connected(url) as writing, connected(url) as reading:
            host = Host(writing, [Slot(CUSTOMER_CARD)])
            await host.claim(range(PARTITIONS))
            async for page in feed.everything(reading, Codec(log.keys)):
                await host.apply(page)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")


async def publish(url: str, bootstrap: str) -> None:
    """What the relay does, from the first event to the last."""
    to = await Publisher.connect({"bootstrap_servers": [bootstrap]})
    try:
        await to.create(TOPIC, PARTITIONS)
        async with connected(url) as connection:
            after, previous = 0, dict.fromkeys(range(PARTITIONS), 0)
            while page := await feed.messages(connection, after=after, limit=feed.PAGE):
                assert await to.publish(TOPIC, records(page, previous)) == len(page)
                after = page[-1][0]
    finally:
        await to.close()


class FromTheFirst(Subscription):
    """Begins with what the topic holds already, where a worker's begins at its end; notes when that was."""

    began = 0.0

    def _poll(self, wait_ms: int) -> Delivery:
        delivery = super()._poll(wait_ms)
        if delivery.assigned:
            self._consumer.seek_to_beginning()
            FromTheFirst.began = time.perf_counter()
        return delivery


class Counting(Host):
    """Says when it has taken in everything."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.taken = 0
        self.everything = asyncio.Event()

    async def apply(self, batch: Sequence[Recorded]) -> None:
        await super().apply(batch)
        self.taken += len(batch)
        if self.taken >= EVENTS:
            self.everything.set()


async def project(url: str, keys: Path, bootstrap: str) -> Reading:
    """The inbox of a projector with two tables, from its first assignment until all is taken in."""
    setattr(inbox, "Subscription", FromTheFirst)  # noqa: B010  # mypy
    store = FileKeyStore(keys)
    async with connected(url) as writing, connected(url) as reading:
        host = Counting(writing, [Slot(CUSTOMER_CARD), Slot(TIMELINE_ROWS)])
        name = f"projector-{time.time_ns()}"  # a consumer group of its own: nobody's session has to end first
        box = inbox.Inbox(name, host, reading, Codec(store), {"bootstrap_servers": [bootstrap]})
        running = asyncio.create_task(box.run())
        async with asyncio.timeout(120):
            while not host.everything.is_set():
                await asyncio.wait(
                    {running, asyncio.create_task(host.everything.wait())}, return_when="FIRST_COMPLETED"
                )
                if running.done():
                    running.result()
        took = time.perf_counter() - FromTheFirst.began
        running.cancel()
        await asyncio.wait({running})
        cursor = await reading.execute("SELECT count(*) FROM read.timeline")
        assert await cursor.fetchone() == (EVENTS,)
    store.close()
    return Reading.of(host.taken, took, note=f"{EVENTS:,} events")


async def rebuilding(url: str, keys: Path) -> Reading:
    """A whole rebuild: the table beside the live one, digests of both, the switch."""
    collect_rarely()
    store = FileKeyStore(keys)
    began = time.perf_counter()
    await rebuild(url, Codec(store), CUSTOMER_CARD, options=APP_ROLE)
    took = time.perf_counter() - began
    store.close()
    return Reading.of(EVENTS, took, note=f"{EVENTS:,} events")


def main() -> None:
    match sys.argv[1:]:
        case ["fill", url, keys]:
            uvloop.run(fill(url, Path(keys)))
            print("{}")
        case ["publish", url, bootstrap]:
            uvloop.run(publish(url, bootstrap))
            print("{}")
        case ["project", url, keys, bootstrap]:
            uvloop.run(project(url, Path(keys), bootstrap)).tell()
        case ["rebuild", url, keys]:
            uvloop.run(rebuilding(url, Path(keys))).tell()


if __name__ == "__main__":
    main()
