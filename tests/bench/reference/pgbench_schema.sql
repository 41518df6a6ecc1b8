-- The table of pgbench.sql.
CREATE TABLE appends (
    position       bigserial PRIMARY KEY,
    tenant         text        NOT NULL,
    stream_type    text        NOT NULL,
    stream_id      uuid        NOT NULL,
    version        integer     NOT NULL,
    partition      smallint    NOT NULL,
    subject_id     uuid        NOT NULL,
    event_id       uuid        NOT NULL,
    type           text        NOT NULL,
    schema_version smallint    NOT NULL,
    recorded_at    timestamptz NOT NULL,
    occurred_at    timestamptz NOT NULL,
    actor          text        NOT NULL,
    on_behalf_of   text,
    reason         text,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    command_id     text        NOT NULL,
    trace          text,
    data           json        NOT NULL,
    personal       json,
    body           bytea       NOT NULL,
    claim_kind     text        NOT NULL,
    claim          bytea       NOT NULL,
    UNIQUE (tenant, stream_id, version),
    UNIQUE (tenant, command_id)
);
CREATE INDEX ON appends (partition, position);
CREATE INDEX ON appends (tenant, position);
