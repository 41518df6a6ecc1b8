"""The inbox: each event of a partition once, in order and without a hole, whatever becomes of Kafka."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from kafka import KafkaAdminClient

from eventlog import feed
from projections.host import Fenced
from tests.conftest import PARTITIONS
from tests.workers.conftest import at_work, eventually, happen, relayed, running, value
from workers.inbox import Inbox, Silence
from workers.kafka import Kafka, Record
from workers.lifetime import connected
from workers.relay import Standing, last_positions, publisher, records, relay, standing

pytestmark = pytest.mark.anyio


@dataclass
class Book:
    """What several readers write down together; the last to claim a partition owns it."""

    written: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[int, object] = field(default_factory=dict)
    sources: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Reader:
    """A recipient that writes positions into a book."""

    book: Book
    partitions: set[int] = field(default_factory=set)

    def checkpoint(self, partition):
        return self.book.written[partition][-1] if self.book.written[partition] else 0

    async def claim(self, partitions):
        self.partitions |= set(partitions)
        self.book.owners |= dict.fromkeys(partitions, id(self))

    def release(self, partitions):
        self.partitions -= set(partitions)

    async def apply(self, batch):
        await asyncio.sleep(0)
        if any(self.book.owners[recorded.partition] != id(self) for recorded in batch):
            raise Fenced
        for recorded in batch:
            assert recorded.position > self.checkpoint(recorded.partition), "never twice, never backwards"
            self.book.written[recorded.partition].append(recorded.position)


@asynccontextmanager
async def inbox(name, around, codec, reader, kafka: Kafka | None = None, pace_s: float = 0):
    async with connected(around.database_url) as connection:
        served = Inbox(name, reader, connection, codec, kafka or around.kafka, pace_s)
        async with running(served.run()) as task:
            yield served
            if task.done():
                await task


async def complete(connection, book):
    """Whether the book holds every event of the log in order."""
    cursor = await connection.execute("SELECT partition, position FROM log.events ORDER BY position")
    expected = defaultdict(list)
    for partition, position in await cursor.fetchall():
        expected[partition].append(position)
    return {p: written for p, written in book.written.items() if written} == expected


def following(reader, served, partitions=PARTITIONS):
    """Whether Kafka has given the reader its partitions, and the log has nothing more for it."""
    return served._assigned == reader.partitions and len(reader.partitions) == partitions and not served._filling


async def test_a_new_reader_gets_the_whole_log_and_then_what_happens(around, log, connection):
    await happen(log, 100)
    book = Book()
    reader = Reader(book)
    async with at_work(relay(), around), inbox("whole", around, log.codec, reader) as served:
        await eventually(lambda: complete(connection, book))
        await eventually(lambda: following(reader, served))
        for _ in range(20):
            await happen(log, 10)
        await eventually(lambda: complete(connection, book))
    assert sum(map(len, book.written.values())) == 300


async def test_what_comes_at_once_is_taken_in_batch_after_batch(around, log, connection, monkeypatch):
    monkeypatch.setattr("workers.inbox.BATCH", 7)
    monkeypatch.setattr("workers.inbox.POLLED", 100)
    book = Book()
    reader = Reader(book)
    async with at_work(relay(), around), inbox("batches", around, log.codec, reader) as served:
        await eventually(lambda: following(reader, served))
        await happen(log, 200)
        await eventually(lambda: complete(connection, book))


async def test_a_hole_in_what_kafka_brings_is_filled_from_the_log(around, log, connection):
    book = Book()
    reader = Reader(book)
    async with at_work(relay(), around):
        await happen(log, 1)
        await eventually(lambda: relayed(connection))
    async with inbox("hole", around, log.codec, reader) as served:
        await eventually(lambda: following(reader, served))
        served._look_at = time.monotonic() + 60  # nothing but the records will tell that there is something new
        served._hurry = False
        before = await feed.head(connection)
        previous = await last_positions(connection, before)
        await happen(log, 200)
        page = records(await feed.messages(connection, after=before, limit=200), previous)
        async with publisher(around.kafka) as to:
            last_of_each = {record.partition: record for record in page}
            await to.publish((await standing(connection)).topic, list(last_of_each.values()))
        await eventually(lambda: complete(connection, book))


async def test_records_that_come_again_are_dropped(around, log, connection):
    book = Book()
    reader = Reader(book)
    async with at_work(relay(), around):
        await happen(log, 50)
        await eventually(lambda: relayed(connection))
    async with inbox("again", around, log.codec, reader) as served:
        await eventually(lambda: following(reader, served))
        page = records(await feed.messages(connection, after=0, limit=50), defaultdict(int))
        async with publisher(around.kafka) as to:
            await to.publish((await standing(connection)).topic, page)
        await eventually(lambda: served._silence._heard)
        assert await complete(connection, book)


async def test_two_readers_share_the_partitions_and_one_alone_has_all(around, log, connection):
    book = Book()
    first, second = Reader(book), Reader(book)
    async with at_work(relay(), around), inbox("shared", around, log.codec, first) as serves_first:
        await eventually(lambda: following(first, serves_first))
        async with inbox("shared", around, log.codec, second) as serves_second, running(trickle(log)):
            await eventually(lambda: following(second, serves_second, PARTITIONS // 2))
            await eventually(lambda: following(first, serves_first, PARTITIONS // 2))
            assert first.partitions.isdisjoint(second.partitions)
        await eventually(lambda: first.partitions == set(range(PARTITIONS)))
        await happen(log, 20)
        await eventually(lambda: complete(connection, book))


async def trickle(log):
    while True:
        await happen(log, 5)
        await asyncio.sleep(0.02)


async def test_without_kafka_the_log_alone_serves_and_two_readers_still_share(around, log, connection):
    nowhere = {"bootstrap_servers": "127.0.0.1:1"}
    book = Book()
    first, second = Reader(book), Reader(book)
    async with inbox("alone", around, log.codec, second, nowhere):
        async with inbox("alone", around, log.codec, first, nowhere):
            await happen(log, 50)
            await eventually(lambda: complete(connection, book))
            await happen(log, 1)
            await eventually(lambda: complete(connection, book), 2)
            assert first.partitions.isdisjoint(second.partitions)
        await eventually(lambda: second.partitions == set(range(PARTITIONS)))


async def test_a_reader_that_was_fenced_stands_back_and_comes_again(around, log, connection):
    book = Book()
    reader = Reader(book)
    async with at_work(relay(), around), inbox("fenced", around, log.codec, reader) as served:
        await eventually(lambda: following(reader, served))
        await eventually(lambda: not reader.partitions or somebody_else_takes_over(book, log))
        await eventually(lambda: complete(connection, book))
        assert book.owners[0] == id(reader)


async def somebody_else_takes_over(book, log):
    book.owners[0] = "somebody else"  # again and again: a late decision of the group may give it back at once
    await happen(log, 5)


async def test_when_the_topic_is_lost_readers_miss_nothing_and_follow_the_next(around, log, connection):
    book = Book()
    reader = Reader(book)
    async with at_work(relay(), around), inbox("lost", around, log.codec, reader) as served:
        await eventually(lambda: following(reader, served))
        lost = await standing(connection)
        admin = KafkaAdminClient(**around.kafka)
        admin.delete_topics([lost.topic])
        admin.close()
        async with running(trickle(log)):
            await eventually(lambda: next_topic(connection, served, lost), 60)
            await eventually(lambda: following(reader, served))
        await eventually(lambda: complete(connection, book))
        await eventually(lambda: relayed(connection))


async def next_topic(connection, served, lost: Standing):
    now = await standing(connection)
    return now.topic != lost.topic and served._subscription and served._subscription.topic == now.topic


async def test_an_unknown_event_moves_on_and_positions_stay_whole(around, log, connection):
    """A newer release wrote a type that this one does not know."""
    head = await happen(log, 1)
    async with await connected_as_owner(around) as owner:
        await owner.execute(
            "INSERT INTO log.events SELECT (jsonb_populate_record(e, jsonb_build_object('position', e.position + 1,"
            " 'version', e.version + 1, 'type', 'customer.beamed', 'personal', NULL))).*"
            " FROM log.events e WHERE position = %s",
            [head],
        )
    book = Book()
    async with inbox("unknown", around, log.codec, Reader(book)):
        await eventually(lambda: complete(connection, book))
    assert await value(connection, "SELECT max(position) FROM log.events") == head + 1


@dataclass
class Counting(Reader):
    """Notes how many events came at a time."""

    batches: list[int] = field(default_factory=list)

    async def apply(self, batch):
        await super().apply(batch)
        self.batches.append(len(batch))


async def test_whoever_is_in_no_hurry_gets_what_gathers_meanwhile_at_a_time(around, log, connection):
    book = Book()
    reader = Counting(book)
    async with at_work(relay(), around), inbox("leisurely", around, log.codec, reader, pace_s=0.5) as served:
        await eventually(lambda: following(reader, served))
        await happen(log, 1)
        await eventually(lambda: complete(connection, book))
        reader.batches.clear()
        for _ in range(20):
            await happen(log, 1)
            await asyncio.sleep(0.02)
        await eventually(lambda: complete(connection, book))
    assert sum(reader.batches) == 20
    assert len(reader.batches) <= 5, "from Kafka, some times a second; and not one by one"


async def test_what_was_missed_is_read_of_all_partitions_together(around, log, connection):
    await happen(log, 100)
    book = Book()
    reader = Counting(book)
    async with inbox("behind", around, log.codec, reader, kafka={"bootstrap_servers": "127.0.0.1:1"}):
        await eventually(lambda: complete(connection, book))
    assert reader.batches == [await feed.head(connection)]


async def connected_as_owner(around):
    import psycopg

    return await psycopg.AsyncConnection.connect(around.database_url, autocommit=True)


def test_kafka_is_thought_stalled_when_it_keeps_back_what_was_published(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("workers.inbox.time.monotonic", lambda: clock[0])
    silence = Silence()
    assert not silence.lasts({0: 10, 1: 20}, published=20)
    assert not silence.lasts({0: 15, 1: 25}, published=24), "15 was published, the log brought it first"
    clock[0] = 11
    assert not silence.lasts({0: 15, 1: 25}, published=14), "not if it was never published"
    assert not silence.lasts({0: 15, 1: 25}, published=24)
    clock[0] = 20
    silence.heard([Record(0, 15, 10, b"")])
    assert not silence.lasts({0: 15, 1: 25}, published=30), "late is not never"
    clock[0] = 31
    assert silence.lasts({0: 15, 1: 25}, published=30)
