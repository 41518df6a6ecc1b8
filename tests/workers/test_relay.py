"""The relay: every position reaches Kafka, in order, whatever becomes of the relay or of Kafka."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from itertools import pairwise

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from eventlog import feed
from projections.host import Fenced
from tests.conftest import PARTITIONS
from tests.workers.conftest import at_work, eventually, happen, relayed, running, value
from workers.relay import Tail, last_positions, lead, publisher, relay, republish, standing

pytestmark = pytest.mark.anyio


def in_topic(kafka, topic):
    """Every record that the topic holds now: (position, previous, key, body) by partition."""
    partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    consumer = KafkaConsumer(**kafka)
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    missing = sum(consumer.end_offsets(partitions).values())
    found = defaultdict(list)
    while missing:
        for partition, records in consumer.poll(200).items():
            missing -= len(records)
            for record in records:
                told = dict(record.headers)
                found[partition.partition].append(
                    (int(told["position"]), int(told["previous"]), record.key, record.value)
                )
    consumer.close()
    return found


async def positions_in_log(connection):
    cursor = await connection.execute("SELECT partition, position FROM log.events ORDER BY position")
    found = defaultdict(list)
    for partition, position in await cursor.fetchall():
        found[partition].append(position)
    return found


async def test_every_position_is_published_once_in_order_and_tells_its_predecessor(around, log, connection):
    async with at_work(relay(), around):
        await happen(log, 300)
        await eventually(lambda: relayed(connection))
    topic = (await standing(connection)).topic
    published = in_topic(around.kafka, topic)
    expected = await positions_in_log(connection)
    assert {p: [r[0] for r in records] for p, records in published.items()} == expected
    for records in published.values():
        assert records[0][1] == 0
        assert all(later[1] == earlier[0] for earlier, later in pairwise(records))


async def test_a_record_carries_the_sealed_event_under_the_subject_as_key(around, log, connection, keys):
    async with at_work(relay(), around):
        await happen(log, 1)
        await eventually(lambda: relayed(connection))
    topic = (await standing(connection)).topic
    position, _, key, body = next(iter(in_topic(around.kafka, topic).values()))[0]
    (recorded,) = feed.from_messages([body], log.codec)
    assert (recorded.position, recorded.subject_id.bytes) == (position, key)
    assert recorded == (await feed.page(connection, log.codec, after=position - 1, limit=1))[0]
    assert "李雷".encode() not in body
    assert b"\\u674e" not in body


async def test_kill_9_in_full_flight_loses_nothing(around, log, connection, process):
    for _ in range(3):
        before = (await standing(connection)).position
        victim = process("-m", "workers", "relay")
        async with running(happen(log, 400)):
            await eventually(lambda before=before: moved_on(connection, before))
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            await asyncio.sleep(0.2)
    async with at_work(relay(), around):
        await eventually(lambda: relayed(connection))
    published = in_topic(around.kafka, (await standing(connection)).topic)
    expected = await positions_in_log(connection)
    for partition, records in published.items():
        assert sorted({r[0] for r in records}) == expected[partition]
        assert first_appearances([r[0] for r in records]) == expected[partition], "new ones come in order"


def first_appearances(positions):
    return list(dict.fromkeys(positions))


async def moved_on(connection, position):
    return (await standing(connection)).position > position


async def test_a_relay_that_was_fenced_saves_nothing_and_stops(around, log, connection):
    async with at_work(relay(), around):
        await happen(log, 1)
        await eventually(lambda: relayed(connection))
    async with publisher(around.kafka) as to:
        now = await standing(connection)
        tail = Tail(connection, to, now)
        await connection.execute("UPDATE fanout.relay SET epoch = epoch + 1")
        await happen(log, 1)
        async with asyncio.timeout(10):
            with pytest.raises(Fenced):
                await tail.follow()
        assert (await standing(connection)).position == now.position


async def test_a_second_relay_waits_until_the_first_is_gone(around, log, connection):
    async with at_work(relay(), around):
        await happen(log, 1)
        await eventually(lambda: relayed(connection))
        async with running(lead(connection)) as second:
            await asyncio.sleep(0.7)
            assert not second.done()
            first = (await standing(connection)).epoch
    async with running(lead(connection)) as second:
        assert (await asyncio.wait_for(second, 5)).epoch == first + 1
    await value(connection, "SELECT pg_advisory_unlock_all()")


async def test_what_was_published_can_be_published_again_for_others(around, log, connection):
    async with at_work(relay(), around):
        await happen(log, 50)
        await eventually(lambda: relayed(connection))
    topic = (await standing(connection)).topic
    before = in_topic(around.kafka, topic)
    head = await feed.head(connection)
    assert await republish(around.database_url, around.kafka, after=head - 50) == 50
    for partition, records in in_topic(around.kafka, topic).items():
        again = records[len(before[partition]) :]
        assert [r[:2] for r in again] == [r[:2] for r in dict.fromkeys(before[partition]) if r[0] > head - 50]


async def test_when_the_topic_is_lost_a_new_generation_begins_at_the_head(around, log, connection):
    async with at_work(relay(), around):
        await happen(log, 1)
        await eventually(lambda: relayed(connection))
        lost = await lose_topic(around, connection)
        await happen(log, 5)
        await eventually(lambda: another_generation(connection, lost.generation), 60)
        head = await feed.head(connection)
        before = await last_positions(connection, head)
        new = await happen(log, 20)
        await eventually(lambda: relayed(connection))
    published = in_topic(around.kafka, (await standing(connection)).topic)
    assert sorted(r[0] for records in published.values() for r in records) == list(range(head + 1, new + 1))
    assert all(records[0][1] == before[partition] for partition, records in published.items())


async def test_that_the_topic_is_lost_is_found_out_while_nothing_happens(around, log, connection):
    async with at_work(relay(), around):
        head = await happen(log, 5)
        await eventually(lambda: relayed(connection))
        lost = await lose_topic(around, connection)
        await eventually(lambda: another_generation(connection, lost.generation), 60)
        assert (await standing(connection)).position == await feed.head(connection) == head
        new = await happen(log, 20)
        await eventually(lambda: relayed(connection))
    published = in_topic(around.kafka, (await standing(connection)).topic)
    assert sorted(r[0] for records in published.values() for r in records) == list(range(head + 1, new + 1))


async def lose_topic(around, connection):
    lost = await standing(connection)
    admin = KafkaAdminClient(**around.kafka)
    admin.delete_topics([lost.topic])
    admin.close()
    return lost


async def another_generation(connection, generation):
    return (await standing(connection)).generation != generation
