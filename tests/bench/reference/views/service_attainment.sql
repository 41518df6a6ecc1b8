-- Service attainment by month: which part of the cycles that ended was answered, and resolved, within limits.
WITH timed AS (
    SELECT date_trunc('month', coalesce(ended_at, %(moment)s) AT TIME ZONE 'UTC')::date AS period, ended_at IS NULL AS open,
           first_response_s, resolution_s,
           extract(epoch FROM coalesce(ended_at, paused_since, %(moment)s) - started_at) - paused_s AS worked_s
      FROM cycles
), judged AS (
    SELECT period, open, CASE WHEN coalesce(first_response_s, worked_s) > %(first_response_within)s THEN 'missed'
                              WHEN first_response_s IS NOT NULL THEN 'met' END AS answered,
           CASE WHEN coalesce(resolution_s, worked_s) > %(resolution_within)s THEN 'missed'
                WHEN resolution_s IS NOT NULL THEN 'met' END AS resolved
      FROM timed
), summed AS (
    SELECT period, count(*) FILTER (WHERE NOT open) AS cycles,
           count(*) FILTER (WHERE NOT open AND answered = 'met') AS first_response_met,
           count(*) FILTER (WHERE NOT open AND answered = 'missed') AS first_response_missed,
           count(*) FILTER (WHERE open AND answered = 'missed') AS first_response_open_breached,
           count(*) FILTER (WHERE NOT open AND resolved = 'met') AS resolution_met,
           count(*) FILTER (WHERE NOT open AND resolved = 'missed') AS resolution_missed,
           count(*) FILTER (WHERE open AND resolved = 'missed') AS resolution_open_breached
      FROM judged GROUP BY period
)
SELECT period, NULL::text AS dimension, cycles, first_response_met, first_response_missed,
       first_response_met::float8 / nullif(first_response_met + first_response_missed, 0) AS first_response_attainment,
       first_response_open_breached, resolution_met, resolution_missed,
       resolution_met::float8 / nullif(resolution_met + resolution_missed, 0) AS resolution_attainment,
       resolution_open_breached
  FROM summed ORDER BY period
