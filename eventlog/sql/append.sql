-- Append what passes of a batch of commands. No two commands of a batch change the same stream, claim, command id or
-- (within a tenant) question about parents, nor does one change a stream that another has seen: the writer sees to it.
--
-- The log's lock is taken by a statement of its own: each statement of a volatile function has a snapshot of its own, so
-- that what follows sees all that was appended before the lock was given. It is let go by the commit, which needs nothing
-- more from the client: nobody thinks while holding it.
--
-- `all_seen` are the streams that a command was decided on, with their versions, and where nothing may refer to one with
-- how many events had named it. Answers first where the log stood and at which moment: what is recorded follows there, in
-- the order of the batch. Then a row for each command that is not recorded now: `outcome` is repeated, reused, conflict,
-- claimed or circle. How it is planned the writer's connection says (eventlog/log.py).
CREATE OR REPLACE FUNCTION log.append(
    lock bigint, all_asked log.asked[], all_made log.made[], all_seen log.seen[], all_claimed log.claimed[],
    all_released log.claimed[], all_placed log.placed[])
RETURNS TABLE (item integer, outcome text, detail text, stream_type text, stream_id uuid, version integer,
               events integer, last_position bigint, recorded_at timestamptz)
LANGUAGE plpgsql AS $$
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
    outcome := 'head'; last_position := head; recorded_at := moment;
    RETURN NEXT;

    -- What was recorded before is answered as it was, whatever has become of its streams since.
    FOR item, outcome, stream_type, stream_id, version, events, last_position, recorded_at IN
        SELECT * FROM (
            SELECT a.item, CASE WHEN c.body = a.body THEN 'repeated' ELSE 'reused' END AS outcome,
                   c.stream_type, c.stream_id, c.version, c.events, c.position, c.recorded_at
              FROM unnest(all_asked) AS a
              JOIN log.commands c ON c.tenant = a.tenant AND c.command_id = a.command_id
            UNION ALL
            SELECT s.item, 'conflict', NULL, s.stream_id, s.current, NULL, NULL, NULL
              FROM (SELECT v.*, coalesce((SELECT e.version FROM log.events e
                                           WHERE e.tenant = v.tenant AND e.stream_id = v.stream_id
                                           ORDER BY e.version DESC LIMIT 1), 0) AS current
                      FROM unnest(all_seen) AS v) s
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

    IF all_claimed IS NOT NULL THEN
        FOR item, outcome, detail IN
            SELECT q.item, 'claimed', q.kind
              FROM unnest(all_claimed) AS q
              JOIN log.claims c ON c.tenant = q.tenant AND c.kind = q.kind AND c.token = q.token
             WHERE c.stream_id <> q.stream_id
               AND NOT EXISTS (  -- what one stream of a command lets go of, another one of it may take
                   SELECT FROM unnest(all_released) AS r
                    WHERE r.item = q.item AND r.tenant = q.tenant AND r.kind = q.kind AND r.token = q.token
                      AND r.stream_id = c.stream_id)
        LOOP
            CONTINUE WHEN item = ANY (refused);
            refused := refused || item;
            RETURN NEXT;
        END LOOP;
    END IF;

    IF all_placed IS NOT NULL THEN
        FOR item, outcome, detail IN
            SELECT p.item, 'circle', NULL
              FROM unnest(all_placed) AS p
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

    INSERT INTO log.events (position, tenant, stream_type, stream_id, version, partition, subject_id, event_id, type,
                            schema_version, recorded_at, occurred_at, actor, on_behalf_of, reason, correlation_id,
                            causation_id, command_id, trace, source, data, personal)
    SELECT head + row_number() OVER (ORDER BY h.ordinality), h.tenant, h.stream_type, h.stream_id, h.version, h.partition,
           h.subject_id, h.event_id, h.type, h.schema_version, moment, h.occurred_at, h.actor, h.on_behalf_of, h.reason,
           h.correlation_id, h.causation_id, h.command_id, h.trace, h.source, h.data, h.personal
      FROM unnest(all_made) WITH ORDINALITY AS h
     WHERE h.item <> ALL (refused);

    INSERT INTO log.commands (tenant, command_id, body, stream_type, stream_id, version, position, events, recorded_at)
    SELECT a.tenant, a.command_id, a.body, a.stream_type, a.stream_id, a.version,
           head + sum(a.events) OVER (ORDER BY a.ordinality), a.events, moment
      FROM unnest(all_asked) WITH ORDINALITY AS a
     WHERE a.item <> ALL (refused);

    IF all_released IS NOT NULL THEN
        DELETE FROM log.claims c
         USING unnest(all_released) AS r
         WHERE r.item <> ALL (refused) AND c.tenant = r.tenant AND c.kind = r.kind AND c.token = r.token
           AND c.stream_id = r.stream_id;
    END IF;

    IF all_claimed IS NOT NULL THEN
        INSERT INTO log.claims (tenant, kind, token, stream_id)
        SELECT q.tenant, q.kind, q.token, q.stream_id FROM unnest(all_claimed) AS q WHERE q.item <> ALL (refused)
        ON CONFLICT DO NOTHING;
    END IF;

    IF all_placed IS NOT NULL THEN
        DELETE FROM log.parents l
         USING unnest(all_placed) AS p
         WHERE p.item <> ALL (refused) AND p.parent_id IS NULL AND l.tenant = p.tenant AND l.child_id = p.child_id;
        INSERT INTO log.parents AS l (tenant, child_id, parent_id)
        SELECT p.tenant, p.child_id, p.parent_id FROM unnest(all_placed) AS p
         WHERE p.item <> ALL (refused) AND p.parent_id IS NOT NULL
        ON CONFLICT (tenant, child_id) DO UPDATE SET parent_id = excluded.parent_id;
    END IF;
END $$;
