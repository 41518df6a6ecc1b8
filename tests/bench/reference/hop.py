"""One bare hop: produce a record to Kafka, consume it, upsert its row, each with the plain client and nothing else."""

from __future__ import annotations

import sys
import time
from uuid import uuid4

import psycopg
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.bench.measure import Reading, Side
from tests.bench.place import PARTITIONS, Place
from tests.bench.reference.pgbench import values

TABLE = "CREATE TABLE hop (number bigint PRIMARY KEY, body text NOT NULL)"
UPSERT = "INSERT INTO hop VALUES (%s, %s) ON CONFLICT (number) DO UPDATE SET body = excluded.body"


def side(place: Place, rate: float, warm_up_s: float) -> Side:
    def take() -> Reading:
        topic = f"hop-{uuid4().hex}"
        with place.bare_database() as url:
            with psycopg.connect(url) as connection:
                connection.execute(TABLE)
            admin = KafkaAdminClient(bootstrap_servers=[place.kafka])
            admin.create_topics({topic: {"num_partitions": PARTITIONS}}, wait_for_metadata=True)
            admin.close()
            with place.running(__name__, "consume", topic, place.kafka, url):
                return place.child(__name__, "produce", topic, place.kafka, url, rate, warm_up_s, place.seconds)

    return Side("hop", take, unit=" ms")


def consume(topic: str, bootstrap: str, url: str) -> None:
    """Each record into its row, in a transaction of its own."""
    consumer = KafkaConsumer(bootstrap_servers=[bootstrap], enable_auto_commit=False, metrics_enabled=False)
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    consumer.seek_to_beginning()
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            for records in consumer.poll(1_000).values():
                for record in records:
                    connection.execute(UPSERT, [int(record.key), record.value.decode()], prepare=True)


def produce(topic: str, bootstrap: str, url: str, rate: float, warm_up_s: float, seconds: float) -> Reading:
    from tests.bench.lag import Watcher, paced

    producer = KafkaProducer(bootstrap_servers=[bootstrap], acks="all", linger_ms=0, metrics_enabled=False)
    body = "".join(values().values()).encode()
    watcher = Watcher(url, "SELECT number FROM hop WHERE number > %s")
    producer.partitions_for(topic)
    time.sleep(2)  # until the consumer reads

    def send(number: int) -> None:
        producer.send(topic, body, b"%d" % (number + 1))

    asked = dict(enumerate(paced(rate, int(rate * (warm_up_s + seconds)), send), 1))
    producer.flush()
    return watcher.lags(asked, int(rate * warm_up_s))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["consume", topic, bootstrap, url]:
            consume(topic, bootstrap, url)
        case ["produce", topic, bootstrap, url, rate, warm_up_s, seconds]:
            produce(topic, bootstrap, url, float(rate), float(warm_up_s), float(seconds)).tell()
