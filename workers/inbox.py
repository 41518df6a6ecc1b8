"""Brings a worker the events of its partitions in order and without a hole: from Kafka, and from the log whenever Kafka
falls short."""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Counted
from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from zlib import crc32

import structlog
from prometheus_client import Counter, Gauge, Histogram
from psycopg import AsyncConnection

from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Recorded
from projections.host import Fenced
from workers.kafka import Delivery, Kafka, KafkaAway, Record, Subscription
from workers.relay import Standing, standing
from workers.watchdog import at_work

log = structlog.get_logger()

BATCH = 20_000
"""Events at a time: few enough to be applied in a second or so, and many, as a row that several of them concern is
written once."""

POLLED = 2 * BATCH
"""Records that a poll brings at the most."""

IDLE_S, HURRY_S, MEANWHILE_S = 0.25, 0.05, 0.005
"""How long a poll of Kafka waits for something to arrive: as a rule, while Kafka is silent, while the log is read."""

REST_EACH_S, MOST_REST_S = 0.002, 0.04
"""How long whoever wants each event at once rests, the longer the more of them have come together: under load batches
grow, and with them what is saved."""

LOOK_S = 1.0
"""How often a worker looks up whether something changed around it, and how old an event may get before it is read from
the log rather than awaited from Kafka."""

SILENT_S = 10.0
"""How long Kafka may keep back what the relay has published, before the consumer is made anew."""

REST_S = 3.0
"""How long a fenced worker stands back: by then its consumer has heard whether it is still a member of the group."""

EVENTS = Counter("kronika_worker_events", "Events applied.", ["worker", "source"])
BATCHES = Histogram(
    "kronika_worker_batch", "Events applied at a time.", ["worker"], buckets=(1, 5, 20, 100, 500, 2_000)
)
POSITION = Gauge("kronika_worker_position", "Last position applied, by partition.", ["worker", "partition"])
LOOKED = Gauge("kronika_worker_looked", "When the worker last looked around, in seconds since 1970.", ["worker"])


class Recipient(Protocol):
    """Whom an inbox serves: it has claimed partitions, each with a checkpoint, and fences earlier owners."""

    @property
    def partitions(self) -> set[int]:
        """Those claimed."""
        ...

    def checkpoint(self, partition: int) -> int:
        """The position up to which a claimed partition is done."""
        ...

    async def claim(self, partitions: Iterable[int]) -> None:
        """Become the owner of these partitions, and read their checkpoints (again)."""
        ...

    def release(self, partitions: Iterable[int]) -> None:
        """Own them no more."""
        ...

    async def apply(self, batch: Sequence[Recorded]) -> None:
        """Take in the next events, and with them move the checkpoints. Raises Fenced when another has become the
        owner of a partition; then nothing of the batch has taken effect."""
        ...


