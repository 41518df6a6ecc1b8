"""One table being kept, and the statements that read and write its rows and move its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from projections.columns import Column, columns, encode, form_of
from projections.projection import Projection, Row

ADVANCE: LiteralString = (
    "UPDATE read.checkpoints c SET position = n.position FROM json_to_recordset(%s::json)"
    " AS n(slot text, partition smallint, position bigint, owner bigint, before bigint)"
    " WHERE c.slot = n.slot AND c.partition = n.partition AND c.owner = n.owner AND c.position = n.before"
)
FENCED = "KR001"
"""The SQLSTATE of read.fenced (projections/tables.py)."""

MANY = 50
"""From so many rows on, to send them column by column costs less than to send them as JSON: half of PostgreSQL's work.
For few, it is more to send a value for every column."""


@dataclass(frozen=True)
class Slot:
    """One table being kept: the live one of a projection, or the one being built beside it."""

    projection: Projection
    building: bool = False

    @cached_property
    def name(self) -> str:
        return self.projection.name + ("_next" if self.building else "")

    @property
    def table(self) -> sql.Identifier:
        return sql.Identifier("read", self.name)

    def given(self, rows: list[Row]) -> list[Column] | list[str]:
        """The rows as `upsert` takes so many. Raises psycopg.DataError."""
        return columns(rows, self.projection.table.kinds) if by_column(rows) else [as_json(rows)]


def by_column(rows: list[Row]) -> bool:
    return len(rows) >= MANY


def as_json(rows: list[Row]) -> str:
    try:
        return orjson.dumps(rows, default=encode).decode()
    except TypeError as error:  # a handler's fault, found when writing: the row is refused like any other
        raise psycopg.DataError(str(error)) from error


def as_jsonb(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value, orjson.dumps)


@cache
def rows_by_key(slot: Slot) -> bytes:
    types, matches = slot.projection.found_by
    query = sql.SQL("SELECT t.* FROM {table} t JOIN unnest({arrays}) AS k({names}) ON {matches}").format(
        table=slot.table,
        matches=sql.SQL(matches),
        arrays=sql.SQL(", ").join(sql.SQL("%s::" + kind + "[]") for kind in types.values()),
        names=sql.SQL(", ").join(map(sql.Identifier, types)),
    )
    return query.as_bytes()


@cache
def copy_in(slot: Slot) -> bytes:
    columns = sql.SQL(", ").join(map(sql.Identifier, slot.projection.table.columns))
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(slot.table, columns).as_bytes()


@cache
def upsert(slot: Slot, by_column: bool) -> bytes:
    return upserting(slot, by_column).as_bytes()


def upserting(slot: Slot, by_column: bool) -> sql.Composed:
    table = slot.projection.table
    rest = [column for column in table.columns if column not in table.key]
    return sql.SQL("INSERT INTO {table} ({columns}) {rows} ON CONFLICT ({key}) DO UPDATE SET {rest}").format(
        table=slot.table,
        columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        rows=side_by_side(slot) if by_column else written_out(slot),
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
        rest=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in rest),
    )


def written_out(slot: Slot) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, slot.projection.table.columns))
    return sql.SQL("SELECT {} FROM json_populate_recordset(NULL::{}, %s::json)").format(columns, slot.table)


def side_by_side(slot: Slot) -> sql.Composed:
    """Lists that are gone through together; those of FROM would each be kept first."""
    kinds = slot.projection.table.kinds.values()
    return sql.SQL("SELECT {}").format(
        sql.SQL(", ").join(sql.SQL(f"unnest(%s::{form_of(kind).sent_as}[])::{kind}") for kind in kinds)
    )


@cache
def write_at_once(slots: tuple[tuple[Slot, bool], ...]) -> bytes:
    """The checkpoints, the rows of these slots (by column or not), and an error when not all of the checkpoints have
    moved."""
    writing = [sql.SQL("w{} AS ({})").format(sql.SQL(str(n)), upserting(*slot)) for n, slot in enumerate(slots)]
    parts = sql.SQL(", ").join([sql.SQL("advanced AS (" + ADVANCE + " RETURNING 1)"), *writing])
    last = "SELECT read.fenced(moved) FROM (SELECT count(*) AS moved FROM advanced) a WHERE moved <> %s"
    return (sql.SQL("WITH ") + parts + sql.SQL(" " + last)).as_bytes()
