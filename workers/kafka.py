"""Kafka behind a few methods: each client of kafka-python lives in a thread of its own, spoken to from asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, ParamSpec, TypeVar

import structlog
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

Kafka = Mapping[str, Any]
"""How to reach a cluster: the connection arguments of every kafka-python client (bootstrap_servers, TLS, SASL)."""

LARGEST = 8 << 20
"""Bytes of the largest record: a command's body is at most 1 MB, its events carry little more, sealed and in base64."""

MANY = 1 << 20
"""Bytes of records that need not wait for more."""

PATIENCE_MS = 5_000
SLOWEST_S = 30.0
"""When a client has not come back from a call by then, it never will."""


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
    """The thread in which one client is made, used and closed."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises KafkaAway, whatever it was that broke: the client says it in ValueErrors and RuntimeErrors, too."""
        try:
            work = asyncio.get_running_loop().run_in_executor(self._executor, lambda: call(*args, **kwargs))
            async with asyncio.timeout(SLOWEST_S):  # Python 3.11's wait_for can swallow a cancellation
                return await work
        except Exception as error:
            raise KafkaAway(f"{type(error).__name__}: {error}") from error

    async def end(self, close: Callable[[], None]) -> None:
        with contextlib.suppress(KafkaAway):
            await self.run(close)
        self._executor.shutdown(wait=False)


