"""The one way to read a read model: scope, filters, sort, fields, keyset pages and totals as one SQL statement."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.rows import dict_row

from domain.policy import EVERYTHING, Forbidden, Sight
from eventlog.envelope import Caller
from projections.asking import MOST_ROWS, Ask, BadQuery, Filter, condition, value_of
from projections.families import LIVE, family
from projections.nearest import found_by_owner, nearest
from projections.resource import Kind, Resource
from projections.sight import BELONGING, YES, Belonging, among, belongs, events_seen, events_told, told, written

NAME_A_CUSTOMER = ("customer_id", "parent_id")
"""Columns that name a customer: who asks for one by them asks for those merged into it, too."""

WORDED = 300
"""So many statements are kept in words."""

Statement = sql.SQL | sql.Composed


@dataclass(frozen=True)
class ParkedEvent:
    """The event that keeps a row from going on: the row shows what was before it."""

    position: int
    event_id: UUID


@dataclass(frozen=True)
class Page:
    """Some rows of what was asked, in order; `cursor` asks for the next ones, None at the end. `parked` names, by
    stream, the event at which a row shown here has stopped."""

    rows: list[dict[str, Any]]
    cursor: str | None = None
    total: int | None = None
    parked: dict[UUID, ParkedEvent] = field(default_factory=dict)


def scope(caller: Caller, row: LiteralString = "t") -> sql.Composed:
    """The condition that every query carries: the caller's tenant. What of its rows is shown, `shown_rows` says."""
    return sql.SQL("{} = {}").format(sql.Identifier(row, "tenant"), sql.Literal(caller.tenant))


def shown_to(caller: Caller, resource: Resource) -> sql.Composed:
    """The condition on a row `t` that the caller is shown it, for questions of other forms than a page."""
    return scope(caller) + sql.SQL(" AND ") + sql.SQL(resource.only).format(**resource.beside)


def shown_rows(caller: Caller, resource: Resource, source: sql.Composable, *, decided: bool = False) -> sql.Composable:
    """Of the rows of a source (what follows FROM) those that the caller is shown, and of their fields what it is told.
    Whoever is shown and told everything has the source itself. `decided`: which rows, is known already."""
    sight, table = caller.sight(resource.stream), resource.projection.table
    if resource.of_events:
        seen: sql.Composable = events_seen(caller, "t")
    elif decided:
        seen = YES
    elif source == sql.Identifier("read", BELONGING[resource.stream].table) if resource.stream in BELONGING else False:
        seen = belongs(sight, resource.stream, "t")
    else:
        seen = among(caller, resource.stream, sql.Identifier("t", resource.projection.stream_column))
    columns: sql.Composable = sql.SQL("t.*")
    if resource.of_events:
        tells = events_told(caller, "t")
        changed = {} if tells == sql.Identifier("t", "fields") else {"fields": tells}
    else:
        changed = {
            name: told(name, sql.Identifier("t", name), table.columns[name].split()[0], sight)
            for name in sight.restricted & table.columns.keys()
        }
    if changed:
        columns = sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(changed[name], sql.Identifier(name))
            if name in changed
            else sql.Identifier("t", name)
            for name in table.columns
        )
    if seen == YES and not changed:
        return source
    return sql.SQL("(SELECT {} FROM {} t WHERE {})").format(columns, source, seen)


