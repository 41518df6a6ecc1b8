"""Runs projections: a batch of events, the rows it changes and the checkpoint, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from eventlog.envelope import EventClass, Recorded
from projections.projection import Row
from projections.slot import ADVANCE, FENCED, Slot, as_jsonb, by_column, copy_in, rows_by_key, upsert, write_at_once

log = structlog.get_logger()

Key = tuple[Any, ...]
Reached = dict[tuple[str, int], int]
"""Where the checkpoints move to, by slot and partition."""

COPIED = 100
"""From so many new rows on, to copy them costs less than a statement that brings them as JSON."""

REMEMBERED = 30_000
"""Rows kept in memory, some 100 MB at the most: those that changed last."""


class Fenced(Exception):
    """Another worker has taken over; what this one was about to write changes nothing."""


@dataclass(eq=False)
class Fold:
    """What a batch does to one slot's rows, worked out in memory."""

    slot: Slot
    events: dict[Key, list[Recorded]]
    rows: dict[Key, Row] = field(default_factory=dict)
    failed: list[Key] = field(default_factory=list)
    """Rows whose handler raised: half done, to be read and folded once more with care."""
    parked: list[tuple[Key, Recorded, str | None]] = field(default_factory=list)

    @property
    def copied(self) -> bool:
        """Whether there are so many new rows that they are copied."""
        return self.slot.projection.per_event and len(self.rows) >= COPIED

    def written(self) -> list[Row]:
        """The rows to be written."""
        written = self.slot.projection.written
        return [row for key in self.events if key in self.rows for row in written(self.rows[key])]


