-- Who was shown what, or was refused it: written before the answer leaves, and never changed.

CREATE TABLE log.accesses (
    tenant         text        NOT NULL,
    id             uuid        NOT NULL,  -- in the order of time
    at             timestamptz NOT NULL,
    actor          text        NOT NULL,
    key            text,                  -- the public id of the key that it came with; of a token there is none
    route          text        NOT NULL,  -- what was asked, without what stood in it: that may be personal
    outcome        text        NOT NULL,
    objects        uuid[]      NOT NULL,  -- what was asked about, and all that was shown
    fields         text,                  -- where only some were asked for
    purpose        text,
    position       bigint,                -- what the answer reflected
    correlation_id uuid        NOT NULL,
    trace          text,
    PRIMARY KEY (tenant, id)
);
-- Finds what has been kept for long enough, and costs next to nothing to keep.
CREATE INDEX accesses_by_age ON log.accesses USING brin (at);

-- As processes send them; a release that needs other columns makes another type.
CREATE TYPE log.accessed AS (
    tenant         text,
    id             uuid,
    at             timestamptz,
    actor          text,
    key            text,
    route          text,
    outcome        text,
    objects        uuid[],
    fields         text,
    purpose        text,
    position       bigint,
    correlation_id uuid,
    trace          text
);

-- For how many days accesses are kept: set by the owner when it migrates, as the application may not decide it.
ALTER TABLE log.settings ADD COLUMN access_days double precision NOT NULL DEFAULT 1095;

-- The only way in which any of them goes: those that were kept for as long as the owner has said.
CREATE FUNCTION log.forget_accesses(most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH old AS (
        SELECT ctid FROM log.accesses
         WHERE at < now() - (SELECT access_days * interval '1 day' FROM log.settings) LIMIT most
    ), gone AS (
        DELETE FROM log.accesses a USING old WHERE a.ctid = old.ctid RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION log.forget_accesses FROM PUBLIC;
