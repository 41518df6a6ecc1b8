"""Carries every recorded event, in order, from the log to Kafka; one relay at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram
from psycopg import AsyncConnection
from psycopg.rows import class_row

from eventlog import feed
from projections.host import Fenced
from workers.kafka import Kafka, KafkaAway, Publisher, Record
from workers.lifetime import Surroundings, Worker, connected, persist
from workers.watchdog import at_work

log = structlog.get_logger()

RELAY_LOCK = 0x6B726F6E_00000010
"""Advisory lock: held for as long as a relay's connection lives."""

PAGE = 2_000
REST_EACH_S, MOST_REST_S = 0.002, 0.020
"""How long what is next is let gather, for each event after the first of those that came together: the more there are,
the more go at a time."""

STANDBY_S = 0.5
"""How often another relay asks whether this one is gone."""

SAVE_S = 0.1
"""How long Kafka may hold what is not yet remembered to be there: the next relay publishes that once more."""

TOPIC_S = 5.0
"""How often a relay with nothing to publish asks whether the topic is still there: publishing would tell."""

PUBLISHED = Counter("kronika_relay_published", "Events that Kafka has acknowledged.")
BATCH = Histogram("kronika_relay_batch", "Events published at a time.", buckets=(1, 5, 20, 100, 500, 2_000))
POSITION = Gauge("kronika_relay_position", "Position up to which everything is in Kafka.")
LOOKED = Gauge("kronika_relay_looked", "When the log was last asked for more, in seconds since 1970.")


def relay() -> Worker:
    """The worker that publishes."""

    async def work(around: Surroundings) -> None:
        await persist("relay", lambda: publish(around.database_url, around.kafka))

    return work


@dataclass(frozen=True)
class Standing:
    """Where the fan-out stands, as every process can read it."""

    log_name: str
    epoch: int
    generation: int
    cluster: str | None
    position: int
    begins: int | None = None
    """This generation of the topic holds what came after this position; None when an earlier release made it."""

    @property
    def topic(self) -> str | None:
        """The log's name is in it, so that two logs may use one Kafka and never read each other's records."""
        return f"kronika.events.{self.log_name}.g{self.generation}" if self.generation else None


async def standing(connection: AsyncConnection[Any]) -> Standing:
    cursor = connection.cursor(row_factory=class_row(Standing))
    await cursor.execute("SELECT log_name, epoch, generation, cluster, position, begins FROM fanout.relay")
    found = await cursor.fetchone()
    assert found is not None, "a prepared fan-out has its row"
    return found


async def publish(database_url: str, kafka: Kafka) -> None:
    """Publish until something breaks: then whatever Kafka has not acknowledged is still to be published."""
    async with connected(database_url) as connection:
        at = await lead(connection)
        async with publisher(kafka) as to:
            tail = Tail(connection, to, at)
            await tail.check_topic()
            while True:
                await tail.follow()


@asynccontextmanager
async def publisher(kafka: Kafka) -> AsyncIterator[Publisher]:
    to = await Publisher.connect(kafka)
    try:
        yield to
    finally:
        await to.close()


async def lead(connection: AsyncConnection[Any]) -> Standing:
    """Wait until no other relay lives, and fence one that merely seemed dead."""
    while not await one(connection, "SELECT pg_try_advisory_lock(%s)", RELAY_LOCK):
        at_work()
        await asyncio.sleep(STANDBY_S)
    await connection.execute("UPDATE fanout.relay SET epoch = epoch + 1")
    now = await standing(connection)
    log.info("relay leads", epoch=now.epoch, topic=now.topic, position=now.position)
    return now


