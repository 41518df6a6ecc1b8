"""Kafka behind a few methods: each client of librdkafka is spoken to in a thread of its own, from asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # as its documentation says

T = TypeVar("T")

Kafka = Mapping[str, Any]
"""How to reach a cluster: the connection settings of every client of librdkafka (bootstrap.servers, TLS, SASL)."""

LARGEST = 8 << 20
"""Bytes of the largest record: a command's body is at most 1 MB, its events carry little more, sealed and in base64."""

PATIENCE_S = 5.0
SLOWEST_S = 30.0
"""When a client has not come back from a call by then, it never will."""
LEAVING_S = 2.0
"""How long a client is given to say that it leaves; else the others miss it, within ten seconds."""

EVERY_CLIENT: dict[str, Any] = {
    "socket.connection.setup.timeout.ms": int(PATIENCE_S * 1000),
    "socket.nagle.disable": True,
    "reconnect.backoff.max.ms": 1_000,
    "topic.metadata.refresh.interval.ms": 30_000,
    "allow.auto.create.topics": False,
    "logger": logging.getLogger("kafka"),
}
READING = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "socket.timeout.ms": int(2 * PATIENCE_S * 1000),
    "fetch.wait.max.ms": 250,
    "fetch.queue.backoff.ms": 10,
    "max.partition.fetch.bytes": LARGEST // 4,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 32 << 10,
}


class KafkaAway(Exception):
    """Kafka does not answer, or a client of it broke down: make a new one, later."""


class Record(NamedTuple):
    """One recorded event on its way: `previous` is the position before it in its partition, `body` the envelope and
    the stored event as JSON."""

    partition: int
    position: int
    previous: int
    body: bytes
    key: bytes = b""
    trace: str | None = None


@dataclass(frozen=True)
class Delivery:
    """What a poll brought: records, by partition in their order, or else the partitions that are ours from here on."""

    records: Sequence[Record] = ()
    assigned: frozenset[int] | None = None


