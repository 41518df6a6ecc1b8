-- Append what passes of a batch of commands. No two commands of a batch change the same stream, claim, command id or
-- (within a tenant) question about parents, nor does one change a stream that another has seen: the writer sees to it.
--
-- The log's lock is taken by a statement of its own: each statement of a volatile function has a snapshot of its own, so
-- that what follows sees all that was appended before the lock was given. It is let go by the commit, which needs nothing
-- more from the client: nobody thinks while holding it.
--
-- The six lists are JSON; each entry but a command's names its command by `item`. `seen` are the streams that a command was decided on, with
-- their versions. Answers one row a command: `outcome` is recorded, repeated, reused, conflict, claimed or circle.
DROP FUNCTION IF EXISTS log.append(json);
CREATE OR REPLACE FUNCTION log.append(lock bigint, all_commands json, all_events json, all_seen json, all_claims json, all_releases json, all_parents json)
RETURNS TABLE (item integer, outcome text, detail text, stream_type text, stream_id uuid, version integer,
               events integer, last_position bigint, recorded_at timestamptz)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off  -- few rows against tables that grow
AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    moment timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(lock);

    SELECT e.position, greatest(e.recorded_at, clock_timestamp()) INTO head, moment
      FROM log.events e ORDER BY e.position DESC LIMIT 1;
    IF NOT FOUND THEN
        head := 0;
        moment := clock_timestamp();
    END IF;

    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT * FROM json_to_recordset(all_commands) AS c(
            item integer, tenant text, command_id text, body text, stream_type text, stream_id uuid, version integer,
            events integer, actor text, on_behalf_of text, reason text,
            correlation_id uuid, causation_id uuid, trace text)
    ), happened AS MATERIALIZED (
        SELECT * FROM json_to_recordset(all_events) AS e(
            item integer, ordinal integer, stream_type text, stream_id uuid, version integer, partition smallint,
            subject_id uuid, event_id uuid, type text, schema_version smallint, occurred_at timestamptz, data text, personal text)
    ), claim AS MATERIALIZED (
        SELECT * FROM json_to_recordset(all_claims) AS c(item integer, kind text, token text, stream_id uuid)
    ), above AS MATERIALIZED (
        SELECT * FROM json_to_recordset(all_parents) AS p(item integer, child_id uuid, parent_id uuid)
    ), known AS MATERIALIZED (
        SELECT a.item, c.*, c.body = decode(a.body, 'hex') AS same
          FROM asked a JOIN log.commands c ON c.tenant = a.tenant AND c.command_id = a.command_id
    ), stale AS MATERIALIZED (
        SELECT DISTINCT ON (s.item) s.item, s.stream_id, s.current
          FROM (SELECT v.item, v.stream_id, v.version,
                       coalesce((SELECT e.version FROM log.events e
                                  WHERE e.tenant = a.tenant AND e.stream_id = v.stream_id
                                  ORDER BY e.version DESC LIMIT 1), 0) AS current
                  FROM json_to_recordset(all_seen) AS v(item integer, stream_id uuid, version integer)
                  JOIN asked a ON a.item = v.item) s
         WHERE s.current <> s.version
    ), taken AS MATERIALIZED (
        SELECT DISTINCT ON (q.item) q.item, q.kind
          FROM claim q JOIN asked a ON a.item = q.item
          JOIN log.claims c ON c.tenant = a.tenant AND c.kind = q.kind AND c.token = decode(q.token, 'hex')
         WHERE c.stream_id <> q.stream_id
    ), circle AS MATERIALIZED (
        SELECT p.item FROM above p JOIN asked a ON a.item = p.item
         WHERE p.parent_id IS NOT NULL AND p.child_id IN (
               WITH RECURSIVE up(id) AS (
                   SELECT p.parent_id
                   UNION
                   SELECT l.parent_id FROM up JOIN log.parents l ON l.tenant = a.tenant AND l.child_id = up.id)
               SELECT up.id FROM up)
    ), passed AS MATERIALIZED (
        SELECT a.*, head + sum(a.events) OVER (ORDER BY a.item) AS last_position
          FROM asked a
         WHERE a.item NOT IN (SELECT k.item FROM known k) AND a.item NOT IN (SELECT s.item FROM stale s)
           AND a.item NOT IN (SELECT t.item FROM taken t) AND a.item NOT IN (SELECT c.item FROM circle c)
    ), new_events AS (
        INSERT INTO log.events (position, tenant, stream_type, stream_id, version, partition, subject_id, event_id, type,
                                schema_version, recorded_at, occurred_at, actor, on_behalf_of, reason, correlation_id,
                                causation_id, command_id, trace, data, personal)
        SELECT p.last_position - p.events + h.ordinal, p.tenant, h.stream_type, h.stream_id, h.version, h.partition,
               h.subject_id, h.event_id, h.type, h.schema_version, moment, h.occurred_at, p.actor, p.on_behalf_of,
               p.reason, p.correlation_id, p.causation_id, p.command_id, p.trace, h.data::json, h.personal::json
          FROM happened h JOIN passed p ON p.item = h.item
    ), new_commands AS (
        INSERT INTO log.commands (tenant, command_id, body, stream_type, stream_id, version, position, events, recorded_at)
        SELECT p.tenant, p.command_id, decode(p.body, 'hex'), p.stream_type, p.stream_id, p.version, p.last_position,
               p.events, moment
          FROM passed p
    ), released AS (
        DELETE FROM log.claims c
         USING json_to_recordset(all_releases) AS r(item integer, kind text, token text, stream_id uuid), passed p
         WHERE r.item = p.item AND c.tenant = p.tenant AND c.kind = r.kind AND c.token = decode(r.token, 'hex')
           AND c.stream_id = r.stream_id
    ), new_claims AS (
        INSERT INTO log.claims (tenant, kind, token, stream_id)
        SELECT p.tenant, q.kind, decode(q.token, 'hex'), q.stream_id FROM claim q JOIN passed p ON p.item = q.item
        ON CONFLICT DO NOTHING
    ), orphaned AS (
        DELETE FROM log.parents l USING above u, passed p
         WHERE u.item = p.item AND u.parent_id IS NULL AND l.tenant = p.tenant AND l.child_id = u.child_id
    ), new_parents AS (
        INSERT INTO log.parents AS l (tenant, child_id, parent_id)
        SELECT p.tenant, u.child_id, u.parent_id FROM above u JOIN passed p ON p.item = u.item
         WHERE u.parent_id IS NOT NULL
        ON CONFLICT (tenant, child_id) DO UPDATE SET parent_id = excluded.parent_id
    )
    SELECT p.item, 'recorded'::text, NULL::text, p.stream_type, p.stream_id, p.version, p.events, p.last_position::bigint, moment
      FROM passed p
    UNION ALL
    SELECT k.item, CASE WHEN k.same THEN 'repeated' ELSE 'reused' END, NULL, k.stream_type, k.stream_id, k.version,
           k.events, k.position, k.recorded_at
      FROM known k
    UNION ALL
    SELECT s.item, 'conflict', NULL, NULL, s.stream_id, s.current, NULL, NULL, NULL
      FROM stale s WHERE s.item NOT IN (SELECT k.item FROM known k)
    UNION ALL
    SELECT t.item, 'claimed', t.kind, NULL, NULL, NULL, NULL, NULL, NULL
      FROM taken t WHERE t.item NOT IN (SELECT k.item FROM known k) AND t.item NOT IN (SELECT s.item FROM stale s)
    UNION ALL
    SELECT c.item, 'circle', NULL, NULL, NULL, NULL, NULL, NULL, NULL
      FROM circle c WHERE c.item NOT IN (SELECT k.item FROM known k) AND c.item NOT IN (SELECT s.item FROM stale s)
                      AND c.item NOT IN (SELECT t.item FROM taken t);
END $$;
