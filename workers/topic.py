"""Compares the present generation of the topic with the log: every position is there, in order, and says the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from eventlog import feed
from workers.kafka import Kafka, KafkaAway, Reading, Record
from workers.relay import Standing, last_positions, standing

Sampled = Callable[[Record], bool]
"""Whether what a record says is compared with the log, too, beyond its place."""


@dataclass
class Compared:
    """One partition of the topic beside the log.

    `missing` are positions that the relay has published and the topic does not hold; `altered` those at which it holds
    something else than the log. Up to `since` nothing is expected there: it is older than this generation of the topic,
    or Kafka has kept it for as long as it was told to, and `kronika relay --from` publishes it again.
    """

    partition: int
    since: int = 0
    records: int = 0
    repeated: int = 0
    """Published more than once, as after a relay's death; consumers pass over them."""
    late: int = 0
    """First published after a later one: once missing, and sent again."""
    read: int = 0
    """Records whose content was compared."""
    waiting: int = 0
    """Events that the relay has yet to publish."""
    missing: set[int] = field(default_factory=set)
    altered: set[int] = field(default_factory=set)

    @property
    def as_it_should_be(self) -> bool:
        return not (self.missing or self.altered)


async def compare(
    connection: AsyncConnection[Any], kafka: Kafka, partitions: list[int], sampled: Sampled
) -> list[Compared]:
    """Read these partitions of the topic, from end to end, beside the log. Raises KafkaAway, also when there is no
    topic."""
    now = await standing(connection)  # first: up to where it stands, everything is in the topic
    if now.topic is None:
        raise KafkaAway("there is no topic yet: start the relay first")
    return [await Beside(connection, now, partition, sampled).compare(kafka, now.topic) for partition in partitions]


class Beside:
    """One partition of the log, walked along as the topic is read."""

    def __init__(self, connection: AsyncConnection[Any], now: Standing, partition: int, sampled: Sampled) -> None:
        self.connection = connection
        self.now = now
        self.sampled = sampled
        self.found = Compared(partition)

    async def compare(self, kafka: Kafka, topic: str) -> Compared:
        reading = await Reading.begin(kafka, topic, self.found.partition)
        try:
            records = await reading.next()
            await self._begin(records, reading.whole)
            while records:
                await self._places(records)
                await self._contents([record for record in records if self.sampled(record)])
                records = await reading.next()
        finally:
            await reading.close()
        self.found.missing.update(await self._in_log(self._reached, self.now.position))
        self.found.waiting = len(await self._in_log(max(self._reached, self.now.position), None))
        return self.found

    async def _begin(self, records: list[Record], whole: bool) -> None:
        if whole and self.now.begins is not None:
            self.found.since = self.now.begins
        else:
            self.found.since = records[0].previous if records else self.now.position
        self._reached = self.found.since
        self._previous = (await last_positions(self.connection, self._reached))[self.found.partition]

    async def _places(self, records: list[Record]) -> None:
        """The positions, and which each is said to follow; those up to the last one before are there again."""
        self.found.records += len(records)
        fresh: dict[int, int] = {}
        last, again = self._reached, []
        for record in records:
            if record.position > last:
                fresh[record.position] = record.previous
                last = record.position
            else:
                again.append(record.position)
        expected = await self._in_log(self._reached, last)
        self.found.missing.update(expected)
        self.found.missing -= fresh.keys()
        self.found.altered.update(fresh.keys() - set(expected))
        for position in expected:
            if fresh.get(position, self._previous) != self._previous:
                self.found.altered.add(position)
            self._previous = position
        for position in again:
            self.found.late += position in self.found.missing
            self.found.repeated += position not in self.found.missing
            self.found.missing.discard(position)
        self._reached = last

    async def _contents(self, records: list[Record]) -> None:
        self.found.read += len(records)
        kept = await feed.messages_at(self.connection, [record.position for record in records])
        for record in records:
            partition, subject_id, body = kept.get(record.position, (None, None, b""))
            stands = (partition, subject_id) == (record.partition, UUID(bytes=record.key))
            if not (stands and same(record.body, body)):
                self.found.altered.add(record.position)

    async def _in_log(self, after: int, up_to: int | None) -> list[int]:
        cursor = self.connection.cursor(row_factory=tuple_row)
        await cursor.execute(
            "SELECT position FROM log.events WHERE partition = %s::smallint AND position > %s"
            " AND position <= coalesce(%s, 9223372036854775807) ORDER BY position",
            [self.found.partition, after, up_to],
        )
        return [position for (position,) in await cursor.fetchall()]


def same(published: bytes, kept: bytes) -> bool:
    """Whether a record says what the log says. An earlier release may have said less of the envelope."""
    if published == kept:
        return True
    said, known = orjson.loads(published), orjson.loads(kept)
    return bool(said == {name: known.get(name) for name in said})