async def select(
    connection: AsyncConnection[Any],
    caller: Caller,
    resource: Resource,
    ask: Ask,
    *,
    sources: Sequence[sql.Composable] = (),
    lacking: Sequence[sql.Composable] = (),
    about: Sequence[UUID] = (),
    customers: sql.Composable = LIVE,
) -> Page:
    """One page. `sources` are parts of the resource to read from instead of the whole, each as what follows FROM and
    without rows in common; where `lacking` are given, all rows without a value in the sorting column are in these
    instead. `about` names further streams or customers to look for parked events of;
    `customers` is where it stands who was merged into whom. Raises BadQuery."""
    filters = await with_merged(connection, caller, ask.filters, customers)
    plan = Plan(caller, resource, replace(ask, filters=filters), sources, lacking, about)
    first, *rest = plan.pages()
    async with connection.pipeline():
        rows = await started(connection, first)
        count = await started(connection, plan.count()) if ask.total != "none" else None
        any_parked = await started(connection, some_parked(caller, resource))
    found = await rows.fetchall()
    for statement in rest:
        if len(found) <= ask.limit:
            found += await (await started(connection, statement)).fetchall()
    page = plan.answer(found)
    total = total_of(await one(count)) if count else None
    if not (await one(any_parked))["any"]:
        return replace(page, total=total)
    key = resource.key[0]
    ids = {*about, *(row[f"_{key}"] for row in plan.shown if resource.columns[key] == "id")}
    return replace(page, total=total, parked=await parked_among(connection, caller, resource, ids))


async def with_merged(
    connection: AsyncConnection[Any],
    caller: Caller,
    filters: tuple[Filter, ...],
    customers: sql.Composable = LIVE,
) -> tuple[Filter, ...]:
    """The filters; those that name customers name those merged into them, too."""
    told = []
    for asked in filters:
        if names_customers(asked):
            named = asked.value if asked.operator == "in" else [asked.value]
            asked = replace(asked, merged=tuple(await family(connection, scope(caller), named, customers)))
        told.append(asked)
    return tuple(told)


def names_customers(asked: Filter) -> bool:
    """Whether what it lets pass rests on who was merged into whom."""
    return asked.column in NAME_A_CUSTOMER and asked.operator in ("eq", "in")


async def get(
    connection: AsyncConnection[Any],
    caller: Caller,
    resource: Resource,
    id: UUID,
    *,
    fields: tuple[str, ...] = (),
    now: datetime | None = None,
) -> Page:
    """The row of one id, as a page of one row or none; `parked` has the id when an event of it could not be folded."""
    ask = Ask((Filter(resource.key[0], "eq", id),), fields=fields, limit=1, now=now or datetime.now(UTC))
    return await select(connection, caller, resource, ask, about=[id])


async def parked_among(
    connection: AsyncConnection[Any], caller: Caller, resource: Resource, ids: Iterable[UUID]
) -> dict[UUID, ParkedEvent]:
    """Which of these streams (or of the streams about these customers) have an event parked in this read model, and
    the first such event."""
    cursor = await started(
        connection,
        sql.SQL(
            "SELECT s.id, min(t.position) AS position, (array_agg(t.event_id ORDER BY t.position))[1] AS event_id"
            " FROM read.parked t JOIN log.events e USING (position)"
            " CROSS JOIN LATERAL (VALUES (e.stream_id), (e.subject_id)) AS s(id)"
            " WHERE {scope} AND t.slot = {slot} AND s.id = ANY ({ids}) GROUP BY s.id"
        ).format(scope=scope(caller), slot=sql.Literal(resource.projection.name), ids=sql.Literal(list(ids))),
    )
    return {row["id"]: ParkedEvent(row["position"], row["event_id"]) for row in await cursor.fetchall()}


def some_parked(caller: Caller, resource: Resource) -> sql.SQL:
    return some_parked_in(caller.tenant, resource.projection.name)


@lru_cache(WORDED)
def some_parked_in(tenant: str, slot: str) -> sql.SQL:
    return written(
        sql.SQL("SELECT EXISTS (SELECT FROM read.parked WHERE tenant = {} AND slot = {}) AS any").format(tenant, slot)
    )


async def started(
    connection: AsyncConnection[Any], statement: Statement, values: Mapping[str, Any] | None = None
) -> AsyncCursor[dict[str, Any]]:
    """The statement under way; in a pipeline nothing waits for it until its rows are fetched."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(statement, values)
    return cursor


async def one(cursor: AsyncCursor[dict[str, Any]]) -> dict[str, Any]:
    row = await cursor.fetchone()
    assert row is not None
    return row


def total_of(row: dict[str, Any]) -> int:
    """A count, or the rows that PostgreSQL's plan expects."""
    if "QUERY PLAN" in row:
        return int(row["QUERY PLAN"][0]["Plan"]["Plan Rows"])
    return int(row["total"])


