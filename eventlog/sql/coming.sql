-- The next events after a position. Where there are none they are waited for, so long at the most; the log is looked at
-- again after a tenth of the time since something was last recorded, but one millisecond at the least and twenty at the
-- most. (Whoever waits here costs nobody a round trip; that each append told of itself would cost the append.)
CREATE OR REPLACE FUNCTION log.coming(after bigint, most integer, patience_s double precision) RETURNS SETOF log.events
LANGUAGE plpgsql AS $$
DECLARE
    latest timestamptz := clock_timestamp() + make_interval(secs => patience_s);
    head   bigint;
    moment timestamptz;
BEGIN
    LOOP  -- each statement sees what has been committed by then
        SELECT e.position, e.recorded_at INTO head, moment FROM log.events e ORDER BY e.position DESC LIMIT 1;
        EXIT WHEN head > after OR clock_timestamp() >= latest;
        PERFORM pg_sleep(coalesce(least(greatest(extract(epoch FROM clock_timestamp() - moment) / 10, 0.001), 0.020), 0.020));
    END LOOP;
    RETURN QUERY SELECT * FROM log.events e WHERE e.position > after ORDER BY e.position LIMIT most;
END
$$;
