"""Where a read model is read from as of a moment of two clocks: its live table for now, else what of its past holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection, sql

from eventlog.envelope import Caller
from projections.asking import Ask
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.families import family
from projections.opportunities import OPPORTUNITIES
from projections.past import ENDLESS, HEADLESS, LONGEST
from projections.query import Page, scope, select
from projections.resource import Resource
from projections.stream_rows import StreamRows

AHEAD = timedelta(minutes=5)
"""Nothing is dated later than this after it was recorded: a command more than a minute ahead of its process's clock is
refused, and no clock of a process runs minutes ahead of the log's."""


@dataclass(frozen=True)
class Settled(Cut):
    """A cut at a position, and the latest moment at which anything it keeps can have happened: a list goes along its
    index from there, and not from today."""

    latest: datetime = ENDLESS


async def settled(connection: AsyncConnection[Any], cut: Cut) -> Cut:
    """The same cut, its `known_at` as a position."""
    if cut.known_at is None:
        return cut
    by_position = "SELECT p, log.recorded_at(p) FROM (SELECT %s::bigint AS p) AS known"
    by_moment = "SELECT p, log.recorded_at(p) FROM log.position_at(%s) AS p"
    cursor = await connection.execute(by_position if isinstance(cut.known_at, int) else by_moment, [cut.known_at])
    position, recorded_at = await cursor.fetchone() or (0, None)
    if recorded_at is None:
        position, recorded_at = 0, datetime.min.replace(tzinfo=UTC)
    return Settled(cut.as_of, position, recorded_at + AHEAD)


async def listed(
    connection: AsyncConnection[Any],
    caller: Caller,
    resource: Resource,
    ask: Ask,
    cut: Cut = NOW,
    *,
    about: Sequence[UUID] = (),
) -> Page:
    """What `query.select` answers now, as it was; `cut` is settled."""
    asked, parts, lacking = asked_then(ask, cut), sources(resource, cut), list[sql.Composable]()
    if cut and not resource.projection.per_event:
        sort = (ask.sort or resource.sort).removeprefix("-")
        parts, lacking = await quickest(connection, caller, resource, cut, sort)
    return await select(
        connection,
        caller,
        seen(resource, cut),
        asked,
        sources=parts,
        lacking=lacking,
        about=about,
        customers=rows(CUSTOMERS, cut),
    )


def asked_then(ask: Ask, cut: Cut) -> Ask:
    """Computed columns refer to that moment, and cursors belong to it."""
    return replace(ask, now=cut.as_of or ask.now, as_of=repr(cut)) if cut else ask


async def family_of(connection: AsyncConnection[Any], caller: Caller, customer_id: UUID, cut: Cut) -> list[UUID]:
    """The customer, and those that had been merged into it."""
    return await family(connection, scope(caller), [customer_id], rows(CUSTOMERS, cut))


def read_from(resource: Resource, cut: Cut) -> list[str]:
    """The tables that it is read from, by name."""
    if not cut:
        return [resource.projection.name]
    return [resource.past.projection.name, *([OPPORTUNITIES.past.projection.name] if resource.beside else [])]


def seen(resource: Resource, cut: Cut) -> Resource:
    """The resource over the table that it is read from."""
    if cut and resource.beside:
        return replace(resource, beside={"opportunities": rows(OPPORTUNITIES, cut)})
    return resource.past if cut else resource


def sources(resource: Resource, cut: Cut) -> list[sql.Composable]:
    """The parts of that table that hold, without rows in common; `cut` is settled."""
    table = seen(resource, cut).rows
    if not cut:
        return [table]
    if resource.projection.per_event:
        return [part(table, happened(cut, resource.projection.when))]
    return [part(table, way.condition) for way in ways(cut)]


def rows(resource: Resource, cut: Cut) -> sql.Composable:
    """The same as one source."""
    return together(sources(resource, cut))


def rows_at_once(caller: Caller, resource: Resource, cut: Cut, condition: LiteralString) -> sql.Composable:
    """What of the caller's meets one of the `passing` conditions, found by when it did."""
    if not cut:
        return resource.rows
    return together(at_once(caller, resource, ways(cut), condition))


def together(parts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(" UNION ALL ").join(parts)) if len(parts) > 1 else parts[0]


def part(table: sql.Composable, where: sql.Composable) -> sql.Composed:
    return sql.SQL("(SELECT p.* FROM {} p WHERE {})").format(table, where)


def happened(cut: Cut, when: str = "occurred_at", row: str = "p") -> sql.Composed:
    """The condition that a row that is an event is within the cut."""
    as_of, known_at = points(cut)
    return sql.SQL("{} <= {} AND {} <= {}").format(
        sql.Identifier(row, when), as_of, sql.Identifier(row, "position"), known_at
    )


def points(cut: Cut) -> tuple[datetime, int]:
    """Both clocks, each at its last point where now is meant."""
    assert not isinstance(cut.known_at, datetime), "a cut is settled before it is read by"
    latest = cut.latest if isinstance(cut, Settled) else ENDLESS
    moment = min(cut.as_of or ENDLESS, latest, ENDLESS - timedelta.resolution)
    return moment, HEADLESS - 1 if cut.known_at is None else cut.known_at


