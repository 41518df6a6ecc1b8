"""The first rows of a list for somebody who is shown few of all there are: each owner's first ones, put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from psycopg import sql

from projections.sight import BELONGING, Belonging, shared, texts

if TYPE_CHECKING:
    from domain.policy import Sight
    from projections.query import Filter, Kind, Resource

FEW = 100
"""So many names of owners and teams are looked up one by one. Whoever is shown what more have, is shown so much that a
page is full after few rows of the whole list."""


def found_by_owner(sight: Sight, resource: Resource, column: str, filters: Iterable[Filter]) -> Belonging | None:
    """To whom rows belong, where the first ones of a list sorted by this column are best found owner by owner: few
    owners' rows are shown, the live table has them in order, and no filter finds fewer yet."""
    belonging, extent = BELONGING.get(resource.stream), sight.extents.get("read")
    if belonging is None or extent is None or extent.everything or len(extent.owners) + len(extent.teams) > FEW:
        return None
    if resource.rows != sql.Identifier("read", belonging.table) or resource.key != ("id",):
        return None
    indexes = resource.projection.table.indexes
    if not any(index.startswith(f"(tenant, owner, {column}, id)") for index in indexes):
        return None
    return None if any(finds_few(one, resource.columns[one.column], indexes) for one in filters) else belonging


def finds_few(asked: Filter, kind: Kind, indexes: Sequence[str]) -> bool:
    """Whether an index finds what a filter lets pass, and that is not much."""
    if asked.operator not in ("eq", "in", "has"):
        return False
    by_it = (f"(tenant, {asked.column}, id)", f"(tenant, {asked.column})")
    return kind in ("id", "set", "map", "list") or any(index.startswith(by_it) for index in indexes)


def nearest(
    belonging: Belonging,
    sight: Sight,
    resource: Resource,
    tenant: sql.Composable,
    where: sql.Composable,
    column: sql.Identifier,
    direction: sql.SQL,
    limit: int,
) -> sql.Composed:
    """The first rows `t` of a tenant that meet a condition and are shown, as a source. Of each owner so many are read;
    along the order of the whole list it would be all that come before the last of them."""
    extent, t = sight.extents["read"], sql.Identifier("t")
    known = {
        "table": resource.rows,
        "where": where,
        "column": column,
        "direction": direction,
        "limit": sql.Literal(limit),
    }
    ways = [
        sql.SQL(OF_EACH).format(words=texts(words), belongs=sql.SQL(named).format(v=t), **known)
        for named, words in ((belonging.owner, extent.owners), (belonging.team, extent.teams))
        if named and words
    ]
    if belonging.shared_with and sight.parties:
        ways.append(sql.SQL(SHARED).format(seen=shared(belonging.shared_with, t, sight.parties), **known))
    return sql.SQL(NEAREST).format(tenant=tenant, ways=sql.SQL(" UNION ").join(ways), **known)


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
(SELECT t.* FROM {table} t WHERE {tenant} AND t.id IN (
    SELECT f.id FROM ({ways}) f ORDER BY f.place {direction}, f.id {direction} LIMIT {limit}))
"""
