"""Reconciles read models and Kafka with the log, for a slice of all customers, one of them, or everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from rich.console import Console

from deploy.errors import NotAsPromised
from deploy.printing import Table
from deploy.settings import Settings
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.keeping import keys_of
from projections import TABLES
from projections.host import key_text
from projections.reconcile import Part, Reconciled, Reconciler, customer, slice_of
from projections.reconciliations import Summary, keep, next_slice
from workers.kafka import KafkaAway, Record
from workers.relay import republish
from workers.topic import Compared, compare

CONTENTS = 10
"""Of a slice's partition of the topic, every so many records are compared word by word, and all are for their place."""

Progress = Callable[[int, int], None]
"""Told (parts done, parts to do)."""


@dataclass(frozen=True)
class Wanted:
    """What is to be reconciled: the next slice, unless it is everything or one customer; and whether to mend."""

    slices: int = 64
    everything: bool = False
    customer_id: UUID | None = None
    heal: bool = True
    accept: bool = False
    kafka: bool = True
    resend: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came out of it. `kafka_away` says why Kafka could not be compared."""

    summary: Summary
    rows: Reconciled
    topic: list[Compared]
    kafka_away: str | None = None

    @property
    def as_it_should_be(self) -> bool:
        return (
            not self.rows.differences and self.kafka_away is None and all(part.as_it_should_be for part in self.topic)
        )


async def reconcile(settings: Settings, wanted: Wanted, tell: Progress) -> Outcome:
    """Raises NotAsPromised when a read model was built by another release."""
    assert settings.database_url
    began_at, done = datetime.now(UTC), Reconciled()
    keys = keys_of(settings.database_url, settings.keys_path)
    try:
        async with await AsyncConnection.connect(
            settings.database_url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC"
        ) as connection:
            await refuse_outdated(connection)
            sample, slice, parts = await parts_of(connection, wanted)
            reconciler = Reconciler(connection, Codec(keys), TABLES, heal=wanted.heal, accept=wanted.accept)
            for number, part in enumerate(parts):
                tell(number, len(parts))
                done += await reconciler.reconcile(part)
            topic, away, resent = await kafka(connection, settings, wanted, parts, turn=slice or 0)
            compared = bool(topic) and away is None
            summary = Summary(
                began_at,
                sample,
                slice,
                done.streams,
                done.rows,
                len(done.differences),
                done.healed,
                sum(part.records for part in topic) if compared else None,
                sum(len(part.missing) for part in topic) if compared else None,
                sum(len(part.altered) for part in topic) if compared else None,
                resent if compared else None,
            )
            return Outcome(await keep(connection, summary), done, topic, away)
    finally:
        keys.close()


async def refuse_outdated(connection: AsyncConnection[Any]) -> None:
    cursor = await connection.execute("SELECT projection, version FROM read.versions")
    built: dict[str, int] = dict(await cursor.fetchall())
    if outdated := [projection.name for projection in TABLES if built.get(projection.name) != projection.version]:
        raise NotAsPromised(f"another release has built {', '.join(outdated)}; run `kronika migrate` first")


async def parts_of(connection: AsyncConnection[Any], wanted: Wanted) -> tuple[str, int | None, list[Part]]:
    """What the sample is called, the number of its slice, and its parts."""
    cursor = await connection.execute("SELECT partitions FROM log.settings")
    row = await cursor.fetchone()
    assert row is not None
    partitions = int(row[0])
    slices = partitions * ceil(wanted.slices / partitions)
    if wanted.customer_id:
        part = customer(wanted.customer_id, partitions)
        return part.name, None, [part]
    if wanted.everything:
        return "everything", None, [slice_of(number, slices, partitions) for number in range(slices)]
    number = await next_slice(connection, slices)
    part = slice_of(number, slices, partitions)
    return part.name, number, [part]


async def kafka(
    connection: AsyncConnection[Any], settings: Settings, wanted: Wanted, parts: list[Part], turn: int
) -> tuple[list[Compared], str | None, int]:
    """The partitions of the topic beside the log, why that could not be, and how many events were sent again."""
    if not wanted.kafka:
        return [], None, 0
    assert settings.database_url
    assert settings.kafka_bootstrap
    client = settings.kafka_client(settings.kafka_bootstrap)

    def sampled(record: Record) -> bool:
        if wanted.customer_id:
            return record.key == wanted.customer_id.bytes
        return wanted.everything or (record.position + turn) % CONTENTS == 0

    topic: list[Compared] = []
    try:
        topic = await compare(connection, client, sorted({part.partition for part in parts}), sampled)
        missing = [position for part in topic for position in part.missing]
        if not (wanted.resend and missing):
            return topic, None, 0
        resent = await republish(settings.database_url, client, after=min(missing) - 1, up_to=max(missing))
        return topic, None, resent
    except KafkaAway as error:
        return topic, str(error), 0


def as_json(outcome: Outcome) -> str:
    found = {
        "summary": outcome.summary,
        "refused": outcome.rows.refused,
        "differences": [
            {
                "read_model": one.read_model,
                "key": orjson.loads(key_text(one.key)),
                "what": one.what,
                "columns": {name: values and values._asdict() for name, values in one.columns.items()},
                "healed": one.healed,
            }
            for one in outcome.rows.differences
        ],
        "topic": outcome.topic,
        "kafka_away": outcome.kafka_away,
    }
    return orjson.dumps(found, default=sorted).decode()


def show(console: Console, outcome: Outcome) -> None:
    if outcome.rows.differences:
        table = Table("read model", "row", "is", "columns: live → log", "healed")
        for one in outcome.rows.differences:
            columns = "\n".join(f"{name}: {v.live} → {v.log}" if v else name for name, v in one.columns.items())
            table.add_row(one.read_model, key_text(one.key), one.what, columns, "yes" if one.healed else "no")
        console.print(table)
    if outcome.rows.refused:
        console.print(
            "Too much differs to be healed unasked. Are these the keys of this log (KRONIKA_KEYS_PATH)?"
            " Once you know why: --accept-difference, or `kronika rebuild` of what is named above."
        )
    if outcome.topic:
        table = Table(
            "partition", "records", "compared", "repeated", "sent late", "to send", "missing", "altered", "kept since"
        )
        for part in outcome.topic:
            counts = (part.records, part.read, part.repeated, part.late, part.waiting)
            faults = (some(part.missing), some(part.altered), f"{part.since:,}")
            table.add_row(str(part.partition), *(f"{count:,}" for count in counts), *faults)
        console.print(table)
    if outcome.kafka_away:
        console.print(f"Kafka could not be compared: {outcome.kafka_away}")
    console.print(str(outcome.summary))


def some(positions: set[int]) -> str:
    """How many, and the first of them."""
    first = ", ".join(str(position) for position in sorted(positions)[:3])
    return f"{len(positions):,}: {first}{', …' if len(positions) > 3 else ''}" if positions else "0"
