"""One thing as it was at any moment, or as it was known then: the fold of its stream, cut by two clocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller, Recorded
from projections.asking import Ask, Filter
from projections.projection import Projection, Row
from projections.query import Page, ParkedEvent, Plan, started
from projections.resource import Resource
from projections.sight import shown_by_log
from projections.slot import as_json


@dataclass(frozen=True)
class Cut:
    """Where a history is cut: only what had happened by `as_of` counts, of what the log had by `known_at` (a position,
    or the moment at which it was recorded). None is now.

    Facts take effect by when they were so, moves in the order in which they were recorded; what is left out is as if it
    had never been said. So a fact learned late changes how it was, and never how it was known.
    """

    as_of: datetime | None = None
    known_at: int | datetime | None = None

    def keeps(self, recorded: Recorded) -> bool:
        if self.as_of is not None and recorded.occurred_at > self.as_of:
            return False
        match self.known_at:
            case None:
                return True
            case int(position):
                return recorded.position <= position
            case moment:
                return recorded.recorded_at <= moment

    def of(self, stream: Iterable[Recorded]) -> list[Recorded]:
        """What it leaves of a stream; nothing where its first event, by which the thing came to be, is left out."""
        kept = [recorded for recorded in stream if self.keeps(recorded)]
        return kept if kept and kept[0].version == 1 else []

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return self != NOW


NOW = Cut()


async def get_cut(
    connection: AsyncConnection[TupleRow],
    codec: Codec,
    caller: Caller,
    resource: Resource,
    id: UUID,
    cut: Cut,
    *,
    fields: tuple[str, ...] = (),
) -> Page:
    """What `query.get` answers now, as it was: a page of one row, or of none where there was none yet. Computed columns
    refer to `as_of`. Of a resource with one row a stream; read from the log itself."""
    stream = await feed.stream(connection, codec, caller.tenant, id)
    events = cut.of(stream)
    if not events or events[0].stream_type != resource.stream or not shown_by_log(caller, resource.stream, stream):
        return Page([])
    row, parked = folded(resource.projection, events, await skipped(connection, resource.projection))
    if row is None:
        return Page([])
    source = sql.SQL("json_populate_recordset(NULL::{}, {}::json)").format(resource.rows, sql.Literal(as_json([row])))
    ask = Ask((Filter(resource.key[0], "eq", id),), fields=fields, limit=1, now=cut.as_of or datetime.now(UTC))
    plan = Plan(caller, resource, ask, sources=[source], decided=True)
    page = plan.answer(await (await started(connection, plan.page())).fetchall())
    return replace(page, parked={id: parked} if parked else {})


def folded(
    projection: Projection, events: Iterable[Recorded], skipped: frozenset[int] = frozenset()
) -> tuple[Row | None, ParkedEvent | None]:
    """The row of one stream after these events; and the event at which it stops, as the live row does, where one cannot
    be folded."""
    counting = [r for r in events if r.event_class in projection.handlers and r.position not in skipped]
    row: Row | None = None
    for index, recorded in enumerate(counting):
        if row is None:
            row = projection.new_row(recorded)
        try:
            projection.handle(row, recorded)
        except Exception:  # whatever a handler raises: the row may be half done
            return folded(projection, counting[:index])[0], ParkedEvent(recorded.position, recorded.event_id)
    return row, None


async def skipped(connection: AsyncConnection[TupleRow], projection: Projection) -> frozenset[int]:
    """The positions that a repair has had this read model pass over."""
    cursor = await connection.execute("SELECT position FROM read.skipped WHERE projection = %s", [projection.name])
    return frozenset(position for (position,) in await cursor.fetchall())
