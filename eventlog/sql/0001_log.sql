-- The log: every change as an immutable event, in one gapless order.

CREATE SCHEMA log;

CREATE TABLE log.events (
    position       bigint PRIMARY KEY,
    tenant         text        NOT NULL,
    stream_type    text        NOT NULL,
    stream_id      uuid        NOT NULL,
    version        integer     NOT NULL,
    partition      smallint    NOT NULL,  -- fixed by the stream's first event; a stream never changes it
    subject_id     uuid        NOT NULL,  -- whose personal data it is: the customer concerned, else the stream itself
    event_id       uuid        NOT NULL,
    type           text        NOT NULL,
    schema_version smallint    NOT NULL,
    recorded_at    timestamptz NOT NULL,  -- given under the lock: never runs against the position
    occurred_at    timestamptz NOT NULL,
    actor          text        NOT NULL,
    on_behalf_of   text,
    reason         text,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    command_id     text        NOT NULL,
    trace          text,
    data           json        NOT NULL,  -- json, not jsonb: the bytes are kept
    personal       json,                  -- each personal field on its own, encrypted with its subject's key
    UNIQUE (tenant, stream_id, version)
);

-- Holes in what Kafka delivers are read from here, and it tells which partitions have nothing new.
CREATE INDEX events_by_partition ON log.events (partition, position);
-- A tenant's own feed costs the same however busy the others are.
CREATE INDEX events_by_tenant ON log.events (tenant, position);

CREATE TABLE log.commands (
    tenant      text        NOT NULL,
    command_id  text        NOT NULL,
    body        bytea       NOT NULL,     -- keyed HMAC of the canonical body
    stream_type text        NOT NULL,
    stream_id   uuid        NOT NULL,
    version     integer     NOT NULL,
    position    bigint      NOT NULL,     -- of its last event; of the log's head when it recorded none
    events      integer     NOT NULL,     -- how many; they end at `position` and stand together
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, command_id)
);

-- What one stream alone may hold (an e-mail, a tax id, an external id), as keyed HMACs.
CREATE TABLE log.claims (
    tenant    text  NOT NULL,
    kind      text  NOT NULL,
    token     bytea NOT NULL,
    stream_id uuid  NOT NULL,
    PRIMARY KEY (tenant, kind, token)
);

-- Who stands above whom, so that no two commands together can close a circle.
CREATE TABLE log.parents (
    tenant    text NOT NULL,
    child_id  uuid NOT NULL,
    parent_id uuid NOT NULL,
    PRIMARY KEY (tenant, child_id)
);

-- The log's life: one epoch, and one more with every restore to an earlier point.
CREATE TABLE log.epochs (
    epoch      integer PRIMARY KEY,
    begins     bigint      NOT NULL,      -- positions above this belong to this epoch or a later one
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO log.epochs (epoch, begins) VALUES (1, 0);

-- Fixed when the log is made: in how many partitions the fan-out keeps its order.
CREATE TABLE log.settings (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    partitions smallint NOT NULL
);
