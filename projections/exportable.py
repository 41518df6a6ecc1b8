"""What can be exported: the rows of any list, and the events, as they are filtered, sorted and shown there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from psycopg import AsyncConnection

from domain.policy import Forbidden
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from projections import RESOURCES
from projections.as_of import listed, read_from, settled
from projections.asking import MOST_ROWS, RESERVED, Ask, BadQuery, ask_of
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.query import Plan
from projections.resource import Kind, Resource
from projections.shown_events import DECIDING, events_shown, types_of
from projections.timeline import TIMELINE
from projections.told import as_told

EVENTS = "events"
LISTS: dict[str, Resource] = {resource.name: resource for resource in RESOURCES if resource is not TIMELINE}
NAMES = (*LISTS, EVENTS)

ANYBODY = Caller("", "")
"""Who sees everything of no tenant: for questions that are only looked at."""

Row = dict[str, Any]
Token = Callable[[int], str]
"""How a position is told."""


@dataclass(frozen=True)
class Rows:
    """Some rows, and how many of them stand still at an event that could not be taken in."""

    rows: list[Row]
    parked: int = 0


class Exportable(Protocol):
    """One question whose whole answer can be exported."""

    columns: dict[str, Kind]
    """What each row has, in order."""

    async def reflects(self, connection: AsyncConnection[Any]) -> int:
        """The position up to which whatever is read over this connection has everything."""
        ...

    def pages(
        self, connection: AsyncConnection[Any], codec: Codec, caller: Caller, token: Token
    ) -> AsyncIterator[Rows]:
        """All rows, as the caller sees them."""
        ...


def exportable(
    name: str,
    filters: Iterable[tuple[str, str]],
    sort: str | None,
    columns: Sequence[str],
    now: datetime,
    cut: Cut = NOW,
    caller: Caller = ANYBODY,
) -> Exportable:
    """What is asked for by such words, as of these moments, as the caller is shown it. Raises BadQuery, Forbidden."""
    if name == EVENTS:
        return Events(filters, sort, columns, cut, caller)
    if (resource := LISTS.get(name)) is None:
        raise BadQuery(f"{name!r} cannot be exported; possible: {', '.join(NAMES)}.")
    ask = replace(ask_of(resource, ()), sort=sort, fields=tuple(columns), limit=MOST_ROWS, now=now)
    if not caller.sight(resource.stream).may("read"):
        raise Forbidden(f"Your roles do not let you read anything of the kind {resource.stream}.")
    return List(resource, replace(ask, filters=ask_of(resource, conditions(filters)).filters), cut, caller)


def check(
    name: str, filters: Iterable[tuple[str, str]], sort: str | None, columns: Sequence[str], caller: Caller = ANYBODY
) -> None:
    """Whether the caller can export this. Raises BadQuery, Forbidden."""
    exportable(name, filters, sort, columns, datetime.now(UTC), caller=caller)


def conditions(filters: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in filters:
        if name in RESERVED:
            raise BadQuery(f"{name} is no filter.")
        yield name, value


class List:
    """The rows of a list, as its route answers them page by page."""

    def __init__(self, resource: Resource, ask: Ask, cut: Cut = NOW, caller: Caller = ANYBODY) -> None:
        plan = Plan(caller, resource, ask)  # says what is wrong with it
        kinds = {**resource.columns, **{name: kind for name, (kind, _) in resource.computed.items()}}
        self.columns = {name: "text" if name == "position" else kinds[name] for name in plan.fields}
        self._resource, self._ask, self._cut = resource, ask, cut

    async def reflects(self, connection: AsyncConnection[Any]) -> int:
        # The customers' besides: a filter may name a customer, and who that is, is told there.
        names = {name for resource in (self._resource, CUSTOMERS) for name in read_from(resource, self._cut)}
        cursor = await connection.execute("SELECT min(read.reflected(n)) FROM unnest(%s::text[]) n", [list(names)])
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def pages(
        self, connection: AsyncConnection[Any], codec: Codec, caller: Caller, token: Token
    ) -> AsyncIterator[Rows]:
        ask, cut = self._ask, await settled(connection, self._cut)
        while True:
            page = await listed(connection, caller, self._resource, ask, cut)
            for row in page.rows:
                if "position" in row:
                    row["position"] = token(row["position"])
            yield Rows(page.rows, len(page.parked))
            if page.cursor is None:
                return
            ask = replace(ask, cursor=page.cursor)


class Events:
    """The events of the feed, as far as the cut keeps them; `kinds` says which: types ("order.placed") or streams
    ("order"), with commas between."""

    COLUMNS: dict[str, Kind] = {  # noqa: RUF012  # never changed
        "position": "text",
        "id": "id",
        "type": "text",
        "schema_version": "integer",
        "stream": "text",
        "stream_id": "id",
        "version": "integer",
        "subject_id": "id",
        "recorded_at": "moment",
        "occurred_at": "moment",
        "actor": "text",
        "on_behalf_of": "text",
        "reason": "text",
        "correlation_id": "id",
        "causation_id": "id",
        "command_id": "text",
        "trace": "text",
        "source": "json",
        "data": "json",
    }

    def __init__(
        self,
        filters: Iterable[tuple[str, str]],
        sort: str | None,
        columns: Sequence[str],
        cut: Cut = NOW,
        caller: Caller = ANYBODY,
    ) -> None:
        if sort not in (None, "position"):
            raise BadQuery("events are sorted by position.")
        if unknown := [name for name in columns if name not in self.COLUMNS]:
            raise BadQuery(f"events have no field {unknown[0]!r}; possible: {', '.join(self.COLUMNS)}.")
        self.columns = {name: self.COLUMNS[name] for name in columns or self.COLUMNS}
        self._types: list[str] | None = None
        self._cut, self._caller = cut, caller
        for name, value in filters:
            if name != "kinds":
                raise BadQuery(f"events cannot be filtered by {name!r}; possible: kinds.")
            self._types = [*(self._types or ()), *types_of(value)]

    async def reflects(self, connection: AsyncConnection[Any]) -> int:
        if self._caller.sights is None:
            return await feed.head(connection)
        cursor = await connection.execute("SELECT min(read.reflected(n)) FROM unnest(%s::text[]) n", [list(DECIDING)])
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def pages(
        self, connection: AsyncConnection[Any], codec: Codec, caller: Caller, token: Token
    ) -> AsyncIterator[Rows]:
        after, up_to = 0, (await settled(connection, self._cut)).known_at
        assert not isinstance(up_to, datetime)
        last = await self.reflects(connection) if up_to is None else up_to
        while after < last:
            found, after = await events_shown(
                connection, codec, caller, after=after, up_to=last, types=self._types, limit=MOST_ROWS
            )
            told = [as_told(recorded, codec, token, caller) for recorded in found if self._cut.keeps(recorded)]
            yield Rows([{name: event[name] for name in self.columns} for event in told])
