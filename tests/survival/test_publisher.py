"""The publisher: what it says is in Kafka is there, even in a Kafka that lost its data and begins anew."""

from __future__ import annotations

import pytest
from kafka import KafkaConsumer, TopicPartition

from tests.workers.conftest import eventually
from workers.kafka import Kafka, Publisher, Record
from workers.relay import publisher

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("survival")]


async def number_of(to: Publisher) -> int:
    """The number under which Kafka knows this producer."""
    told = to._producer._transaction_manager
    await eventually(lambda: told.producer_id_and_epoch.is_valid)
    return int(told.producer_id_and_epoch.producer_id)


async def test_what_a_kafka_begun_anew_takes_for_a_repetition_is_not_believed_to_be_there(servers):
    kafka = {"bootstrap_servers": servers.kafka_bootstrap}
    async with publisher(kafka), publisher(kafka) as older:
        number = await number_of(older)
        servers.restart_kafka(wiped=True)
        await published_by_the_one_with_number(number, kafka)
        assert await older.publish("records", [Record(0, 2, 1, b"two")]) == 0, "Kafka drops it as a repetition"
    async with publisher(kafka) as newer:
        assert await newer.publish("records", [Record(0, 2, 1, b"two"), Record(0, 3, 2, b"three")]) == 2
    consumer = KafkaConsumer(**kafka)
    assert consumer.end_offsets([TopicPartition("records", 0)]) == {TopicPartition("records", 0): 3}
    consumer.close()


async def published_by_the_one_with_number(number: int, kafka: Kafka) -> None:
    for _ in range(number + 1):
        async with publisher(kafka) as namesake:
            if await number_of(namesake) == number:
                assert await namesake.create("records", 1)
                assert await namesake.publish("records", [Record(0, 1, 0, b"one")]) == 1
                return
    raise AssertionError(f"a new Kafka never gave out the number {number}")
