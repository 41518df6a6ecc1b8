"""What a read model is: one table, the events it reads, and what each event does to one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, ClassVar, LiteralString, TypeVar

from pydantic_core import to_jsonable_python

from domain.aggregate import Event, order_of, take_effect
from eventlog.envelope import Recorded

Row = dict[str, Any]
"""One row by column: native values, but plain JSON in a jsonb column, however it came there."""

Handler = Callable[[Any, Row, Any, Recorded], None]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True)
class Table:
    """A read model's table in the schema `read`. Its key begins with the tenant; one partition alone writes a row."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    """Column to PostgreSQL type, those of the key included."""
    indexes: tuple[str, ...] = ()
    """What follows CREATE INDEX ON <table>, for example "(tenant, name)" or "USING gin (words gin_trgm_ops)"."""
    kinds: dict[str, str] = field(init=False)
    """Column to type, without its length and without constraints."""
    json_columns: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        kinds = {column: kind.split()[0].partition("(")[0] for column, kind in self.columns.items()}
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "json_columns", frozenset(c for c, kind in kinds.items() if kind == "jsonb"))


class Projection:
    """Keeps one read model: its handlers say what an event does to the row it concerns, in place.

    A handler may raise: then that row alone is parked as it was before, with its later events. Values nested in a jsonb
    column are replaced, never changed in place. It must not look at clocks, other rows or anything but row
    and event: the same events give the same bytes, in batches of any size. Raise `version` whenever a handler or the
    table changes; the table is then rebuilt beside the live one.
    """

    version: int = 1
    table: Table
    handlers: dict[type[Event], Handler]
    per_event: ClassVar[bool] = False
    """True when every event makes a row of its own, so that none need be read first."""
    when: ClassVar[LiteralString] = "occurred_at"
    """Where every event makes a row of its own: the column that says when it happened."""

    def __init_subclass__(cls) -> None:
        cls.handlers = {
            event_class: member for member in vars(cls).values() for event_class in getattr(member, "reads_events", ())
        }

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def stream_column(self) -> str:
        """The column with the id of the stream that a row is about."""
        return self.table.key[1]

    def key(self, recorded: Recorded) -> tuple[Any, ...]:
        """The key of the row that the event concerns; by default that of its stream."""
        return recorded.tenant, recorded.stream_id

    @property
    def by_stream(self) -> bool:
        """Whether each row is of the events of one stream, so that the order of different streams does not matter."""
        return not self.per_event and type(self).key is Projection.key

    def new_row(self, recorded: Recorded) -> Row:
        """The row before its first event: key columns set, jsonb columns empty maps, the rest None."""
        row: Row = {column: {} if column in self.table.json_columns else None for column in self.table.columns}
        return row | dict(zip(self.table.key, self.key(recorded), strict=True))

    def handle(self, row: Row, recorded: Recorded) -> None:
        """Let an event of one of the `handlers` take effect on its row."""
        if recorded.event is None:
            raise ValueError("the stored event cannot be read")
        self.handlers[type(recorded.event)](self, row, recorded.event, recorded)

    def draft(self, row: Row) -> Row:
        """A copy to fold onto: should the handler raise halfway, the row itself is as before."""
        return row | {column: copy(row[column]) for column in self.table.json_columns}

    # -- how the rows of a key are found and written; by default there is one, and it is all that is folded onto

    @property
    def found_by(self) -> tuple[dict[str, str], LiteralString]:
        """What the rows of a key are found by (`place`), name to PostgreSQL type, and the condition on the table's row
        `t` and on `k`, which has those names."""
        types = {column: self.table.kinds[column] for column in self.table.key}
        return types, "(" + ", ".join(f"t.{c}" for c in types) + ") = (" + ", ".join(f"k.{c}" for c in types) + ")"

    def place(self, key: tuple[Any, ...], events: Sequence[Recorded]) -> tuple[Any, ...]:
        """Where to find what these next events of a key are folded onto."""
        return key

    def together(self, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
        """By key, what is folded onto, made of the rows found."""
        return {tuple(row[column] for column in self.table.key): row for row in rows}

    def begins(self, recorded: Recorded) -> bool:
        """Whether there is no row before this event, so that none need be read."""
        return recorded.version == 1

    def serves(self, row: Row, events: Sequence[Recorded]) -> bool:
        """Whether what was remembered of a key is enough to fold these events onto."""
        return True

    def written(self, row: Row) -> list[Row]:
        """The rows to be written."""
        return [row]

    def settled(self, row: Row) -> Row:
        """What to remember once they are."""
        return row

    def folded_by(self, row_key: tuple[Any, ...]) -> tuple[Any, ...]:
        """By which key what is in a row was folded; the first columns of the row's own."""
        return row_key

    # --

    def learn(self, row: Row, event: Event) -> None:
        """Let a Fact take effect on the columns of the same names, in order of (occurred_at, version). Needs a jsonb
        column `since`."""
        known = {path: self.plain(path[0], value) for path, value in event.changes().items() if path[0] in row}
        since = row["since"]
        take_effect(row, known, since, order_of(event))

    def plain(self, column: str, value: Any) -> Any:
        return value if column not in self.table.json_columns else as_plain(value)


def as_plain(value: Any) -> Any:
    """As plain JSON."""
    if type(value) in PLAIN or (  # as nearly all are
        type(value) is dict and all(type(key) is str and type(part) in PLAIN for key, part in value.items())
    ):
        return value
    return to_jsonable_python(value)


PLAIN = frozenset({str, int, bool, NoneType})


def on(*event_classes: type[Event]) -> Callable[[H], H]:
    """Mark a method of a Projection as what these events do to a row: `(self, row, event, recorded) -> None`."""

    def mark(handler: H) -> H:
        handler.reads_events = event_classes  # type: ignore[attr-defined]  # read by Projection.__init_subclass__
        return handler

    return mark
