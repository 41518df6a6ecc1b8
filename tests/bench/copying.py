"""Fills whole tables quickly: their indexes are made anew afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql


@contextmanager
def without_indexes(connection: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Drop the table's indexes for the time of the block, keys included."""
    keys = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
        [table],
    ).fetchall()
    others = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)",
        [table],
    ).fetchall()
    altered = sql.SQL("ALTER TABLE {} ").format(sql.Identifier(*table.split(".")))
    for name, _ in keys:
        connection.execute(altered + sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)))
    for name, _ in others:
        connection.execute(f"DROP INDEX {name}")
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")
    for name, definition in keys:
        connection.execute(altered + sql.SQL("ADD CONSTRAINT {} ").format(sql.Identifier(name)) + sql.SQL(definition))
    for _, definition in others:
        connection.execute(definition)
