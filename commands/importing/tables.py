"""Makes the tables beside the log that imports need: what was delivered, what became of each unit, how far it is."""

from __future__ import annotations

import psycopg
from psycopg import sql

from eventlog.row_security import guarded

IMPORTS_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS imports AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;
GRANT USAGE ON SCHEMA imports TO kronika_reader;

-- The files of a delivery, in parts, each packed and sealed with the delivery's own key.
CREATE TABLE IF NOT EXISTS imports.file (
    tenant   text    NOT NULL,
    delivery uuid    NOT NULL,
    name     text    NOT NULL,
    part     integer NOT NULL,
    sealed   bytea   NOT NULL,
    PRIMARY KEY (tenant, delivery, name, part)
);
ALTER TABLE imports.file ADD COLUMN IF NOT EXISTS delivered_at timestamptz NOT NULL DEFAULT now();  -- last
ALTER TABLE imports.file ALTER sealed SET STORAGE EXTERNAL;  -- what is sealed packs no further

-- What became of each unit: a row with those that belong to it.
CREATE TABLE IF NOT EXISTS imports.outcome (
    tenant   text    NOT NULL,
    job      uuid    NOT NULL,
    dry_run  boolean NOT NULL,
    unit     integer NOT NULL,
    step     text    NOT NULL,
    key      text    NOT NULL,             -- what the unit is called at its source
    lines    json    NOT NULL,             -- [["customers.csv", 12], ...]
    status   text    NOT NULL,             -- done or failed
    kind     text,                         -- why it failed, or warning
    message  text,
    warnings integer NOT NULL,
    commands text[]  NOT NULL,             -- the ids of those that were recorded
    events   integer NOT NULL,
    known    integer NOT NULL,             -- of the commands, those that an earlier import had recorded
    PRIMARY KEY (tenant, job, dry_run, unit)
);

-- What stays of an import that was undone, as later events stand on it.
CREATE TABLE IF NOT EXISTS imports.kept (
    tenant       text    NOT NULL,
    job          uuid    NOT NULL,
    event_id     uuid    NOT NULL,
    position     bigint  NOT NULL,
    type         text    NOT NULL,
    stream       text    NOT NULL,
    id           uuid    NOT NULL,
    version      integer NOT NULL,
    why          text,
    stands_below uuid[]  NOT NULL,
    PRIMARY KEY (tenant, job, position)
);

CREATE TABLE IF NOT EXISTS imports.progress (
    tenant   text        NOT NULL,
    job      uuid        NOT NULL,
    dry_run  boolean     NOT NULL,
    step     text        NOT NULL,
    units    integer     NOT NULL,
    of_units integer,
    failed   integer     NOT NULL,
    warnings integer     NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, job, dry_run)
) WITH (fillfactor = 50);
"""

MIGRATION_LOCK = 0x6B726F6E_00000005


def prepare(url: str) -> None:
    """Make what is missing, as the database's owner."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(IMPORTS_SCHEMA)
        for statement in guarded(sql.Identifier("imports", "progress")):
            connection.execute(statement)
