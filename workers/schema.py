"""Makes what the fan-out remembers: where the relay stands, and the reactor's checkpoints."""

from __future__ import annotations

import psycopg

FANOUT_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS fanout AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;

-- The one relay: its epoch grows with every take-over, and whoever has an older one publishes nothing more.
CREATE TABLE IF NOT EXISTS fanout.relay (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    log_name   text    NOT NULL DEFAULT substr(md5(gen_random_uuid()::text), 1, 8),  -- no two logs share a topic
    epoch      bigint  NOT NULL DEFAULT 0,
    generation integer NOT NULL DEFAULT 0,  -- of the topic; 0 until there is one, and one more whenever Kafka is lost
    cluster    text,                        -- the Kafka that has this topic
    position   bigint  NOT NULL DEFAULT 0   -- everything up to here is in Kafka, or was before this generation
);
-- This generation of the topic holds what came after this position; unknown of one that an earlier release made.
ALTER TABLE fanout.relay ADD COLUMN IF NOT EXISTS begins bigint;
INSERT INTO fanout.relay DEFAULT VALUES ON CONFLICT DO NOTHING;

-- A reactor looks forward: it begins where the log ends when it is first installed.
INSERT INTO read.checkpoints (slot, partition, position)
SELECT 'reactor', generate_series(0, partitions - 1), coalesce((SELECT max(position) FROM log.events), 0)
  FROM log.settings
ON CONFLICT DO NOTHING;
"""

MIGRATION_LOCK = 0x6B726F6E_00000003


def prepare(url: str) -> None:
    """Make what is missing, as the database's owner; the log's tables and the read side's come first."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(FANOUT_SCHEMA)
