"""Works out the rows of some customers anew, straight from the log, tells which live rows differ, and heals those."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row, tuple_row

from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Recorded, partition_of
from projections.cut import folded
from projections.host import Host, Key, key_text
from projections.projection import Projection, Row
from projections.slot import Slot, as_json

STREAMS = 250
"""Streams that are compared at a time."""

MANY, MANY_OF_ALL = 30, 0.05
"""So many rows of a part, and such a share of them, may differ and be healed unasked."""

SIMPLE = ("uuid", "integer", "bigint", "numeric", "boolean", "date", "timestamptz")
"""Columns of these types may be shown in a report, unless what they hold is personal."""


@dataclass(frozen=True)
class Part:
    """Some subjects with all streams about them, in one partition."""

    name: str
    partition: int
    subjects: sql.Composable
    """Which: a condition on the column `subject_id` of the log's events."""
    strays: Callable[[Projection], sql.Composable]
    """Which rows `t` of a read model are looked through for those that no stream stands behind."""


def slice_of(number: int, of: int, partitions: int) -> Part:
    """One of `of` slices of all subjects; `of` is a multiple of the number of partitions."""
    return Part(
        f"slice {number + 1} of {of}",
        number % partitions,
        share("subject_id", number // partitions, of // partitions),
        lambda projection: share("t." + projection.stream_column, number, of),
    )


def customer(id: UUID, partitions: int) -> Part:
    """One customer, or whatever else a stream is about."""

    def strays(projection: Projection) -> sql.Composable:
        columns = {projection.stream_column, "subject_id"} & projection.table.columns.keys()
        return sql.SQL(" OR ").join(sql.SQL("t.{} = {}").format(sql.Identifier(c), sql.Literal(id)) for c in columns)

    subjects = sql.SQL("subject_id = {}").format(sql.Literal(id))
    return Part(f"customer {id}", partition_of(id, partitions), subjects, strays)


def share(column: str, number: int, of: int) -> sql.Composable:
    """A condition that one of so many ids fulfils, always the same ones."""
    return sql.SQL("mod(hashtextextended({}::text, 0) & x'7fffffffffffffff'::bigint, {}) = {}").format(
        sql.Identifier(*column.split(".")), sql.Literal(of), sql.Literal(number)
    )


class Values(NamedTuple):
    """What a column holds, and what it should hold, as text."""

    live: str | None
    log: str | None


@dataclass(frozen=True)
class Difference:
    """A row that is not what the log makes it: it is `missing`, it is `too many`, or it `differs` in these columns.
    Of a column that may say something about a person nothing but its name is told."""

    read_model: str
    key: Key
    what: str
    columns: dict[str, Values | None] = field(default_factory=dict)
    healed: bool = False


@dataclass
class Reconciled:
    """What came out of it: so many streams, so many rows that there should be, and what differed."""

    streams: int = 0
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    refused: bool = False
    """More differed than is healed without being told so."""

    def __add__(self, other: Reconciled) -> Reconciled:
        return Reconciled(
            self.streams + other.streams,
            self.rows + other.rows,
            self.differences + other.differences,
            self.refused or other.refused,
        )

    @property
    def healed(self) -> int:
        return sum(difference.healed for difference in self.differences)


class Place(NamedTuple):
    """Where something differs: in a slot's rows of these streams."""

    slot: Slot
    partition: int
    tenant: str
    ids: list[UUID]


@dataclass(frozen=True)
class Stand:
    """How far the read models have come in one partition, and what they leave out there."""

    checkpoints: dict[str, int]
    parked: dict[tuple[str, str], int]
    """By slot and row: the first event that waits; the row stands still before it."""
    skipped: frozenset[tuple[str, int]]

    def counted(self, slot: Slot, events: Iterable[Recorded]) -> dict[Key, list[Recorded]]:
        """The events that the slot has taken in, by the row they concern."""
        projection, reached = slot.projection, self.checkpoints[slot.name]
        found: dict[Key, list[Recorded]] = {}
        for recorded in events:
            if (
                recorded.position <= reached
                and recorded.event_class in projection.handlers
                and (projection.name, recorded.position) not in self.skipped
            ):
                found.setdefault(projection.key(recorded), []).append(recorded)
        if any(name == slot.name for name, _ in self.parked):
            for key, own in found.items():
                stop = self.parked.get((slot.name, key_text(key)), reached + 1)
                found[key] = [recorded for recorded in own if recorded.position < stop]
        return found


class Reconciler:
    """Compares the live rows of read models with the log over one connection in autocommit mode.

    What is compared is seen in one snapshot, and a row and its checkpoint commit together: so a difference is one,
    however busy the projector is. Before a row is healed all is looked at once more, with the checkpoint held.
    """

    def __init__(
        self,
        connection: AsyncConnection[Any],
        codec: Codec,
        projections: Sequence[Projection],
        *,
        heal: bool,
        accept: bool = False,
    ) -> None:
        """`accept`: heal whatever share of the rows differs. Where many do, the reason is rather on our side: keys that
        are not the ones of this log read as forgotten ones."""
        self.connection = connection
        self.codec = codec
        self.slots = [Slot(projection) for projection in projections]
        self.heal = heal
        self.accept = accept

    async def reconcile(self, part: Part) -> Reconciled:
        done = Reconciled()
        differing: list[Place] = []
        cursor = self.connection.cursor(row_factory=tuple_row)
        await cursor.execute(
            sql.SQL(
                "SELECT tenant, array_agg(stream_id) || subject_id FROM log.events"
                " WHERE partition = %s::smallint AND version = 1 AND {} GROUP BY tenant, subject_id ORDER BY tenant"
            ).format(part.subjects),
            [part.partition],
        )
        for tenant, ids in pages(await cursor.fetchall()):
            differing += await self._compare(done, part.partition, tenant, ids)
        strays = [(slot, found) for slot in self.slots if (found := await self._strays(slot, part))]
        done.differences += [difference for _, found in strays for difference in found]
        if self.heal and done.differences:
            if not self.accept and self._concerned(done) > max(MANY, done.rows * MANY_OF_ALL):
                done.refused = True
                return done
            done.differences = [one for place in differing for one in await self._healed(place)]
            done.differences += [one for slot, _ in strays for one in await self._strays_gone(slot, part)]
        return done

    def _concerned(self, done: Reconciled) -> int:
        """How many rows differ, all versions of one counted together."""
        read_models = {slot.projection.name: slot.projection for slot in self.slots}
        return len({(one.read_model, read_models[one.read_model].folded_by(one.key)) for one in done.differences})

    async def _compare(self, done: Reconciled, partition: int, tenant: str, ids: list[UUID]) -> list[Place]:
        """Count these streams and their rows, and note what differs. Answers where something does."""
        differing = []
        async with self.connection.transaction():
            await self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            events = await self._events(tenant, ids)
            stand = await self._stand(partition)
            for slot in self.slots:
                rows = expected(slot, stand.counted(slot, events))
                done.rows += len(rows)
                if found := await self._differences(slot, tenant, ids, rows):
                    done.differences += found
                    differing.append(Place(slot, partition, tenant, ids))
        done.streams += len({recorded.stream_id for recorded in events})
        return differing

    async def _healed(self, place: Place) -> list[Difference]:
        """Write the rows that still differ as the log makes them. A live projector waits meanwhile, and is fenced: it
        may remember such a row as it was, and has to claim its partitions, and read its rows, anew."""
        slot, partition, tenant, ids = place
        async with self.connection.transaction():
            await self.connection.execute(
                "UPDATE read.checkpoints SET owner = owner + 1 WHERE slot = %s AND partition = %s",
                [slot.name, partition],
            )
            stand = await self._stand(partition)
            counted = stand.counted(slot, await self._events(tenant, ids))
            found = await self._differences(slot, tenant, ids, expected(slot, counted))
            keys = {slot.projection.folded_by(difference.key) for difference in found}
            await self._delete(slot, keys)
            await Host(self.connection, [slot]).refold(slot, {key: counted[key] for key in keys if counted.get(key)})
        return [replace(difference, healed=True) for difference in found]

    async def _events(self, tenant: str, ids: list[UUID]) -> list[Recorded]:
        """Every event of these streams, by position."""
        streams = await feed.streams(self.connection, self.codec, tenant, ids)
        return sorted((recorded for stream in streams.values() for recorded in stream), key=lambda r: r.position)

    async def _stand(self, partition: int) -> Stand:
        cursor = self.connection.cursor(row_factory=tuple_row)
        await cursor.execute("SELECT slot, position FROM read.checkpoints WHERE partition = %s", [partition])
        checkpoints: dict[str, int] = dict(await cursor.fetchall())
        await cursor.execute(
            "SELECT slot, key, min(position) FROM read.parked WHERE partition = %s GROUP BY slot, key", [partition]
        )
        parked = {(slot, key): position for slot, key, position in await cursor.fetchall()}
        await cursor.execute("SELECT projection, position FROM read.skipped")
        return Stand(checkpoints, parked, frozenset(await cursor.fetchall()))

    async def _differences(self, slot: Slot, tenant: str, ids: list[UUID], rows: list[Row]) -> list[Difference]:
        cursor = self.connection.cursor(row_factory=dict_row)
        await cursor.execute(comparison(slot), [as_json(rows), ids, tenant])
        return [self._difference(slot, row) for row in await cursor.fetchall()]

    def _difference(self, slot: Slot, row: Row) -> Difference:
        columns = row["_columns"] or {}
        shown = shown_columns(slot.projection, self.codec) if columns else frozenset()
        return Difference(
            slot.projection.name,
            tuple(row[column] for column in slot.projection.table.key),
            row["_what"],
            {name: Values(*values) if name in shown else None for name, values in sorted(columns.items())},
        )

    async def _strays_gone(self, slot: Slot, part: Part) -> list[Difference]:
        """Delete the rows that no stream stands behind. Nobody can say from which partition such a row would be
        written, so all checkpoints are held: by one table lock, as several row locks may close a circle."""
        async with self.connection.transaction():
            await self.connection.execute("LOCK TABLE read.checkpoints IN EXCLUSIVE MODE")
            await self.connection.execute("UPDATE read.checkpoints SET owner = owner + 1 WHERE slot = %s", [slot.name])
            found = await self._strays(slot, part)
            await self._delete(slot, {difference.key for difference in found})
        return [replace(difference, healed=True) for difference in found]

    async def _strays(self, slot: Slot, part: Part) -> list[Difference]:
        """The rows that no stream stands behind."""
        projection = slot.projection
        cursor = self.connection.cursor(row_factory=tuple_row)
        await cursor.execute(
            sql.SQL(
                "SELECT {key} FROM {table} t WHERE ({among}) AND NOT EXISTS (SELECT FROM log.events e"
                " WHERE e.tenant = t.tenant AND e.stream_id = t.{stream} AND e.version = 1)"
            ).format(
                key=sql.SQL(", ").join(map(sql.Identifier, projection.table.key)),
                table=slot.table,
                among=part.strays(projection),
                stream=sql.Identifier(projection.stream_column),
            )
        )
        return [Difference(projection.name, key, "too many") for key in await cursor.fetchall()]

    async def _delete(self, slot: Slot, keys: Collection[Key]) -> None:
        """The rows of these keys, or of as much of a key as is given."""
        if keys:
            table, given = slot.projection.table, slot.projection.table.key[: len(next(iter(keys)))]
            query = sql.SQL("DELETE FROM {} t USING unnest({}) AS k({}) WHERE {}").format(
                slot.table,
                sql.SQL(", ").join(sql.SQL("%s::" + table.columns[column].split()[0] + "[]") for column in given),
                sql.SQL(", ").join(map(sql.Identifier, given)),
                sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(sql.Identifier(column)) for column in given),
            )
            await self.connection.execute(query, [list(column) for column in zip(*keys, strict=True)])


