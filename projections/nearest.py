"""The first rows of a list for somebody who is shown few of all there are: each owner's first ones, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from psycopg import sql

from projections.sight import BELONGING, Belonging, shared, texts, written

if TYPE_CHECKING:
    from domain.policy import Sight
    from projections.asking import Filter
    from projections.resource import Kind, Resource

FEW, OWN = 100, 4
"""So many names of owners and teams are looked up one by one, and so many where all that is theirs is sorted. Whoever
is shown what more have, is shown so much that a page is full after few rows of the whole list."""

OWNERS_ROWS = re.compile(r"\(tenant, owner, (\w+), id\) INCLUDE \(([^)]*)\)")


def found_by_owner(sight: Sight, resource: Resource, column: str, filters: Iterable[Filter]) -> Belonging | None:
    """To whom rows belong, where the first ones of a list sorted by this column are best found owner by owner: few
    owners' rows are shown, the live table has them in order, and no filter finds fewer yet."""
    belonging, extent = BELONGING.get(resource.stream), sight.extents.get("read")
    if belonging is None or extent is None or extent.everything or resource.rows != belonging.rows:
        return None
    indexes = resource.projection.table.indexes
    if any(finds_few(one, resource.columns[one.column], indexes) for one in filters):
        return None
    found = [index for index in map(OWNERS_ROWS.match, indexes) if index]
    in_order = any(column == index[1] for index in found)
    at_hand = not filters and any(column in index[2].split(", ") for index in found)
    most = FEW if in_order else OWN if at_hand else 0
    return belonging if len(extent.owners) + len(extent.teams) <= most else None


def finds_few(asked: Filter, kind: Kind, indexes: Sequence[str]) -> bool:
    """Whether an index finds what a filter lets pass, and that is not much."""
    if asked.operator not in ("eq", "in", "has"):
        return False
    by_it = (f"(tenant, {asked.column}, id)", f"(tenant, {asked.column})")
    return kind in ("id", "set", "map", "list", "emails", "phones") or any(index.startswith(by_it) for index in indexes)


def nearest(
    belonging: Belonging,
    sight: Sight,
    resource: Resource,
    tenant: sql.Composable,
    where: sql.Composable,
    column: sql.Identifier,
    limit: int,
    *,
    descending: bool,
    present: bool,
) -> sql.Composed:
    """The first rows `t` of a tenant that meet a condition and are shown, as a source; `present`: they have a value in
    the column. Of each owner so many are read; along the order of the whole list it would be all that come before the
    last of them."""
    extent, t = sight.extents["read"], sql.Identifier("t")
    known: dict[str, sql.Composable] = {
        "table": written(resource.rows),
        "where": written(where),
        "column": written(column),
        "direction": sql.SQL("DESC" if descending else "ASC"),
        "limit": written(sql.Literal(limit)),
    }
    owners = {"words": texts(extent.owners), "belongs": sql.SQL(belonging.owner).format(v=t)}
    bound: sql.Composable = NOTHING_MORE
    if present and len(extent.owners) > OWN:  # of many, most have nothing so new that it would be shown
        first = sql.Literal(2 * limit // len(extent.owners) + 4)
        known["where"] = written(
            where + sql.SQL(BEYOND).format(beyond=sql.SQL(">=" if descending else "<="), column=column)
        )
        whole = {"tenant": tenant, "last": LAST[descending]}  # where too few are found, the end of the whole list
        bound = sql.SQL(BOUND).format(first=first, **owners, **whole, **known | {"where": written(where)})
    ways = [sql.SQL(OF_EACH).format(**owners, **known)]
    if belonging.team and extent.teams:
        teams = {"words": texts(extent.teams), "belongs": sql.SQL(belonging.team).format(v=t)}
        ways.append(sql.SQL(OF_EACH).format(**teams, **known))
    if belonging.shared_with and sight.parties:
        ways.append(sql.SQL(SHARED).format(seen=shared(belonging.shared_with, t, sight.parties), **known))
    return sql.SQL(NEAREST).format(bound=bound, tenant=tenant, ways=sql.SQL(" UNION ").join(ways), **known)


NOTHING_MORE = sql.SQL("")
LAST = {True: sql.SQL("min"), False: sql.SQL("max")}
BOUND = """
WITH bound AS MATERIALIZED (SELECT coalesce((
    SELECT {last}(f.place) FROM (
        SELECT f.place FROM unnest({words}) AS one(name) CROSS JOIN LATERAL (
            SELECT {column} AS place FROM {table} t WHERE {belongs} = one.name AND {where}
             ORDER BY {column} {direction}, t.id {direction} LIMIT {first}) f
         ORDER BY f.place {direction} LIMIT {limit}) f
    HAVING count(*) = {limit}), (SELECT {last}({column}) FROM {table} t WHERE {tenant})) AS place)
"""
BEYOND = " AND {column} {beyond} (SELECT place FROM bound)"
OF_EACH = """
(SELECT f.* FROM unnest({words}) AS one(name) CROSS JOIN LATERAL (
    SELECT {column} AS place, t.id FROM {table} t WHERE {belongs} = one.name AND {where}
     ORDER BY {column} {direction}, t.id {direction} LIMIT {limit}) f)
"""
SHARED = """
(SELECT {column} AS place, t.id FROM {table} t WHERE {seen} AND {where}
  ORDER BY {column} {direction}, t.id {direction} LIMIT {limit})
"""
NEAREST = """
({bound} SELECT t.* FROM {table} t WHERE {tenant} AND t.id IN (
    SELECT f.id FROM ({ways}) f ORDER BY f.place {direction}, f.id {direction} LIMIT {limit}))
"""