class Thread:
    """The thread in which one client is made, used and closed. The process does not wait for it in the end: while a
    group is sharing out its partitions, a client that wants to leave it hangs."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while call := self._calls.get():
            call()

    async def run(self, call: Callable[..., T], *args: Any, within_s: float = SLOWEST_S) -> T:
        """Raises KafkaAway, whatever it was that broke: the client says it in BufferErrors and RuntimeErrors, too."""
        work: Future[T] = Future()

        def do() -> None:
            if work.set_running_or_notify_cancel():
                try:
                    work.set_result(call(*args))
                except BaseException as error:
                    work.set_exception(error)

        self._calls.put(do)
        try:
            async with asyncio.timeout(within_s):  # Python 3.11's wait_for can swallow a cancellation
                return await asyncio.wrap_future(work)
        except Exception as error:
            raise KafkaAway(f"{type(error).__name__}: {error}") from error

    async def end(self, close: Callable[[], Any]) -> None:
        with contextlib.suppress(KafkaAway):
            await self.run(close, within_s=LEAVING_S)
        self._calls.put(None)


class Publisher:
    """Makes topics and appends records to them. Make it with `Publisher.connect`; of no use after a failure."""

    def __init__(self, thread: Thread, producer: Producer, admin: AdminClient) -> None:
        self._thread, self._producer, self._admin = thread, producer, admin
        self._closing = False

    @classmethod
    async def connect(cls, kafka: Kafka) -> Publisher:
        thread = Thread("kafka-publisher")

        def connect() -> Publisher:
            producer = Producer(
                {
                    **kafka,
                    **EVERY_CLIENT,
                    "acks": "all",
                    "enable.idempotence": True,  # and with it, order kept with five requests in flight
                    "linger.ms": 1_000,  # each page is flushed: until then requests only grow
                    "batch.size": 1 << 19,
                    "message.max.bytes": LARGEST,
                    "socket.timeout.ms": int(PATIENCE_S * 1000),
                    "request.timeout.ms": int(PATIENCE_S * 1000),
                    "message.timeout.ms": int(2 * PATIENCE_S * 1000),
                    "topic.metadata.propagation.max.ms": 1_000,
                }
            )
            try:
                producer.list_topics(timeout=PATIENCE_S)
            except BaseException:
                producer.close()
                raise
            return cls(thread, producer, AdminClient({**kafka, **EVERY_CLIENT}))

        try:
            return await thread.run(connect)
        except KafkaAway:
            await thread.end(lambda: None)
            raise

    async def cluster(self) -> str:
        """The id of the cluster; another one is another Kafka, whatever its address."""
        return await self._thread.run(lambda: str(self._admin.list_topics(timeout=PATIENCE_S).cluster_id))

    async def has(self, topic: str) -> bool:
        """Raises KafkaAway when that cannot be said now."""
        return await self._thread.run(lambda: self._metadata(topic) is not None)

    def _metadata(self, topic: str) -> Any:
        found = self._admin.list_topics(timeout=PATIENCE_S).topics.get(topic)
        if found is None or (found.error and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART):
            return None
        if found.error:
            raise KafkaException(found.error)
        return found

    async def create(self, topic: str, partitions: int) -> bool:
        """Make the topic and wait until every partition has a leader; False when the name is taken."""

        def make() -> bool:
            wanted = NewTopic(topic, partitions, config={"max.message.bytes": str(LARGEST)})
            try:
                self._admin.create_topics([wanted], operation_timeout=PATIENCE_S)[topic].result(2 * PATIENCE_S)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                    return False
                raise
            deadline = time.monotonic() + 3 * PATIENCE_S
            while time.monotonic() < deadline:
                made = self._metadata(topic)
                if made and len(made.partitions) == partitions and all(p.leader >= 0 for p in made.partitions.values()):
                    return True
                time.sleep(0.05)
            raise KafkaAway(f"{topic} was made, and has no leaders")

        return await self._thread.run(make)

    async def publish(self, topic: str, records: Sequence[Record]) -> int:
        """Append the records. Returns how many, from the first on without a gap, are acknowledged to be there."""
        return await self._thread.run(self._publish, topic, records)

    def _publish(self, topic: str, records: Sequence[Record]) -> int:
        there = [False] * len(records)

        def told(number: int, error: KafkaError | None, message: Message) -> None:
            there[number] = error is None

        with contextlib.suppress(KafkaException, BufferError):  # those not sent are missing below
            for number, r in enumerate(records):
                self._producer.produce(
                    topic, r.body, r.key, r.partition, headers=headers(r), on_delivery=partial(told, number)
                )
        deadline = time.monotonic() + 3 * PATIENCE_S
        while self._producer.flush(0.5) and not self._closing and time.monotonic() < deadline:
            pass
        # One by one: a batch that failed says nothing about the later ones, nor they about it.
        return there.index(False) if False in there else len(there)

    async def close(self) -> None:
        self._closing = True

        def close() -> None:
            self._producer.purge()
            self._producer.close()

        await self._thread.end(close)


def headers(record: Record) -> list[tuple[str, str | bytes | None]]:
    trace = [("traceparent", record.trace.encode())] if record.trace else []
    return [("position", b"%d" % record.position), ("previous", b"%d" % record.previous), *trace]


class Subscription:
    """One member of a consumer group that shares a topic's partitions. Make it with `Subscription.join`; of no use
    after a failure.

    Nothing is committed to Kafka, and every assignment begins at the topic's end: what is older is read from the log.
    """

    def __init__(self, topic: str, thread: Thread, consumer: Consumer, most: int) -> None:
        self.topic = topic
        self._thread, self._consumer, self._most = thread, consumer, most
        self._assigned: frozenset[int] | None = None
        self._early: list[Message] = []
        """What came with an assignment, to be told after it"""

    @classmethod
    async def join(cls, kafka: Kafka, group: str, topic: str, *, most: int) -> Subscription:
        """`most`: how many records one poll brings."""
        thread = Thread(f"kafka-{group}")

        def connect() -> Subscription:
            consumer = Consumer(
                {
                    **kafka,
                    **EVERY_CLIENT,
                    **READING,
                    "group.id": group,
                    "auto.offset.reset": "latest",
                    "session.timeout.ms": 10_000,
                    "heartbeat.interval.ms": 1_000,
                    "max.poll.interval.ms": 60_000,
                }
            )
            try:
                known = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic]
                if known.error or not known.partitions:
                    raise KafkaAway(f"the topic {topic} is not known yet")
                made = cls(topic, thread, consumer, most)
                consumer.subscribe([topic], on_assign=made._begin, on_revoke=made._go_on, on_lost=made._go_on)
            except BaseException:
                consumer.close()
                raise
            return made

        try:
            return await thread.run(connect)
        except KafkaAway:
            await thread.end(lambda: None)
            raise

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The group has shared out its partitions anew. Called within a poll."""
        for place in partitions:
            place.offset = self._from(*ends(consumer, place))
        consumer.assign(partitions)
        self._assigned = frozenset(place.partition for place in partitions)

    def _from(self, low: int, high: int) -> int:
        """At which of its ends to begin with a partition."""
        return high

    def _go_on(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Nothing to do: until another owner has claimed them they may well be worked on."""

    async def poll(self, wait_s: float) -> Delivery:
        """What has arrived, or arrives within `wait_s`. An assignment is told before the first record of it; the topic
        held all records older than those that follow when it was told."""
        return await self._thread.run(self._poll, wait_s)

    def _poll(self, wait_s: float) -> Delivery:
        first = self._consumer.poll(0 if self._early else wait_s)
        found = self._early + ([first, *self._consumer.consume(self._most - 1, 0)] if first else [])
        self._early = []
        if self._assigned is not None:
            self._early, assigned, self._assigned = found, self._assigned, None
            return Delivery(assigned=assigned)
        return Delivery([received(message) for message in found if arrived(message)])

    async def leave(self) -> None:
        """Let the others have our partitions at once, rather than when they miss us."""
        await self._thread.end(self._consumer.close)


def ends(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The offsets of the first record of a partition, and of the next one to come."""
    found = consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
    if found is None:
        raise KafkaAway(f"{place.topic} does not tell where it ends")
    return found


def arrived(message: Message) -> bool:
    """Whether it is a record; a client tells its errors in the same way. Raises KafkaException for those that do not
    pass by themselves."""
    error = message.error()
    if error and (error.fatal() or error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION}):
        raise KafkaException(error)
    return not error