class Host:
    """Keeps a set of slots up to date over one connection, for the partitions it has claimed.

    Whoever claims a partition raises the owner epoch of its checkpoint; the transaction of an earlier owner then finds
    its checkpoint changed and raises Fenced.
    """

    def __init__(self, connection: AsyncConnection[Any], slots: Sequence[Slot]) -> None:
        self.connection = connection
        self.slots = slots
        self._owners: dict[tuple[str, int], int] = {}
        self.checkpoints: dict[tuple[str, int], int] = {}
        self._skipped: set[tuple[str, int]] = set()
        self._parked: set[tuple[str, str]] = set()
        """Slot and key of rows that may be parked. Of our partitions nobody else parks any, so where it is empty,
        nothing is, and nobody else (a replay) changes our rows."""
        self._rows: dict[tuple[str, Key], Row] = {}
        self._readers: dict[EventClass | None, list[int]] = {}
        for number, slot in enumerate(slots):
            for event_class in slot.projection.handlers:
                self._readers.setdefault(event_class, []).append(number)

    async def claim(self, partitions: Iterable[int]) -> None:
        """Become the owner of these partitions of all slots; earlier owners are fenced from here on."""
        self._rows.clear()  # others may have changed them since
        cursor = await self.connection.execute(
            "UPDATE read.checkpoints SET owner = owner + 1 WHERE slot = ANY(%s) AND partition = ANY(%s)"
            " RETURNING slot, partition, owner, position",
            [[slot.name for slot in self.slots], list(partitions)],
        )
        for slot, partition, owner, position in await cursor.fetchall():
            self._owners[slot, partition] = owner
            self.checkpoints[slot, partition] = position
        cursor = await self.connection.execute("SELECT projection, position FROM read.skipped")
        self._skipped = set(await cursor.fetchall())
        await self._look_up_parked()

    def release(self, partitions: Iterable[int]) -> None:
        """Stop writing these partitions."""
        gone = set(partitions)
        for place in [place for place in self._owners if place[1] in gone]:
            del self._owners[place], self.checkpoints[place]

    def checkpoint(self, partition: int) -> int:
        """Up to where every slot has finished this partition."""
        return min((position for (_, p), position in self.checkpoints.items() if p == partition), default=0)

    @property
    def partitions(self) -> set[int]:
        return {partition for _, partition in self._owners}

    async def apply(self, batch: Sequence[Recorded]) -> None:
        """Take in the next events of claimed partitions: in position order and, per partition, without a hole after
        its checkpoint. What a slot has finished already is passed over.

        An event that cannot be folded or written parks the row it concerns. Raises Fenced, and psycopg.OperationalError
        when the store is away; then nothing of the batch has taken effect and it may be applied again.
        """
        try:
            await self._take_in(batch)
        except BaseException as error:
            self._rows.clear()  # they were folded in place, and are not what the tables hold
            if not refused(error) or len(batch) == 1:
                raise
            # the store refuses some row: halve until the culprit stands alone
            log.warning("batch refused, halving it", events=len(batch), error=type(error).__name__)
            middle = len(batch) // 2
            await self.apply(batch[:middle])
            await self.apply(batch[middle:])

    async def fill(self, streams: Sequence[Recorded]) -> bool:
        """Write the rows of some streams, all of whose events these are, into tables that have none of them yet; no
        checkpoint moves (`reach` does that). False, and nothing is written, when a row needs care: `apply` takes it."""
        folds = self._sort(streams)
        for fold in folds:
            self._fold(fold)
        if any(fold.failed for fold in folds):
            return False
        try:
            async with self.connection.transaction():
                for fold in folds:
                    await self._add(fold)
        except psycopg.Error as error:
            if not refused(error):
                raise
            return False
        return True

    async def reach(self, position: int) -> None:
        """Everything up to a position is in the tables."""
        reached = dict.fromkeys(self._owners, position)
        async with self.connection.transaction():
            await self._advance(reached)
        self.checkpoints.update(reached)

    async def _take_in(self, batch: Sequence[Recorded]) -> None:
        reached = self._reached(batch)
        if not reached:
            return
        if self._parked or not await self._at_once(batch, reached):
            await self._with_care(batch, reached)
        self.checkpoints.update(reached)

    async def _at_once(self, batch: Sequence[Recorded], reached: Reached) -> bool:
        """Fold first, then write rows and checkpoints together: as long as nothing is parked, the rows are only ours to
        write, and no lock is held while we think. False when some row needs care; then nothing has taken effect."""
        folds = self._sort(batch)
        await self._read_rows(folds)
        for fold in folds:
            self._fold(fold)
        if not any(fold.failed for fold in folds):
            try:
                await self._write_all(folds, reached)
            except psycopg.Error as error:
                if not refused(error) or len(batch) > 1:
                    raise
            else:
                self._remember(folds)
                return True
        self._rows.clear()
        return False

    async def _write_all(self, folds: list[Fold], reached: Reached) -> None:
        """In a statement of its own, which a client that is stopped cannot leave half done; but large sets are copied,
        in a transaction."""
        written = {fold: rows for fold in folds if (rows := fold.written())}
        at_once = not any(fold.copied for fold in folds)
        if at_once and self.connection.info.transaction_status == TransactionStatus.IDLE:
            values = [value for fold, rows in written.items() for value in fold.slot.given(rows)]
            try:
                await self.connection.execute(
                    write_at_once(tuple((fold.slot, by_column(rows)) for fold, rows in written.items())),
                    [self._steps(reached), *values, len(reached)],
                )
            except psycopg.Error as error:
                if error.sqlstate == FENCED:
                    raise Fenced(error.diag.message_primary) from error
                raise
            return
        async with self.connection.transaction():
            await self._advance(reached)
            for fold in folds:
                if fold.copied:
                    await self._add(fold)
                else:
                    await self._write(fold)

    async def _with_care(self, batch: Sequence[Recorded], reached: Reached) -> None:
        """What is parked waits, and what fails is parked. A replay that goes on beside us is waited for."""
        folds = self._sort(batch)
        # No pipeline here: in the midst of one the server waits for a stopped client without any time-out, and the
        # client's locks would keep a successor out for as long.
        async with self.connection.transaction():
            await self._advance(reached)
            await self._set_parked_aside(folds)
            await self._read_rows(folds)
            for fold in folds:
                self._fold(fold)
            await self._fold_failed(folds)
            for fold in folds:
                if len(batch) == 1:
                    await self._write_or_park(fold)
                elif fold.copied:
                    await self._add(fold)
                else:
                    await self._write(fold)
            await self._park([(fold.slot, *parked) for fold in folds for parked in fold.parked])
        self._remember(folds)

    def _reached(self, batch: Sequence[Recorded]) -> Reached:
        """The checkpoints after this batch, where they move."""
        last = {recorded.partition: recorded.position for recorded in batch}
        return {
            (slot.name, partition): position
            for slot in self.slots
            for partition, position in last.items()
            if position > self.checkpoints[slot.name, partition]
        }

    def _steps(self, reached: Reached) -> str:
        steps = [
            {
                "slot": slot,
                "partition": partition,
                "position": position,
                "owner": self._owners[slot, partition],
                "before": self.checkpoints[slot, partition],
            }
            for (slot, partition), position in reached.items()
        ]
        return orjson.dumps(steps).decode()

    async def _advance(self, reached: Reached) -> None:
        """First of all the checkpoints: their row locks and owner epochs keep two owners from writing the same rows."""
        cursor = await self.connection.execute(ADVANCE, [self._steps(reached)])
        if cursor.rowcount != len(reached):
            raise Fenced(f"{len(reached) - cursor.rowcount} of {len(reached)} checkpoints belong to another worker now")

    def _sort(self, batch: Sequence[Recorded]) -> list[Fold]:
        """The events that each slot has yet to see, by the row they concern."""
        folds = [Fold(slot, {}) for slot in self.slots]
        for recorded in batch:
            position, partition = recorded.position, recorded.partition
            for number in self._readers.get(recorded.event_class, ()):
                fold = folds[number]
                slot = fold.slot
                if position > self.checkpoints[slot.name, partition] and (
                    not self._skipped or (slot.projection.name, position) not in self._skipped
                ):
                    fold.events.setdefault(slot.projection.key(recorded), []).append(recorded)
        return [fold for fold in folds if fold.events]

    async def _set_parked_aside(self, folds: list[Fold]) -> None:
        """The later events of a parked row wait with it."""
        await self._look_up_parked()
        if not self._parked:
            return
        for fold in folds:
            for key in [key for key in fold.events if (fold.slot.name, key_text(key)) in self._parked]:
                fold.parked.extend((key, recorded, None) for recorded in fold.events.pop(key))

    async def _look_up_parked(self) -> None:
        cursor = await self.connection.execute(
            "SELECT DISTINCT slot, key FROM read.parked WHERE slot = ANY(%s)", [[slot.name for slot in self.slots]]
        )
        self._parked = set(await cursor.fetchall())

    async def _read_rows(self, folds: list[Fold]) -> None:
        """The present rows: remembered, else read with one query a slot."""
        reading = []
        for fold in folds:
            if fold.slot.projection.per_event:
                continue
            name, serves = fold.slot.name, fold.slot.projection.serves
            remembered = {key: row for key in fold.events if (row := self._rows.get((name, key))) is not None}
            fold.rows = {key: row for key, row in remembered.items() if serves(row, fold.events[key])}
            begins = fold.slot.projection.begins
            unknown = [key for key in fold.events if key not in fold.rows and not begins(fold.events[key][0])]
            if unknown:
                reading.append((fold, unknown))
        await self._query_rows(reading)

    async def _query_rows(self, reading: list[tuple[Fold, list[Key]]]) -> None:
        for fold, keys in reading:
            projection = fold.slot.projection
            places = [projection.place(key, fold.events[key]) for key in keys]
            cursor = self.connection.cursor(binary=True, row_factory=dict_row)
            await cursor.execute(rows_by_key(fold.slot), [list(column) for column in zip(*places, strict=True)])
            fold.rows.update(projection.together(await cursor.fetchall()))

    def _remember(self, folds: list[Fold]) -> None:
        """Rows that are now in the tables as they are here; nobody else writes them while the partition is ours. A
        parked row is not among them, as somebody may repair it."""
        for fold in folds:
            if not fold.slot.projection.per_event:
                name, settled = fold.slot.name, fold.slot.projection.settled
                parked = {key for key, _, _ in fold.parked}
                self._rows.update({(name, key): settled(row) for key, row in fold.rows.items() if key not in parked})
                for key in parked:
                    self._rows.pop((name, key), None)
        for place in list(self._rows)[: max(0, len(self._rows) - REMEMBERED)]:
            del self._rows[place]

    async def refold(self, slot: Slot, events: dict[Key, list[Recorded]]) -> int:
        """Take in these events of some rows once more, inside the caller's transaction, which holds the partition's
        checkpoint. Answers how many events are parked, or parked again."""
        fold = Fold(slot, events, failed=list(events))
        await self._fold_failed([fold])
        await self._write_or_park(fold)
        await self._park([(slot, *parked) for parked in fold.parked])
        return len(fold.parked)

    def _fold(self, fold: Fold) -> None:
        projection = fold.slot.projection
        for key, events in fold.events.items():
            row = fold.rows.get(key)
            try:
                if row is None:
                    row = projection.new_row(events[0])
                for recorded in events:
                    projection.handle(row, recorded)
            except Exception:  # whatever a handler raises: the row is folded again, with care
                fold.failed.append(key)
            else:
                fold.rows[key] = row

    async def _fold_failed(self, folds: list[Fold]) -> None:
        """Rows whose handler raised: each is read again and folded up to the event that fails, which is parked with
        those after it."""
        failed = [(fold, fold.failed) for fold in folds if fold.failed]
        for fold, keys in failed:
            for key in keys:
                fold.rows.pop(key, None)
        await self._query_rows([(fold, keys) for fold, keys in failed if not fold.slot.projection.per_event])
        for fold, keys in failed:
            for key in keys:
                self._fold_with_care(fold, key)

    def _fold_with_care(self, fold: Fold, key: Key) -> None:
        projection, events, row = fold.slot.projection, fold.events[key], fold.rows.get(key)
        for index, recorded in enumerate(events):
            try:
                draft = projection.new_row(recorded) if row is None else projection.draft(row)
                projection.handle(draft, recorded)
            except Exception as error:
                log.error("event parked", slot=fold.slot.name, position=recorded.position, error=type(error).__name__)
                fold.parked.append((key, recorded, describe(error)))
                fold.parked.extend((key, later, None) for later in events[index + 1 :])
                break
            row = draft
        if row is not None:
            fold.rows[key] = row

    async def _write(self, fold: Fold) -> None:
        if changed := fold.written():
            await self.connection.execute(upsert(fold.slot, by_column(changed)), fold.slot.given(changed))

    async def _add(self, fold: Fold) -> None:
        """Write rows of which none is there yet: the fence says that nobody else has written them. Where one is there
        all the same, the batch is refused, and what is applied one by one replaces it."""
        table = fold.slot.projection.table
        columns = [(column, column in table.json_columns) for column in table.columns]
        async with self.connection.cursor().copy(copy_in(fold.slot)) as copy:
            copy.set_types(list(table.kinds.values()))
            try:
                for row in fold.written():
                    await copy.write_row([as_jsonb(row[name]) if is_json else row[name] for name, is_json in columns])
            except (TypeError, AttributeError) as error:  # a handler's fault, found when writing
                raise psycopg.DataError(f"a row cannot be written: {type(error).__name__}") from error

    async def _write_or_park(self, fold: Fold) -> None:
        """Write the rows; the events of those that the store refuses are parked."""
        try:
            async with self.connection.transaction():
                await self._write(fold)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            if len(fold.events) > 1:  # each for itself, to find out which
                for key, events in fold.events.items():
                    one = Fold(fold.slot, {key: events}, {key: fold.rows[key]} if key in fold.rows else {})
                    await self._write_or_park(one)
                    if one.parked:
                        fold.parked = [parked for parked in fold.parked if parked[0] != key] + one.parked
                return
            for key, events in fold.events.items():
                fold.parked = [(key, recorded, describe(error)) for recorded in events]

    async def _park(self, parked: list[tuple[Slot, Key, Recorded, str | None]]) -> None:
        if parked:
            self._parked.update((slot.name, key_text(key)) for slot, key, _, _ in parked)
            await self.connection.cursor().executemany(
                "INSERT INTO read.parked (slot, position, key, tenant, partition, event_id, type, error)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (s.name, r.position, key_text(key), r.tenant, r.partition, r.event_id, r.type, error)
                    for s, key, r, error in parked
                ],
            )


def refused(error: BaseException) -> bool:
    """Whether the store is there and will not have some row."""
    return isinstance(error, psycopg.Error) and not isinstance(error, psycopg.OperationalError)


def describe(error: Exception) -> str:
    """What went wrong, without the values (they may be personal)."""
    if isinstance(error, psycopg.Error):
        return f"the store refused the row: {type(error).__name__} ({error.sqlstate})"
    return f"{type(error).__name__} in the handler"


def key_text(key: Key) -> str:
    return orjson.dumps([str(part) for part in key]).decode()
