-- Append what passes of a batch of commands. No two commands of a batch change the same stream, claim, command id or
-- (within a tenant) question about parents, nor does one change a stream that another has seen: the writer sees to it.
--
-- The log's lock is taken by a statement of its own: each statement of a volatile function has a snapshot of its own, so
-- that what follows sees all that was appended before the lock was given. It is let go by the commit, which needs nothing
-- more from the client: nobody thinks while holding it.
--
-- The six lists are JSON, NULL when they are empty; every entry is numbered by its command (`item`).
-- `seen` are the streams that a command was decided on, with their versions, and where nothing may refer to one with how
-- many events had named it. Answers one row a command: `outcome` is
-- recorded, repeated, reused, conflict, claimed or circle.
DROP FUNCTION IF EXISTS log.append(json);
CREATE OR REPLACE FUNCTION log.append(
    lock bigint, all_commands json, all_events json, all_seen json, all_claims json, all_releases json, all_parents json)
RETURNS TABLE (item integer, outcome text, detail text, stream_type text, stream_id uuid, version integer,
               events integer, last_position bigint, recorded_at timestamptz)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off  -- few rows against tables that grow
AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    moment timestamptz;
    refused integer[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(lock);

    SELECT e.position, greatest(e.recorded_at, clock_timestamp()) INTO head, moment
      FROM log.events e ORDER BY e.position DESC LIMIT 1;
    IF NOT FOUND THEN
        head := 0;
        moment := clock_timestamp();
    END IF;

    -- What was recorded before is answered as it was, whatever has become of its streams since.
    FOR item, outcome, stream_type, stream_id, version, events, last_position, recorded_at IN
        SELECT * FROM (
            SELECT a.item, CASE WHEN c.body = decode(a.body, 'hex') THEN 'repeated' ELSE 'reused' END AS outcome,
                   c.stream_type, c.stream_id, c.version, c.events, c.position, c.recorded_at
              FROM json_to_recordset(all_commands) AS a(item integer, tenant text, command_id text, body text)
              JOIN log.commands c ON c.tenant = a.tenant AND c.command_id = a.command_id
            UNION ALL
            SELECT s.item, 'conflict', NULL, s.stream_id, s.current, NULL, NULL, NULL
              FROM (SELECT v.item, v.tenant, v.stream_id, v.version, v.named,
                           coalesce((SELECT e.version FROM log.events e
                                      WHERE e.tenant = v.tenant AND e.stream_id = v.stream_id
                                      ORDER BY e.version DESC LIMIT 1), 0) AS current
                      FROM json_to_recordset(all_seen)
                           AS v(item integer, tenant text, stream_id uuid, version integer, named integer)) s
             WHERE s.current <> s.version
                OR CASE WHEN s.named IS NULL THEN false  -- hardly ever asked, so not looked for
                        ELSE s.named < (SELECT count(*) FROM log.naming(s.tenant, s.stream_id)) END) r
         ORDER BY r.outcome = 'conflict'
    LOOP
        CONTINUE WHEN item = ANY (refused);
        refused := refused || item;
        RETURN NEXT;
    END LOOP;
    stream_type := NULL; stream_id := NULL; version := NULL; events := NULL; last_position := NULL; recorded_at := NULL;

    IF all_claims IS NOT NULL THEN
        FOR item, outcome, detail IN
            SELECT q.item, 'claimed', q.kind
              FROM json_to_recordset(all_claims) AS q(item integer, tenant text, kind text, token text, stream_id uuid)
              JOIN log.claims c ON c.tenant = q.tenant AND c.kind = q.kind AND c.token = decode(q.token, 'hex')
             WHERE c.stream_id <> q.stream_id
               AND NOT EXISTS (  -- what one stream of a command lets go of, another one of it may take
                   SELECT FROM json_to_recordset(all_releases)
                            AS r(item integer, tenant text, kind text, token text, stream_id uuid)
                    WHERE r.item = q.item AND r.tenant = q.tenant AND r.kind = q.kind AND r.token = q.token
                      AND r.stream_id = c.stream_id)
        LOOP
            CONTINUE WHEN item = ANY (refused);
            refused := refused || item;
            RETURN NEXT;
        END LOOP;
    END IF;

    IF all_parents IS NOT NULL THEN
        FOR item, outcome, detail IN
            SELECT p.item, 'circle', NULL
              FROM json_to_recordset(all_parents) AS p(item integer, tenant text, child_id uuid, parent_id uuid)
             WHERE p.parent_id IS NOT NULL AND p.child_id IN (
                   WITH RECURSIVE up(id) AS (
                       SELECT p.parent_id
                       UNION
                       SELECT l.parent_id FROM up JOIN log.parents l ON l.tenant = p.tenant AND l.child_id = up.id)
                   SELECT up.id FROM up)
        LOOP
            CONTINUE WHEN item = ANY (refused);
            refused := refused || item;
            RETURN NEXT;
        END LOOP;
    END IF;

    RETURN QUERY
    WITH passed AS MATERIALIZED (
        SELECT a.*, (head + sum(a.events) OVER (ORDER BY a.item))::bigint AS last_position
          FROM json_to_recordset(all_commands) AS a(
               item integer, tenant text, command_id text, body text, stream_type text, stream_id uuid, version integer,
               events integer, actor text, on_behalf_of text, reason text,
               correlation_id uuid, causation_id uuid, trace text, source json)
         WHERE a.item <> ALL (refused)
    ), new_events AS (
        INSERT INTO log.events (position, tenant, stream_type, stream_id, version, partition, subject_id, event_id, type,
                                schema_version, recorded_at, occurred_at, actor, on_behalf_of, reason, correlation_id,
                                causation_id, command_id, trace, source, data, personal)
        SELECT p.last_position - p.events + h.ordinal, p.tenant, h.stream_type, h.stream_id, h.version, h.partition,
               h.subject_id, h.event_id, h.type, h.schema_version, moment, h.occurred_at, p.actor, p.on_behalf_of,
               p.reason, p.correlation_id, p.causation_id, p.command_id, p.trace, p.source, h.data::json,
               h.personal::json
          FROM json_to_recordset(all_events) AS h(
               item integer, ordinal integer, stream_type text, stream_id uuid, version integer, partition smallint,
               subject_id uuid, event_id uuid, type text, schema_version smallint, occurred_at timestamptz, data text,
               personal text)
          JOIN passed p ON p.item = h.item
    ), new_commands AS (
        INSERT INTO log.commands (tenant, command_id, body, stream_type, stream_id, version, position, events, recorded_at)
        SELECT p.tenant, p.command_id, decode(p.body, 'hex'), p.stream_type, p.stream_id, p.version, p.last_position,
               p.events, moment
          FROM passed p
    )
    SELECT p.item, 'recorded'::text, NULL::text, p.stream_type, p.stream_id, p.version, p.events, p.last_position, moment
      FROM passed p;

    IF all_releases IS NOT NULL THEN
        DELETE FROM log.claims c
         USING json_to_recordset(all_releases) AS r(item integer, tenant text, kind text, token text, stream_id uuid)
         WHERE r.item <> ALL (refused) AND c.tenant = r.tenant AND c.kind = r.kind AND c.token = decode(r.token, 'hex')
           AND c.stream_id = r.stream_id;
    END IF;

    IF all_claims IS NOT NULL THEN
        INSERT INTO log.claims (tenant, kind, token, stream_id)
        SELECT q.tenant, q.kind, decode(q.token, 'hex'), q.stream_id
          FROM json_to_recordset(all_claims) AS q(item integer, tenant text, kind text, token text, stream_id uuid)
         WHERE q.item <> ALL (refused)
        ON CONFLICT DO NOTHING;
    END IF;

    IF all_parents IS NOT NULL THEN
        DELETE FROM log.parents l
         USING json_to_recordset(all_parents) AS p(item integer, tenant text, child_id uuid, parent_id uuid)
         WHERE p.item <> ALL (refused) AND p.parent_id IS NULL AND l.tenant = p.tenant AND l.child_id = p.child_id;
        INSERT INTO log.parents AS l (tenant, child_id, parent_id)
        SELECT p.tenant, p.child_id, p.parent_id
          FROM json_to_recordset(all_parents) AS p(item integer, tenant text, child_id uuid, parent_id uuid)
         WHERE p.item <> ALL (refused) AND p.parent_id IS NOT NULL
        ON CONFLICT (tenant, child_id) DO UPDATE SET parent_id = excluded.parent_id;
    END IF;
END $$;