def pages(subjects: list[tuple[str, list[UUID]]]) -> Iterator[tuple[str, list[UUID]]]:
    """The streams of whole subjects of one tenant, not many more than STREAMS at a time."""
    for tenant, group in groupby(subjects, key=lambda subject: subject[0]):
        page: set[UUID] = set()
        for _, ids in group:
            page.update(ids)
            if len(page) >= STREAMS:
                yield tenant, list(page)
                page = set()
        if page:
            yield tenant, list(page)


def expected(slot: Slot, counted: dict[Key, list[Recorded]]) -> list[Row]:
    """The rows as the log makes them."""
    made = (folded(slot.projection, events)[0] for events in counted.values())
    return [row for one in made if one is not None for row in slot.projection.written(one)]


def shown_columns(projection: Projection, codec: Codec) -> frozenset[str]:
    """The columns whose values a report may show: what an event says that is not personal, and what can be nothing
    but a number, a moment or an id. None that holds several things in one."""
    types = [codec.type_of(event_class) for event_class in projection.handlers]
    plain = {name for known in types for name in known.hints} - projection.table.json_columns
    simple = {column for column, kind in projection.table.columns.items() if kind.split()[0] in SIMPLE}
    return frozenset((plain | simple) - {name for known in types for name in known.personal})