class Inbox:
    """Serves one recipient; several inboxes of the same name share the partitions among them.

    Every claimed partition is either *filled*, page by page from the log, or *follows* Kafka. It is filled from the
    moment it is claimed until a page is the last; again when a record's `previous` tells of a hole; and again when the
    log has had something for a second that Kafka has not brought. So all that Kafka does is to be quick.

    Who works on what is the consumer group's decision. Where it has none (Kafka is away, or busy sharing out), a worker
    takes the partitions that no living one holds, by advisory locks. Both are only manners: what keeps two owners
    apart is the recipient's fence.
    """

    def __init__(
        self,
        name: str,
        recipient: Recipient,
        connection: AsyncConnection[Any],
        codec: Codec,
        kafka: Kafka,
        pace_s: float = 0,
    ) -> None:
        """`connection` is the inbox's own: its advisory locks live and die with it. `pace_s` is for how long what
        arrives is let gather before the next batch, unless there is much to be made up for."""
        self.name = name
        self.recipient = recipient
        self._connection = connection
        self._codec = codec
        self._kafka = kafka
        self._pace_s = pace_s
        self._filling: set[int] = set()
        self._subscription: Subscription | None = None
        self._joining: asyncio.Task[Subscription] | None = None
        self._assigned: frozenset[int] | None = None
        self._locks = Locks(name, connection)
        self._hurry = True
        self._silence = Silence()
        self._join_at = self._claim_at = self._look_at = 0.0

    async def run(self) -> None:
        """Serve until cancelled. Raises what the recipient raises except Fenced, and psycopg.OperationalError when the
        log is away."""
        try:
            while True:
                try:
                    await self._step()
                except Fenced:
                    await self._stand_back()
        finally:
            await self._unsubscribe()

    async def _step(self) -> None:
        if time.monotonic() >= self._look_at:
            await self._look_around()
        hurry_s = max(HURRY_S, 2 * self._pace_s)  # so long that Kafka can be the first
        delivery = await self._poll(MEANWHILE_S if self._filling else hurry_s if self._hurry else IDLE_S)
        if delivery.assigned is not None:
            # No partition at all is no decision: a member that led the group before it knew the topic's partitions has
            # left all of them without anybody, for half a minute.
            self._assigned = delivery.assigned or None
            await self._take(delivery.assigned)
        await self._deliver(delivery.records)
        if self._hurry:
            self._filling |= (await self._behind(older_than_s=0)).keys()
        if self._filling:
            await self._fill()
        elif not self._pace_s:
            await asyncio.sleep(min(REST_EACH_S * (len(delivery.records) - 1), MOST_REST_S))

    # -- events

    async def _deliver(self, records: Sequence[Record]) -> None:
        self._silence.heard(records)
        if not (fresh := self._next(records)):
            return
        batch = self._decoded(fresh[:BATCH])
        for at in range(BATCH, len(fresh), BATCH):  # each is decoded while the store is busy with the one before
            decoding = asyncio.create_task(asyncio.to_thread(self._decoded, fresh[at : at + BATCH]))
            await self._apply(batch, "kafka")
            batch = await decoding
        await self._apply(batch, "kafka")
        self._hurry = False

    def _decoded(self, records: list[Record]) -> list[Recorded]:
        return feed.from_messages((record.body for record in records), self._codec)

    def _next(self, records: Sequence[Record]) -> list[Record]:
        """Those that continue partitions which follow Kafka, by position; a hole sends its partition to the log."""
        following = self.recipient.partitions - self._filling
        reached = {
            partition: self.recipient.checkpoint(partition) for partition in {r.partition for r in records} & following
        }
        fresh = []
        for record in records:
            done = reached.get(record.partition)
            if done is None or record.position <= done:
                continue
            if record.previous > done:
                self._filling.add(record.partition)
                del reached[record.partition]
                continue
            reached[record.partition] = record.position
            fresh.append(record)
        return sorted(fresh, key=lambda record: record.position)

    async def _fill(self) -> None:
        """One page from the log, of all the partitions that are filled from it."""
        each = max(1, BATCH // len(self._filling))
        after = {partition: self.recipient.checkpoint(partition) for partition in self._filling}
        page = await feed.next_of(self._connection, self._codec, after, each=each)
        if page:
            await self._apply(page, "log")
        found = Counted(recorded.partition for recorded in page)
        self._filling -= {partition for partition in after if found[partition] < each}

    async def _apply(self, batch: list[Recorded], source: str) -> None:
        await self.recipient.apply(batch)
        EVENTS.labels(self.name, source).inc(len(batch))
        BATCHES.labels(self.name).observe(len(batch))
        for partition, position in {recorded.partition: recorded.position for recorded in batch}.items():
            POSITION.labels(self.name, partition).set(position)

    # -- what changes around us

    async def _look_around(self) -> None:
        self._look_at = time.monotonic() + LOOK_S
        LOOKED.labels(self.name).set_to_current_time()
        at_work()
        now = await standing(self._connection)
        await self._tend_subscription(now)
        await self._tend_claims()
        late = await self._behind(older_than_s=LOOK_S)
        if late or self._assigned is None:
            self._hurry = True  # until Kafka is the first to bring something again
        self._filling |= late.keys()

    async def _behind(self, *, older_than_s: float) -> dict[int, int]:
        """The claimed partitions for which the log has had something new for so long, and the position of that."""
        claimed = list(self.recipient.partitions)
        cursor = await self._connection.execute(
            "SELECT c.partition, e.position FROM unnest(%s::smallint[], %s::bigint[]) AS c(partition, done)"
            " CROSS JOIN LATERAL (SELECT position, recorded_at FROM log.events WHERE partition = c.partition"
            " AND position > c.done ORDER BY position LIMIT 1) e"
            " WHERE e.recorded_at <= clock_timestamp() - make_interval(secs => %s)",
            [claimed, [self.recipient.checkpoint(partition) for partition in claimed], older_than_s],
            prepare=True,
        )
        return dict(await cursor.fetchall())

    async def _tend_subscription(self, now: Standing) -> None:
        """Be subscribed to the present topic, if there is one, and to a consumer that still brings what it should."""
        if self._subscription:
            following = self.recipient.partitions - self._filling
            done = {partition: self.recipient.checkpoint(partition) for partition in following}
            if self._subscription.topic != now.topic or self._silence.lasts(done, published=now.position):
                log.warning("leaves the topic", worker=self.name, topic=self._subscription.topic, present=now.topic)
                await self._unsubscribe()
        elif self._joining is None and now.topic and time.monotonic() >= self._join_at:
            group = f"{now.topic}.{self.name}"
            self._joining = asyncio.create_task(
                Subscription.join(self._kafka, group, now.topic, most=POLLED, pace_s=self._pace_s)
            )

    async def _tend_claims(self) -> None:
        if time.monotonic() < self._claim_at:
            return
        if self._assigned is None:
            free = await self._locks.take(await self._all() - self.recipient.partitions)
            if free:
                log.info("takes partitions that nobody holds", worker=self.name, partitions=sorted(free))
                await self.recipient.claim(free)
                self._filling |= free
        elif self._assigned != self.recipient.partitions:
            await self._take(self._assigned)
        else:
            await self._locks.take(self._assigned)

    # -- Kafka

    async def _poll(self, wait_s: float) -> Delivery:
        if self._joining and self._joining.done():
            await self._joined()
        if self._subscription is None:
            await asyncio.sleep(wait_s)
            return Delivery()
        try:
            return await self._subscription.poll(wait_s)
        except KafkaAway as error:
            log.warning("Kafka is away, the log serves alone", worker=self.name, error=str(error))
            await self._unsubscribe()
            return Delivery()

    async def _joined(self) -> None:
        assert self._joining
        joining, self._joining = self._joining, None
        try:
            self._subscription = joining.result()
        except KafkaAway as error:
            log.warning("Kafka is away, the log serves alone", worker=self.name, error=str(error))
            self._join_at = time.monotonic() + 2 * LOOK_S

    async def _unsubscribe(self) -> None:
        """Leave the group; what is claimed stays so, until another claims it."""
        self._assigned, self._hurry = None, True
        self._silence = Silence()
        if self._joining:
            await asyncio.wait({self._joining})
            await self._joined()
        if self._subscription:
            subscription, self._subscription = self._subscription, None
            await subscription.leave()

    # -- partitions

    async def _take(self, partitions: frozenset[int]) -> None:
        """Work on exactly these."""
        gone = self.recipient.partitions - partitions
        self.recipient.release(gone)
        await self._locks.drop(gone)
        await self._locks.take(partitions)
        await self.recipient.claim(partitions)
        self._filling = set(partitions)
        self._silence = Silence()
        log.info("works on", worker=self.name, partitions=sorted(partitions))

    async def _stand_back(self) -> None:
        """Another has claimed some of ours: by the group's decision, which we are about to hear of, or because we were
        thought dead. To claim them back now might be to quarrel with the rightful owner."""
        log.warning("fenced", worker=self.name, partitions=sorted(self.recipient.partitions))
        self._claim_at = time.monotonic() + REST_S
        ours = self.recipient.partitions
        self.recipient.release(ours)
        self._filling.clear()
        await self._locks.drop(ours)

    async def _all(self) -> set[int]:
        cursor = await self._connection.execute("SELECT generate_series(0, partitions - 1) FROM log.settings")
        return {row[0] for row in await cursor.fetchall()}


class Locks:
    """Advisory locks, one a partition, that say: somebody living works on it."""

    def __init__(self, name: str, connection: AsyncConnection[Any]) -> None:
        self._family = crc32(name.encode()) - (1 << 31)
        self._connection = connection
        self._held: set[int] = set()

    async def take(self, partitions: Iterable[int]) -> set[int]:
        """Those of them that were free and are now held."""
        wanted = set(partitions) - self._held
        taken = await self._each("SELECT p FROM unnest(%s::int[]) AS p WHERE pg_try_advisory_lock(%s::int, p)", wanted)
        self._held |= taken
        return taken

    async def drop(self, partitions: Iterable[int]) -> None:
        self._held -= await self._each(
            "SELECT p FROM unnest(%s::int[]) AS p WHERE pg_advisory_unlock(%s::int, p)", set(partitions) & self._held
        )

    async def _each(self, query: str, partitions: set[int]) -> set[int]:
        if not partitions:
            return set()
        cursor = await self._connection.execute(query, [list(partitions), self._family])
        return {row[0] for row in await cursor.fetchall()}


class Silence:
    """Whether Kafka keeps something back: the relay has published it, we have it from the log, and yet no record of it
    has come for ten seconds. (Clients have stalled on single partitions after a rebalance.)"""

    def __init__(self) -> None:
        self._heard: dict[int, int] = {}
        self._since: dict[int, float] = {}

    def heard(self, records: Sequence[Record]) -> None:
        for record in records:
            self._heard[record.partition] = max(record.position, self._heard.get(record.partition, 0))

    def lasts(self, done: dict[int, int], *, published: int) -> bool:
        """`done`: the checkpoints of the partitions that follow Kafka. What was done when one began to follow need not
        be heard."""
        now = time.monotonic()
        for partition, checkpoint in done.items():
            if self._heard.setdefault(partition, checkpoint) < checkpoint <= published:
                self._since.setdefault(partition, now)
            else:
                self._since.pop(partition, None)
        return any(now - since > SILENT_S for since in self._since.values())
