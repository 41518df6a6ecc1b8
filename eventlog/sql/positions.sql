-- What is told of the log to connections that see the rows of one tenant alone: positions and moments, and nothing of
-- what happened. All read by one statement see the log as that statement does.
CREATE OR REPLACE FUNCTION log.head() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT max(e.position) FROM log.events e), 0);
END
$$;

CREATE OR REPLACE FUNCTION log.recorded_at(of_position bigint) RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT e.recorded_at FROM log.events e WHERE e.position = of_position);
END
$$;

-- The last position recorded by a moment; 0 before the first. `recorded_at` never runs against the position, and
-- positions have no gaps.
CREATE OR REPLACE FUNCTION log.position_at(moment timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    low    bigint := 0;
    high   bigint := log.head();
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        IF (SELECT e.recorded_at FROM log.events e WHERE e.position = middle) <= moment THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- The position that is reflected by whatever has taken in each of these partitions up to this position: the least up to
-- which it has seen all there is. A partition with nothing new is never behind, whatever its checkpoint says.
CREATE OR REPLACE FUNCTION log.reflected(partitions smallint[], positions bigint[]) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce((
        SELECT min(coalesce((SELECT e.position - 1 FROM log.events e
                              WHERE e.partition = c.partition AND e.position > c.position ORDER BY e.position LIMIT 1),
                            log.head()))
          FROM unnest(partitions, positions) AS c(partition, position)), 0);
END
$$;