@cache
def comparison(slot: Slot) -> bytes:
    """What differs between rows (given as JSON) and the live rows of these streams: compared as the table would hold
    them, to the last digit."""
    projection = slot.projection
    return (
        sql.SQL(
            "WITH expected AS MATERIALIZED (SELECT * FROM json_populate_recordset(NULL::{table}, %s::json)),"
            " live AS MATERIALIZED (SELECT t.* FROM {table} t JOIN unnest(%s::uuid[]) AS k(id) ON t.{stream} = k.id"
            "  WHERE t.tenant = %s)"
            " SELECT {key}, CASE WHEN live.tenant IS NULL THEN 'missing' WHEN expected.tenant IS NULL THEN 'too many'"
            "  ELSE 'differs' END AS _what,"
            "  (SELECT json_object_agg(a.key, json_build_array(b.value, a.value))"
            "     FROM jsonb_each_text(to_jsonb(expected)) a JOIN jsonb_each_text(to_jsonb(live)) b USING (key)"
            "    WHERE a.value IS DISTINCT FROM b.value) AS _columns"
            " FROM expected FULL JOIN live USING ({key}) WHERE expected::text IS DISTINCT FROM live::text"
        )
        .format(
            table=slot.table,
            stream=sql.Identifier(projection.stream_column),
            key=sql.SQL(", ").join(map(sql.Identifier, projection.table.key)),
        )
        .as_bytes()
    )