Part = tuple[sql.Composable, sql.Composed]
"""A source, and the rows of it that are asked for, as what follows the columns."""


class Plan:
    """One question made into SQL, and its rows into an answer."""

    def __init__(
        self,
        caller: Caller,
        resource: Resource,
        ask: Ask,
        sources: Sequence[sql.Composable] = (),
        lacking: Sequence[sql.Composable] = (),
        about: Sequence[UUID] = (),
        decided: bool = False,
    ) -> None:
        self.resource, self.ask = resource, ask
        check(caller, resource, ask)
        self.sight, self.sort = sight_of(caller, resource), order_of(caller, resource, ask)
        self.column, self.descending = self.sort.removeprefix("-"), self.sort.startswith("-")
        self.fields = list(ask.fields) or [name for name in resource.fields if name not in self.sight.hidden]
        self._caller, self._sources, self._others = caller, sources or [resource.rows], lacking
        self._decided, self._whole = decided, not decided and list(self._sources) == [resource.rows]
        question = repr((resource.name, self.sort, sorted(map(repr, ask.filters)), list(about), ask.as_of))
        self._question = sha256(question.encode()).hexdigest()[:16]
        self._after = self._position()
        self.shown: list[dict[str, Any]] = []

    @cached_property
    def _where(self) -> sql.Composable:
        resource, ask = self.resource, self.ask
        conditions = [shown_to(self._caller, resource), *(condition(resource, asked) for asked in ask.filters)]
        empty = resource.empty_unless_asked
        if empty and {empty, *resource.key}.isdisjoint(asked.column for asked in ask.filters):
            conditions.append(condition(resource, Filter(empty, "null", True)))
        return sql.SQL(" AND ").join(conditions)

    @cached_property
    def _by_owner(self) -> Belonging | None:
        return found_by_owner(self.sight, self.resource, self.column, self.ask.filters) if self._whole else None

    @cached_property
    def _parts(self) -> list[Part]:
        return self._shown(self._sources)

    @cached_property
    def _lacking(self) -> list[Part]:
        return self._shown(self._others)

    def _shown(self, sources: Sequence[sql.Composable]) -> list[Part]:
        """Of each source what is shown, and the rows of it that are asked for."""
        shown = [shown_rows(self._caller, self.resource, source, decided=self._decided) for source in sources]
        return [(source, sql.SQL(" FROM {} t WHERE {}").format(source, self._where)) for source in shown]

    def page(self) -> sql.Composed:
        """The rows after the cursor, and one more to know whether there is a next page.

        Rows without a value in the sorting column come last in both directions: they are a run of their own. Each
        run goes along an index from where the last page ended, so that every page costs the same.
        """
        return self._page([part for run in self._runs() for part in run])

    def pages(self) -> Sequence[Statement]:
        """The same, rows without a value as a statement of their own: for when those with one do not fill the page."""
        if self._others or not self._whole or self.resource.of_events or self.ask.cursor or self._of_its_own:
            return self._each_run()
        ask = replace(self.ask, now=ALWAYS, as_of="", total="none")
        return first_pages(self._caller.tenant, self._caller.sight(self.resource.stream), self.resource, ask)

    def _each_run(self) -> list[sql.Composed]:
        return [self._page(run) for run in self._runs()]

    @property
    def _of_its_own(self) -> bool:
        """Whether it is hardly ever asked again in the same words."""
        found = {asked.column for asked in self.ask.filters}
        return not found.isdisjoint(self.resource.key) or not self.resource.computed.keys().isdisjoint(self.fields)

    def _runs(self) -> list[list[sql.Composed]]:
        """Those with a value in the sorting column, and those without, as far as they come after the cursor."""
        value, key = self._after
        column, keys = sql.Identifier("t", self.column), [sql.Identifier("t", name) for name in self.resource.key]
        runs: list[tuple[int, sql.Composable, list[Part]]] = []
        if key is None or value is not None:
            present = sql.SQL("{} IS NOT NULL").format(column)
            runs.append((0, present if key is None else self._beyond([column, *keys], [value, *key]), self._parts))
        if self.column not in self.resource.never_null:
            absent = sql.SQL("{} IS NULL").format(column)
            if key is not None and value is None:
                absent += sql.SQL(" AND ") + self._beyond(keys, key)
            runs.append((1, absent, self._lacking or self._parts))
        return [[self._run(number, part, run, column, keys) for part in some] for number, run, some in runs]

    def _page(self, parts: list[sql.Composed]) -> sql.Composed:
        if len(parts) == 1:
            return parts[0]
        return sql.SQL("SELECT * FROM ({}) p ORDER BY _run, {} LIMIT {}").format(
            sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(part) for part in parts),
            self._order([sql.Identifier("_sort"), *self._keys]),
            sql.Literal(self.ask.limit + 1),
        )

    def count(self) -> sql.Composed:
        rows = sql.SQL(" UNION ALL ").join(sql.SQL("SELECT") + rows for _, rows in (*self._parts, *self._lacking))
        if self.ask.total == "estimate":
            return sql.SQL("EXPLAIN (FORMAT JSON) ") + rows
        return sql.SQL("SELECT count(*) AS total FROM ({}) p").format(rows)

    def answer(self, found: list[dict[str, Any]]) -> Page:
        self.shown = found[: self.ask.limit]
        rows = [{name: row[name] for name in self.fields} for row in self.shown]
        for name in self.resource.sets:
            if name in self.fields:
                for row in rows:
                    row[name] = shown("set", row[name])
        return Page(rows, self._cursor(self.shown[-1]) if len(found) > self.ask.limit else None)

    @property
    def _keys(self) -> list[sql.Identifier]:
        return [sql.Identifier(f"_{name}") for name in self.resource.key]

    def _run(
        self,
        number: int,
        part: Part,
        run: sql.Composable,
        column: sql.Identifier,
        keys: list[sql.Identifier],
    ) -> sql.Composed:
        source, rows = part
        if self._by_owner:
            rows = self._nearest(self._by_owner, run, column, present=number == 0)
        named = [*zip([column, *keys], [sql.Identifier("_sort"), *self._keys], strict=True)]
        columns = [self._expression(name, source) for name in self.fields]
        columns += [sql.SQL("{} AS {}").format(value, name) for value, name in named]
        return sql.SQL("SELECT {}, {} AS _run{} AND {} ORDER BY {} LIMIT {}").format(
            sql.SQL(", ").join(columns),
            sql.Literal(number),
            rows,
            run,
            self._order([column, *keys]),
            sql.Literal(self.ask.limit + 1),
        )

    def _nearest(
        self, belonging: Belonging, run: sql.Composable, column: sql.Identifier, *, present: bool
    ) -> sql.Composed:
        """The first of the rows that are shown, as what follows the columns."""
        where, limit = self._where + sql.SQL(" AND ") + run, self.ask.limit + 1
        tenant, sight = scope(self._caller), self.sight
        found = nearest(
            belonging, sight, self.resource, tenant, where, column, limit, descending=self.descending, present=present
        )
        return sql.SQL(" FROM {} t WHERE true").format(shown_rows(self._caller, self.resource, found, decided=True))

    def _expression(self, name: str, source: sql.Composable) -> sql.Composable:
        if name not in self.resource.computed:
            return sql.Identifier("t", name)
        if name in self.sight.restricted:
            return sql.SQL("NULL AS {}").format(sql.Identifier(name))
        _, expression = self.resource.computed[name]
        return sql.SQL("{} AS {}").format(
            sql.SQL(expression).format(now=sql.Literal(self.ask.now), rows=source), sql.Identifier(name)
        )

    def _order(self, columns: list[sql.Identifier]) -> sql.Composed:
        direction = sql.SQL(" DESC" if self.descending else " ASC")
        return sql.SQL(", ").join(column + direction for column in columns)

    def _beyond(self, columns: list[sql.Identifier], values: list[Any]) -> sql.Composed:
        """Further along the order than these values."""
        beyond = sql.SQL("<" if self.descending else ">")
        return sql.SQL("({}) {} ({})").format(
            sql.SQL(", ").join(columns), beyond, sql.SQL(", ").join(map(sql.Literal, values))
        )

    def _cursor(self, row: dict[str, Any]) -> str:
        values = [row["_sort"], *(row[f"_{name}"] for name in self.resource.key)]
        return base64.urlsafe_b64encode(orjson.dumps([self._question, *values], default=str)).decode().rstrip("=")

    def _position(self) -> tuple[Any, list[Any] | None]:
        """The sorting value and the key of the last row shown; the key is None at the beginning."""
        if self.ask.cursor is None:
            return None, None
        try:
            question, *values = orjson.loads(base64.urlsafe_b64decode(self.ask.cursor + "=="))
        except (ValueError, TypeError):
            raise BadQuery("cursor is to be one that an earlier page of this list gave.") from None
        names = [self.column, *self.resource.key]
        if question != self._question or len(values) != len(names) or None in values[1:]:
            raise BadQuery(
                "The cursor belongs to another list: keep sort and filters as they were, or begin without one."
            )
        kinds = [self.resource.columns[name] for name in names]
        value, *key = [
            text if text is None else value_of(kind, text, "cursor") for kind, text in zip(kinds, values, strict=True)
        ]
        return value, key


