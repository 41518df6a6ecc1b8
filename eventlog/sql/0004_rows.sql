-- What log.append is given: rows of these types, each numbered by its command within the batch (`item`). Columns are never
-- changed, for a process of the release before sends them in this order: a release that needs others makes new types.

CREATE TYPE log.asked AS (
    item        integer,
    tenant      text,
    command_id  text,
    body        bytea,
    stream_type text,
    stream_id   uuid,
    version     integer,
    events      integer  -- how many
);
CREATE TYPE log.made AS (
    item           integer,
    tenant         text,
    command_id     text,
    actor          text,
    on_behalf_of   text,
    reason         text,
    correlation_id uuid,
    causation_id   uuid,
    trace          text,
    source         json,
    stream_type    text,
    stream_id      uuid,
    partition      smallint,
    subject_id     uuid,
    version        integer,
    event_id       uuid,
    type           text,
    schema_version smallint,
    occurred_at    timestamptz,
    data           json,
    personal       json
);
CREATE TYPE log.seen AS (item integer, tenant text, stream_id uuid, version integer, named integer);
CREATE TYPE log.claimed AS (item integer, tenant text, kind text, token bytea, stream_id uuid);
CREATE TYPE log.placed AS (item integer, tenant text, child_id uuid, parent_id uuid);