class Tail:
    """One relay's turn: from the position that its predecessor reached, page by page."""

    def __init__(self, connection: AsyncConnection[Any], to: Publisher, at: Standing) -> None:
        self.connection, self.to, self.at = connection, to, at
        self.published = at.position
        self._save_at = self._check_at = 0.0

    async def check_topic(self) -> None:
        """When the topic is not where it was, begin a new one at the head of the log: what is older, consumers read
        from the log. The very first topic begins where the log does."""
        self._check_at = time.monotonic() + TOPIC_S
        cluster = await self.to.cluster()
        if self.at.topic and self.at.cluster == cluster and await self.still_has(self.at.topic):
            return
        partitions = await one(self.connection, "SELECT partitions FROM log.settings")
        new = replace(self.at, generation=self.at.generation + 1, cluster=cluster)
        while new.topic and not await self.to.create(new.topic, partitions):
            new = replace(new, generation=new.generation + 1)  # that one is of a relay that died right here
        begin = await feed.head(self.connection) if self.at.generation else self.at.position
        await self.save(replace(new, position=begin, begins=begin))
        log.warning("new topic", topic=self.at.topic, position=self.at.position)

    async def still_has(self, topic: str) -> bool:
        """Asked twice, as a broker that has just started may not know all yet."""
        if await self.to.has(topic):
            return True
        await asyncio.sleep(1)
        return await self.to.has(topic)

    async def follow(self) -> None:
        """Publish what comes into the topic, until another has taken its place."""
        previous = await last_positions(self.connection, self.at.position)
        self.published = self.at.position
        topic = self.at.topic
        while self.at.topic == topic:
            page = await feed.coming(self.connection, after=self.published, limit=PAGE, patience_s=SAVE_S)
            LOOKED.set_to_current_time()
            at_work()
            if page:
                await self.carry(records(page, previous))
            elif time.monotonic() >= self._check_at:
                await self.check_topic()
            if self.published > self.at.position and time.monotonic() >= self._save_at:
                await self.save(replace(self.at, position=self.published))
            if len(page) < PAGE:
                await asyncio.sleep(min(REST_EACH_S * (len(page) - 1), MOST_REST_S))

    async def carry(self, batch: list[Record]) -> None:
        """Publish to the end. Raises KafkaAway when it did not get there; then it is remembered how far it got."""
        assert self.at.topic
        done = await self.to.publish(self.at.topic, batch)
        PUBLISHED.inc(done)
        BATCH.observe(done)
        if done:
            self.published = batch[done - 1].position
        if done < len(batch):
            await self.save(replace(self.at, position=self.published))
            raise KafkaAway(f"{len(batch) - done} of {len(batch)} events were not acknowledged")

    async def save(self, now: Standing) -> None:
        cursor = await self.connection.execute(
            "UPDATE fanout.relay SET generation = %s, cluster = %s, position = %s, begins = %s WHERE epoch = %s",
            [now.generation, now.cluster, now.position, now.begins, now.epoch],
            prepare=True,
        )
        if cursor.rowcount != 1:
            raise Fenced("another relay has taken over")
        self.at = now
        self._save_at = time.monotonic() + SAVE_S
        POSITION.set(now.position)


async def republish(database_url: str, kafka: Kafka, *, after: int, up_to: int | None = None) -> int:
    """Publish once more, for others, what lies after this position up to another, or to where the relay stands; our
    own consumers drop what they have. Returns the number of events. Raises KafkaAway."""
    async with connected(database_url) as connection, publisher(kafka) as to:
        now = await standing(connection)
        if now.topic is None:
            raise KafkaAway("there is no topic yet: start the relay first")
        previous = await last_positions(connection, after)
        last = now.position if up_to is None else min(up_to, now.position)
        count = 0
        while after < last:
            page = await feed.messages(connection, after=after, limit=min(PAGE, last - after))
            if await to.publish(now.topic, records(page, previous)) < len(page):
                raise KafkaAway(f"not all was acknowledged; go on after position {after}")
            after = page[-1][0]
            count += len(page)
        return count


def records(page: list[tuple[int, int, UUID, str | None, bytes]], previous: dict[int, int]) -> list[Record]:
    """The page as records; `previous` (the last position of each partition) is kept up."""
    made = []
    for position, partition, subject_id, trace, body in page:
        made.append(Record(partition, position, previous[partition], body, subject_id.bytes, trace))
        previous[partition] = position
    return made


async def last_positions(connection: AsyncConnection[Any], up_to: int) -> dict[int, int]:
    """Each partition's last position that is not after `up_to`, 0 where there is none."""
    cursor = await connection.execute(
        "SELECT partition, coalesce((SELECT position FROM log.events e WHERE e.partition = p.partition"
        " AND position <= %s ORDER BY position DESC LIMIT 1), 0)"
        " FROM log.settings, generate_series(0, partitions - 1) AS p(partition)",
        [up_to],
    )
    return dict(await cursor.fetchall())


async def one(connection: AsyncConnection[Any], query: str, *values: object) -> Any:
    cursor = await connection.execute(query, values)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
