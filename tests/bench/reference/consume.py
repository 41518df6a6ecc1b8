"""kafka-python alone: reads the records of a topic, as the workers' consumer is set, and drops them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition

from tests.bench.measure import Reading, Side
from tests.bench.place import Place
from workers.inbox import POLLED


def side(place: Place, topic: Callable[[], str], events: int) -> Side:
    return Side("consume", lambda: place.child(__name__, topic(), events, place.kafka))


def consume(topic: str, events: int, bootstrap: str) -> Reading:
    consumer = KafkaConsumer(
        bootstrap_servers=[bootstrap],
        enable_auto_commit=False,
        max_poll_records=POLLED,
        fetch_max_wait_ms=250,
        max_partition_fetch_bytes=2 << 20,
        metrics_enabled=False,
    )
    consumer.assign([TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))])
    consumer.seek_to_beginning()
    got, began = 0, time.perf_counter()
    while got < events:
        got += sum(map(len, consumer.poll(1_000).values()))
    took = time.perf_counter() - began
    consumer.close()
    return Reading.of(got, took, note=f"{events:,} events")


if __name__ == "__main__":
    _, topic, events, bootstrap = sys.argv
    consume(topic, int(events), bootstrap).tell()
