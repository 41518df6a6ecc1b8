"""What a fact of the lakehouse is: a table whose rows are each made from one event alone, with nothing personal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar

import pyarrow as pa

from domain.aggregate import Event
from domain.policy import SHARED
from domain.telling import RESTRICTABLE, events_of
from eventlog.envelope import Recorded

Row = tuple[Any, ...]

AMOUNT, QUANTITY, FRACTION = "DECIMAL(18,4)", "DECIMAL(18,6)", "DECIMAL(7,6)"

ARROW: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "INTEGER": pa.int32(),
    "SMALLINT": pa.int16(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "UUID": pa.uuid(),
    "VARCHAR": pa.string(),
    AMOUNT: pa.decimal128(18, 4),
    QUANTITY: pa.decimal128(18, 6),
    FRACTION: pa.decimal128(7, 6),
}

ENVELOPE = {
    "tenant": "VARCHAR",
    "position": "BIGINT",
    "stream_id": "UUID",
    "version": "INTEGER",
    "occurred_at": "TIMESTAMPTZ",
    "recorded_at": "TIMESTAMPTZ",
}
"""What every row of every fact begins with: where it comes from, and both times."""

PARTS = frozenset({"lines", "parts", "stages"})
"""Fields of events of which each entry becomes a row."""

start_of = attrgetter(*ENVELOPE)


class Fact:
    """One table of the lakehouse: which events make rows in it, and what of each event a row holds.

    Rows are only ever added, and the same event gives the same rows. A column takes the event's value of the same
    name, or is empty where the event has none; `what` is the event's own name ("stage_moved"). No column may bear the
    name of a personal field. Raise `version` whenever rows would come out differently; the table is then rebuilt.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[type[Event], ...]]
    own: ClassVar[dict[str, str]]
    """Column to DuckDB type, beside those of the envelope."""
    sums: ClassVar[str]
    """The column whose sum is compared with the log's; with the number of rows it tells whether the two agree."""
    in_the_log: ClassVar[str] = "SELECT e.data AS item"
    """SQL for the same rows in the log: of one event `e`, each row as a JSON `item`."""

    @cached_property
    def columns(self) -> dict[str, str]:
        return ENVELOPE | self.own

    @cached_property
    def layout(self) -> tuple[str, ...]:
        """By which columns the rows lie in a file, so that a question reads those alone that it is about."""
        return ("tenant", "type" if "type" in self.own else "what", "occurred_at")

    @cached_property
    def about(self) -> dict[str, list[type[Event]]]:
        """The kinds of records that it tells of, of those that are somebody's, and which of their events."""
        found = {
            kind: [event for event in events_of(RESTRICTABLE[kind]) if issubclass(event, self.reads)] for kind in SHARED
        }
        return {kind: events for kind, events in found.items() if events}

    @cached_property
    def told(self) -> frozenset[str]:
        """What of its events it tells: fields of these names, and the parts that it makes rows of."""
        return frozenset(self.own) | (PARTS if type(self).details is not Fact.details else frozenset())

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema([(column, ARROW[kind]) for column, kind in self.columns.items()])

    def rows(self, recorded: Recorded) -> list[Row]:
        """The rows that this event makes, in the order of the columns."""
        event = recorded.event
        if recorded.unreadable in self.reads:
            raise ValueError("the stored event cannot be read")
        if not isinstance(event, self.reads):
            return []
        start = start_of(recorded)
        values = {**vars(event), "what": recorded.type.partition(".")[2]}
        return [start + tuple(map({**values, **detail}.get, self.own)) for detail in self.details(event)]

    def details(self, event: Event) -> Iterable[Mapping[str, Any]]:
        """What each row says beyond the event's own values; as many as there are rows."""
        return ({},)

    def table(self, rows: list[Row]) -> pa.Table:
        """Rows as Arrow. Raises pyarrow.ArrowInvalid or TypeError for a value that the column cannot hold exactly."""
        columns = zip(*rows, strict=True)
        arrays = [column_of(values, kind) for values, kind in zip(columns, self.schema.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def column_of(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.uuid():
        stored = pa.array([value and value.bytes for value in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(kind, stored)
    return pa.array(values, kind)