ALWAYS = datetime.max.replace(tzinfo=UTC)


@lru_cache(WORDED)
def first_pages(tenant: str, sight: Sight, resource: Resource, ask: Ask) -> list[sql.SQL]:
    """The first page of a live list in words, which rest on nothing else of a caller. Whoever looks at a list again
    pays for them once, here and, as the words are the same, in PostgreSQL."""
    return [
        written(run) for run in Plan(Caller(tenant, "", sights={resource.stream: sight}), resource, ask)._each_run()
    ]


def check(caller: Caller, resource: Resource, ask: Ask) -> None:
    """Whether this can be asked, and by this caller: it is told before anything is waited for. Raises BadQuery,
    Forbidden."""
    sight, column = sight_of(caller, resource), order_of(caller, resource, ask).removeprefix("-")
    if column not in resource.sortable:
        raise BadQuery(f"{resource.name} cannot be sorted by {column!r}; possible: {', '.join(resource.sortable)}.")
    if unknown := [name for name in ask.fields if name not in resource.fields]:
        raise BadQuery(f"{resource.name} have no field {unknown[0]!r}; possible: {', '.join(resource.fields)}.")
    if not 1 <= ask.limit <= MOST_ROWS:
        raise BadQuery(f"limit is to be between 1 and {MOST_ROWS}.")
    refuse_untold(resource, sight.restricted, [column, *(one.column for one in ask.filters)])
    refuse_untold(resource, sight.hidden, ask.fields)


def sight_of(caller: Caller, resource: Resource) -> Sight:
    """What the caller is told of the rows that it is shown."""
    return EVERYTHING if resource.of_events else caller.sight(resource.stream)


def order_of(caller: Caller, resource: Resource, ask: Ask) -> str:
    """The column that rows are sorted by, with a leading - for the largest first."""
    usual = resource.sort
    return ask.sort or (resource.key[0] if usual.removeprefix("-") in sight_of(caller, resource).restricted else usual)


def refuse_untold(resource: Resource, untold: frozenset[str], names: Iterable[str]) -> None:
    """Raises Forbidden where one of these fields is not told."""
    for name in names:
        if name in untold:
            raise Forbidden(f"Your roles are not told {name} of {resource.name}: leave it out.")


def shown(kind: Kind | None, value: Any) -> Any:
    return sorted(value) if kind == "set" and value is not None else value