@dataclass(frozen=True)
class Way:
    """A condition under which a version is what a cut shows, and where such versions are found at once: in each class
    `of_class`, those for which `begins` lies so long before the point."""

    condition: sql.Composed
    of_class: str
    begins: str
    point: datetime | int
    few: bool = False
    """Whether hardly any do: they are then seldom met along an index."""

    @property
    def since(self) -> sql.Composed:
        """Since when, in the class `class.n`."""
        ago: LiteralString = "{}::timestamptz - make_interval(secs => 8 ^ class.n) ELSE '-infinity'"
        if isinstance(self.point, int):
            ago = "{} - (8 ^ class.n)::bigint ELSE 0"
        return sql.SQL("CASE WHEN class.n < {} THEN " + ago + " END").format(LONGEST, self.point)


def ways(cut: Cut) -> list[Way]:
    """No version meets two of them; `cut` is settled."""
    as_of, known_at = points(cut)

    def met(condition: LiteralString) -> sql.Composed:
        return sql.SQL(condition).format(as_of=as_of, known_at=known_at)

    held = Way(met(HELD), "lasts", "valid_from", as_of)
    if not isinstance(cut, Settled):
        return [held]  # what was believed wrongly nobody believes now
    if as_of >= cut.latest:
        return [Way(met(STOOD), "stood", "known_from", known_at)]
    return [held, Way(met(BELIEVED), "late", "valid_to", cut.latest - AHEAD, few=True)]


HELD = "p.valid_from <= {as_of} AND p.valid_to > {as_of} AND p.known_from <= {known_at} AND p.known_to > {known_at}"
STOOD = "p.known_from <= {known_at} AND p.believed_to > {known_at}"
BELIEVED = "p.valid_to <= {as_of} AND " + STOOD


# -- the same parts, found by when they began to hold: quick where little held, whatever there was before and after


def at_once(
    caller: Caller, resource: Resource, ways: Sequence[Way], condition: LiteralString = "true"
) -> list[sql.Composed]:
    """The parts of what meets the condition."""
    return [
        sql.SQL(AT_ONCE).format(
            table=resource.past.rows,
            tenant=caller.tenant,
            longest=LONGEST,
            of_class=sql.Identifier("p", way.of_class),
            begins=sql.Identifier("p", way.begins),
            since=way.since,
            way=way.condition,
            condition=sql.SQL(condition),
        )
        for way in ways
    ]


# OFFSET 0: each class on its own, along its index.
AT_ONCE = """
(SELECT p.* FROM generate_series(0, {longest}) AS class(n) CROSS JOIN LATERAL (
    SELECT p.* FROM {table} p WHERE p.tenant = {tenant} AND {of_class} = class.n AND {condition} AND {way}
       AND {begins} >= {since} OFFSET 0) p)
"""

PLENTY: dict[tuple[str, str, str], Any] = {}
"""By tenant, table and clock the earliest point at which that many were counted. What came to be stays, so at any later
one there are as many; and were it not so, a list would only be found more slowly."""

BY_TIME = ("created_at", "updated_at")
NOTHING_MORE = sql.Composed([])
FEW = 1_000
"""So many versions are read and sorted as quickly as a page is found along the index that the list is sorted by."""


async def quickest(
    connection: AsyncConnection[Any], caller: Caller, resource: Resource, cut: Cut, sort: str
) -> tuple[list[sql.Composable], list[sql.Composable]]:
    """The parts, each as it is found most quickly for a list sorted so; and those whose rows lack what it is sorted by,
    where these are apart."""
    table, asked = resource.past.rows, ways(cut)
    if sort in BY_TIME:  # along its index from the cut on, and not from today: what held then is close together there
        until = sql.SQL(" AND {} <= {}").format(sql.Identifier("p", sort), points(cut)[0])
        found = [part(table, way.condition + until) for way in asked if not way.few]
        rare = await few_or_many(connection, caller, resource, [way for way in asked if way.few], until)
        return [*found, *rare], []
    present: LiteralString = f"{sort} IS NOT NULL"
    if present not in passing(resource):
        return await few_or_many(connection, caller, resource, asked), []
    lacking: list[sql.Composable] = [part(table, way.condition + sql.SQL(f" AND {sort} IS NULL")) for way in asked]
    return await few_or_many(connection, caller, resource, asked, condition=present), lacking


async def few_or_many(
    connection: AsyncConnection[Any],
    caller: Caller,
    resource: Resource,
    asked: Sequence[Way],
    until: sql.Composed = NOTHING_MORE,
    condition: LiteralString = "true",
) -> list[sql.Composable]:
    """The parts that meet the condition: at once where there are few, else along an index."""
    if not asked:
        return []
    table, parts = resource.past.rows, at_once(caller, resource, asked, condition)
    along: list[sql.Composable] = [part(table, way.condition + until + sql.SQL(" AND " + condition)) for way in asked]
    whole = (caller.tenant, resource.past.projection.name, asked[0].of_class)
    everything = len(asked) == 1 and condition == "true" and not asked[0].few
    if everything and whole in PLENTY and PLENTY[whole] <= asked[0].point:
        return along
    counts = [sql.SQL("(SELECT count(*) FROM (SELECT FROM {} p LIMIT {}) p)").format(one, FEW + 1) for one in parts]
    cursor = await connection.execute(sql.SQL("SELECT ") + sql.SQL(", ").join(counts))
    found: tuple[int, ...] = await cursor.fetchone() or ()
    if everything and min(found) > FEW:
        PLENTY[whole] = asked[0].point
    return [few if count <= FEW else many for few, many, count in zip(parts, along, found, strict=True)]


def passing(resource: Resource) -> tuple[str, ...]:
    return resource.projection.passing if isinstance(resource.projection, StreamRows) else ()
