"""Read models with one row for each stream of a kind, kept by the domain's own rules for facts and moves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from domain.aggregate import Aggregate, Event, Fact, Return, give_back, order_of, set_paths
from domain.undoing import Retractable, Undoing
from eventlog.envelope import Recorded
from projections.projection import Handler, Projection, Row

STREAM_COLUMNS = {
    "tenant": "text",
    "id": "uuid",
    "version": "integer NOT NULL",
    "position": "bigint NOT NULL",
    "subject_id": "uuid NOT NULL",
    "created_at": "timestamptz NOT NULL",
    "created_recorded_at": "timestamptz NOT NULL",
    "created_by": "text NOT NULL",
    "updated_at": "timestamptz NOT NULL",
    "updated_recorded_at": "timestamptz NOT NULL",
    "updated_by": "text NOT NULL",
    "since": "jsonb NOT NULL",
    "retracted": "boolean",
}
"""What every row says of its stream: `version` and `position` of its last event; when (occurred_at), when learned
(recorded_at) and by whom (actor) it began and last changed; whose data it is; which moment decided each attribute;
whether it was retracted, and so is not shown."""

ROW_KEY = ("tenant", "id")
BY_CREATED = "(tenant, created_at, id)"
BY_UPDATED = "(tenant, updated_at, id)"


def by_owner(
    *also: str, sorts: tuple[str, ...] = ("created_at", "updated_at"), shown: str = "retracted IS NULL"
) -> tuple[str, ...]:
    """Indexes with each owner's and each team's rows, as far as lists show them, in the order of each of `sorts`;
    `also` is what few of them can be sorted by, and many filtered, without being read."""
    shows = f"INCLUDE ({', '.join(also)}) WHERE {shown}"
    owners = [f"(tenant, owner, {column}, id) {shows}" for column in sorts]
    return *owners, *(f"(tenant, team, {column}, id) {shows} AND team IS NOT NULL" for column in sorts)


class StreamRows(Projection):
    """One row a stream. What its events say of attributes (`Event.changes`) goes into the columns of the same names.

    A subclass names the aggregate. A handler marked with @on adds what `changes` does not say; it sees the row as it
    was before the event. `derive` then works out what follows from the other columns.
    """

    version = 2
    aggregate: ClassVar[type[Aggregate]]
    reads: ClassVar[tuple[type[Event], ...]] = ()
    """The events that concern this read model; all of the aggregate's when empty."""
    passing: ClassVar[tuple[str, ...]] = ()
    """Conditions that hold of most rows for a while only: the past finds by an index of its own where they did."""
    marked: ClassVar[dict[type[Event], Handler]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.marked = cls.handlers
        reads = (*cls.reads, *undoing_of(cls.aggregate)) if cls.reads else events_of(cls.aggregate)
        cls.handlers = dict.fromkeys(reads, StreamRows.take)

    def take(self, row: Row, event: Event, recorded: Recorded) -> None:
        touch(row, recorded)
        if also := self.marked.get(type(event)):
            also(self, row, event, recorded)
        self.fold(row, event)
        self.derive(row)

    def fold(self, row: Row, event: Event) -> None:
        if isinstance(event, Fact):
            self.learn(row, event)
            return
        if isinstance(event, Undoing):
            event.settle(row["since"])
            return
        if not (said := event.changes()):
            return
        changes = {path: self.plain(path[0], value) for path, value in said.items() if path[0] in row}
        if isinstance(event, Return):
            give_back(row, changes, row["since"], event)
            return
        set_paths(row, changes)
        row["since"].update(dict.fromkeys((".".join(path) for path in changes), order_of(event)))

    def derive(self, row: Row) -> None:
        """Set the columns that follow from the others."""


def touch(row: Row, recorded: Recorded) -> None:
    """Say in the row which event of its stream it has seen last."""
    if row["version"] is None:
        row["subject_id"] = recorded.subject_id
        row["created_at"] = recorded.occurred_at
        row["created_recorded_at"] = recorded.recorded_at
        row["created_by"] = recorded.actor
    row["version"] = recorded.version
    row["position"] = recorded.position
    row["updated_at"] = recorded.occurred_at
    row["updated_recorded_at"] = recorded.recorded_at
    row["updated_by"] = recorded.actor


def events_of(aggregate: type[Aggregate]) -> list[type[Event]]:
    return [member for member in vars(aggregate).values() if isinstance(member, type) and issubclass(member, Event)]


def undoing_of(aggregate: type[Aggregate]) -> list[type[Event]]:
    """The events by which others of such a stream are undone."""
    if not issubclass(aggregate, Retractable):
        return []
    return [aggregate.Undone, aggregate.Retracted, aggregate.Reinstated]


def seconds(duration: timedelta | None) -> Decimal | None:
    """A duration in seconds, exact to the microsecond."""
    return None if duration is None else Decimal(duration // timedelta(microseconds=1)) / 1_000_000