class Publisher:
    """Makes topics and appends records to them. Make it with `Publisher.connect`; of no use after a failure."""

    def __init__(self, thread: Thread, producer: Any, admin: Any) -> None:
        self._thread, self._producer, self._admin = thread, producer, admin
        self._ends: dict[TopicPartition, int] = {}  # where each partition ended when something was last appended to it
        self._closing = False

    @classmethod
    async def connect(cls, kafka: Kafka) -> Publisher:
        thread = Thread("kafka-publisher")
        try:
            return cls(thread, *await thread.run(clients, kafka))
        except KafkaAway:
            await thread.end(lambda: None)
            raise

    async def cluster(self) -> str:
        """The id of the cluster; another one is another Kafka, whatever its address."""
        description = await self._thread.run(self._admin.describe_cluster)
        return str(description["cluster_id"])

    async def has(self, topic: str) -> bool:
        """Raises KafkaAway when that cannot be said now."""
        (found,) = await self._thread.run(self._admin.describe_topics, [topic])
        if found["error_code"] not in (0, UnknownTopicOrPartitionError.errno):
            raise KafkaAway(f"{topic}: error {found['error_code']}")
        return bool(found["error_code"] == 0)

    async def create(self, topic: str, partitions: int) -> bool:
        """Make the topic and wait until every partition has a leader; False when the name is taken."""

        def make() -> bool:
            wanted = {"num_partitions": partitions, "configs": {"max.message.bytes": str(LARGEST)}}
            try:
                self._admin.create_topics({topic: wanted}, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                return False
            return True

        return await self._thread.run(make)

    async def publish(self, topic: str, records: Sequence[Record]) -> int:
        """Append the records. Returns how many, from the first on without a gap, are acknowledged to be there.

        Kafka takes for a repetition, and drops, what a producer of the same number has sent before, and a Kafka that
        lost its data gives its numbers out once more. So nothing counts that is acknowledged to be at a place which was
        taken before."""
        return await self._thread.run(self._publish, topic, records)

    def _publish(self, topic: str, records: Sequence[Record]) -> int:
        places = {r.partition: TopicPartition(topic, r.partition) for r in records}
        if new := {place: OffsetSpec.LATEST for place in places.values() if place not in self._ends}:
            for place, found in self._admin.list_partition_offsets(new, timeout_ms=PATIENCE_MS).items():
                self._ends[place] = found.offset
        sent: list[Any] = []
        with contextlib.suppress(
            KafkaError, ValueError
        ):  # ValueError: the topic is gone. Those not sent are missing below
            sent.extend(self._producer.send(topic, r.body, r.key, headers(r), r.partition) for r in records)
        deadline = time.monotonic() + 3 * PATIENCE_MS / 1000
        while not (self._closing or all(sending.is_done for sending in sent)) and time.monotonic() < deadline:
            with contextlib.suppress(KafkaError):
                self._producer.flush(timeout=0.5)
        # One by one: a batch that failed says nothing about the later ones, nor they about it.
        for acknowledged, (record, sending) in enumerate(zip(records, sent, strict=False)):
            if not (sending.is_done and sending.succeeded()):
                return acknowledged
            place, offset = places[record.partition], sending.value.offset
            if offset < self._ends[place]:
                log.warning("taken for a repetition", topic=topic, position=record.position, offset=offset)
                return acknowledged
            self._ends[place] = offset + 1
        return len(sent)

    async def close(self) -> None:
        self._closing = True

        def close() -> None:
            self._producer.close(timeout=0)
            self._admin.close()

        await self._thread.end(close)


def clients(kafka: Kafka) -> tuple[Any, Any]:
    admin = KafkaAdminClient(
        **kafka, request_timeout_ms=PATIENCE_MS, bootstrap_timeout_ms=PATIENCE_MS, reconnect_backoff_max_ms=1_000
    )
    try:
        producer = KafkaProducer(
            **kafka,
            acks="all",
            enable_idempotence=True,  # and with it, order kept with five requests in flight
            linger_ms=1_000,  # each page is flushed: until then requests only grow
            batch_size=1 << 19,
            max_request_size=LARGEST,
            request_timeout_ms=PATIENCE_MS,
            delivery_timeout_ms=2 * PATIENCE_MS,
            max_block_ms=PATIENCE_MS,
            bootstrap_timeout_ms=PATIENCE_MS,
            reconnect_backoff_max_ms=1_000,
            metadata_max_age_ms=30_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
    except BaseException:
        admin.close()
        raise
    return producer, admin


def headers(record: Record) -> list[tuple[str, bytes]]:
    trace = [("traceparent", record.trace.encode())] if record.trace else []
    return [("position", b"%d" % record.position), ("previous", b"%d" % record.previous), *trace]


class Subscription:
    """One member of a consumer group that shares a topic's partitions. Make it with `Subscription.join`; of no use
    after a failure.

    Nothing is committed to Kafka, and every assignment begins at the topic's end: what is older is read from the log.
    """

    def __init__(self, topic: str, thread: Thread, consumer: Any, assignments: Assignments) -> None:
        self.topic = topic
        self._thread, self._consumer, self._assignments = thread, consumer, assignments

    @classmethod
    async def join(cls, kafka: Kafka, group: str, topic: str, *, most: int, pace_s: float = 0) -> Subscription:
        """`most`: how many records one poll brings. `pace_s`: for how long Kafka lets them gather, unless there are
        many; otherwise it brings each as soon as it has it."""
        thread, assignments = Thread(f"kafka-{group}"), Assignments()

        def connect() -> Any:
            consumer = KafkaConsumer(
                **kafka,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                session_timeout_ms=10_000,
                heartbeat_interval_ms=1_000,
                max_poll_interval_ms=60_000,
                max_poll_records=most,
                fetch_min_bytes=MANY if pace_s else 1,
                fetch_max_wait_ms=int(1000 * pace_s) or 250,
                max_partition_fetch_bytes=LARGEST // 4,
                request_timeout_ms=2 * PATIENCE_MS,
                bootstrap_timeout_ms=PATIENCE_MS,
                reconnect_backoff_max_ms=1_000,
                metadata_max_age_ms=30_000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            # A member that leads its group before it knows the topic's partitions would share out none of them.
            if not consumer.partitions_for_topic(topic):
                consumer.close(autocommit=False)
                raise KafkaAway(f"the topic {topic} is not known yet")
            consumer.subscribe([topic], listener=assignments)
            return consumer

        try:
            return cls(topic, thread, await thread.run(connect), assignments)
        except KafkaAway:
            await thread.end(lambda: None)
            raise

    async def poll(self, wait_s: float) -> Delivery:
        """What has arrived, or arrives within `wait_s`. An assignment is told before the first record of it; the topic
        held all records older than those that follow when it was told."""
        return await self._thread.run(self._poll, int(wait_s * 1000))

    def _poll(self, wait_ms: int) -> Delivery:
        found = self._consumer.poll(wait_ms)
        if self._assignments.changed:
            # Where this poll began to read is the client's guess; from here on it is known.
            self._assignments.changed = False
            assigned = self._consumer.assignment()
            for partition, end in self._consumer.end_offsets(assigned, timeout_ms=PATIENCE_MS).items():
                self._consumer.seek(partition, end)
            return Delivery(assigned=frozenset(partition.partition for partition in assigned))
        return Delivery([received(message) for messages in found.values() for message in messages])

    async def leave(self) -> None:
        """Let the others have our partitions at once, rather than when they miss us."""
        await self._thread.end(lambda: self._consumer.close(autocommit=False, timeout_ms=2_000))


@dataclass
class Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Notices that the group has shared out its partitions anew. Called in the client's own thread."""

    changed: bool = field(default=False)

    def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Nothing to do: until another owner has claimed them they may well be worked on."""

    def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        self.changed = True


def received(message: Any) -> Record:
    told = dict(message.headers)
    return Record(message.partition, int(told["position"]), int(told["previous"]), message.value, message.key or b"")


class Reading:
    """Reads what one partition of a topic holds now, from its first record to its last. Begin it with
    `Reading.begin`."""

    def __init__(self, thread: Thread, consumer: Any, partition: Any, whole: bool, end: int) -> None:
        self._thread, self._consumer, self._partition, self._end = thread, consumer, partition, end
        self.whole = whole
        """Whether the partition still holds its very first record."""

    @classmethod
    async def begin(cls, kafka: Kafka, topic: str, partition: int) -> Reading:
        thread = Thread("kafka-reading")

        def connect() -> Reading:
            consumer = KafkaConsumer(
                **kafka,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                max_poll_records=2_000,
                max_partition_fetch_bytes=LARGEST,
                request_timeout_ms=2 * PATIENCE_MS,
                bootstrap_timeout_ms=PATIENCE_MS,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            try:
                if partition not in (consumer.partitions_for_topic(topic) or ()):
                    raise KafkaAway(f"there is no topic {topic} with a partition {partition}")
                place = TopicPartition(topic, partition)
                consumer.assign([place])
                begin, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
                consumer.seek(place, begin)
            except BaseException:
                consumer.close(autocommit=False)
                raise
            return cls(thread, consumer, place, begin == 0, end)

        try:
            return await thread.run(connect)
        except KafkaAway:
            await thread.end(lambda: None)
            raise

    async def next(self) -> list[Record]:
        """The next records, none at the end."""
        return await self._thread.run(self._next)

    def _next(self) -> list[Record]:
        deadline = time.monotonic() + 2 * PATIENCE_MS / 1000
        while self._consumer.position(self._partition) < self._end:
            if found := self._consumer.poll(500):
                return [received(message) for messages in found.values() for message in messages]
            if time.monotonic() > deadline:
                raise KafkaAway(f"{self._partition.topic} brings nothing, though it holds more")
        return []

    async def close(self) -> None:
        await self._thread.end(lambda: self._consumer.close(autocommit=False, timeout_ms=2_000))