def received(message: Message) -> Record:
    told: dict[str, Any] = dict(message.headers() or ())
    return Record(
        message.partition() or 0,
        int(told["position"]),
        int(told["previous"]),
        message.value() or b"",
        message.key() or b"",
    )


class Reading:
    """Reads what one partition of a topic holds now, from its first record to its last. Begin it with
    `Reading.begin`."""

    def __init__(self, thread: Thread, consumer: Consumer, topic: str, begin: int, end: int) -> None:
        self._thread, self._consumer, self._topic, self._next_offset, self._end = thread, consumer, topic, begin, end
        self.whole = begin == 0
        """Whether the partition still holds its very first record."""

    @classmethod
    async def begin(cls, kafka: Kafka, topic: str, partition: int) -> Reading:
        thread = Thread("kafka-reading")

        def connect() -> Reading:
            consumer = Consumer(
                {**kafka, **EVERY_CLIENT, **READING, "group.id": f"{topic}.reading", "auto.offset.reset": "earliest"}
            )
            try:
                if partition not in consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions:
                    raise KafkaAway(f"there is no topic {topic} with a partition {partition}")
                place = TopicPartition(topic, partition)
                begin, end = ends(consumer, place)
                place.offset = begin
                consumer.assign([place])
            except BaseException:
                consumer.close()
                raise
            return cls(thread, consumer, topic, begin, end)

        try:
            return await thread.run(connect)
        except KafkaAway:
            await thread.end(lambda: None)
            raise

    async def next(self) -> list[Record]:
        """The next records, none at the end."""
        return await self._thread.run(self._next)

    def _next(self) -> list[Record]:
        deadline = time.monotonic() + 2 * PATIENCE_S
        while self._next_offset < self._end:
            first = self._consumer.poll(0.5)
            found = [m for m in ([first, *self._consumer.consume(2_000, 0)] if first else []) if arrived(m)]
            if found:
                self._next_offset = (found[-1].offset() or 0) + 1
                return [received(message) for message in found]
            if time.monotonic() > deadline:
                raise KafkaAway(f"{self._topic} brings nothing, though it holds more")
        return []

    async def close(self) -> None:
        await self._thread.end(self._consumer.close)
