"""Makes the tables of the read side: one for each read model, and its checkpoints, versions and parked events."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from eventlog.row_security import guarded
from projections.lookups import LOOKUPS
from projections.projection import Projection
from projections.slot import Slot

READ_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS read AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;

-- Up to where a slot (a live table, or one being built beside it) has finished a partition; `owner` fences writers.
CREATE TABLE IF NOT EXISTS read.checkpoints (
    slot      text     NOT NULL,
    partition smallint NOT NULL,
    position  bigint   NOT NULL DEFAULT 0,
    owner     bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (slot, partition)
) WITH (fillfactor = 50);

-- Which version of its code a live table was built by.
CREATE TABLE IF NOT EXISTS read.versions (
    projection text PRIMARY KEY,
    version    integer NOT NULL
);

-- Events that could not be folded or written (`error` says why), and those after them for the same row.
CREATE TABLE IF NOT EXISTS read.parked (
    slot      text        NOT NULL,
    position  bigint      NOT NULL,
    key       text        NOT NULL,
    tenant    text        NOT NULL,
    partition smallint    NOT NULL,
    event_id  uuid        NOT NULL,
    type      text        NOT NULL,
    error     text,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (slot, position)
);
CREATE INDEX IF NOT EXISTS parked_by_key ON read.parked (slot, key, position);

-- A repair: events that a projection is told to leave out, by whom and why; a rebuild leaves them out too.
CREATE TABLE IF NOT EXISTS read.skipped (
    projection text        NOT NULL,
    position   bigint      NOT NULL,
    actor      text        NOT NULL,
    reason     text        NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, position)
);

-- What `kronika reconcile` has found, run by run; the next one takes the slice after the last.
CREATE TABLE IF NOT EXISTS read.reconciliations (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at  timestamptz NOT NULL,
    ended_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    sample    text    NOT NULL,
    slice     integer,           -- null when it was no slice
    streams   bigint  NOT NULL,
    rows      bigint  NOT NULL,
    differed  bigint  NOT NULL,
    healed    bigint  NOT NULL,
    records   bigint,            -- null when Kafka was not compared
    missing   bigint,
    altered   bigint,
    resent    bigint
);

GRANT USAGE ON SCHEMA read TO kronika_reader;
GRANT SELECT ON read.checkpoints, read.versions, read.skipped TO kronika_reader;

-- Ends the statement of a worker that is not the owner any more; `moved` is how many of its checkpoints still were.
CREATE OR REPLACE FUNCTION read.fenced(moved bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'checkpoints belong to another worker now, all but %', moved USING ERRCODE = 'KR001';
END
$$;

-- The position a slot reflects: the least, over its partitions, up to which it has seen all there is.
CREATE OR REPLACE FUNCTION read.reflected(of_slot text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT log.reflected(array_agg(c.partition), array_agg(c.position)) FROM read.checkpoints c WHERE c.slot = of_slot
$$;
"""

UNGUARDED = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
 WHERE c.relnamespace = 'read'::regnamespace AND c.relkind = 'r' AND NOT c.relforcerowsecurity
"""

MIGRATION_LOCK = 0x6B726F6E_00000002


def prepare(url: str, projections: Sequence[Projection]) -> list[str]:
    """Make what is missing. Returns the names of read models whose live table an older version of their code built:
    they are to be rebuilt before this release serves them."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(READ_SCHEMA)
        built: dict[str, int] = dict(connection.execute("SELECT projection, version FROM read.versions").fetchall())
        for projection in projections:
            if projection.name not in built:
                create(connection, Slot(projection))
                connection.execute("INSERT INTO read.versions VALUES (%s, %s)", [projection.name, projection.version])
        for (unguarded,) in connection.execute(UNGUARDED).fetchall():  # by an earlier release
            for statement in guarded(sql.Identifier("read", unguarded)):
                connection.execute(statement)
        connection.execute(LOOKUPS)
    return [p.name for p in projections if built.get(p.name, p.version) != p.version]


def create(connection: psycopg.Connection, slot: Slot) -> None:
    """An empty table for the slot, its indexes, and checkpoints at the log's beginning."""
    for statement in (*table_of(slot), *indexes_of(slot)):
        connection.execute(statement)


def table_of(slot: Slot) -> list[sql.Composed]:
    """An empty table with its key, and checkpoints at the log's beginning."""
    table = slot.projection.table
    columns = [sql.SQL("{} " + kind).format(sql.Identifier(column)) for column, kind in table.columns.items()]
    key = sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key)))
    return [
        sql.SQL("CREATE TABLE {} ({})").format(slot.table, sql.SQL(", ").join([*columns, key])),
        *guarded(slot.table),
        sql.SQL(
            "INSERT INTO read.checkpoints (slot, partition)"
            " SELECT {}, generate_series(0, partitions - 1) FROM log.settings"
        ).format(slot.name),
    ]


def indexes_of(slot: Slot) -> list[sql.Composed]:
    return [
        sql.SQL("CREATE INDEX ON {} ").format(slot.table) + sql.SQL(index) for index in slot.projection.table.indexes
    ]
