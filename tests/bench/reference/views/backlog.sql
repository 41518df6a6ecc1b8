-- Backlog: the service cycles that are open, and how old they are.
WITH aged AS (
    SELECT answered_at, (extract(epoch FROM %(moment)s::timestamptz - started_at) / 86400)::float8 AS days
      FROM cycles WHERE ended_at IS NULL
), summed AS (
    SELECT count(*) AS open, count(*) FILTER (WHERE answered_at IS NULL) AS unanswered,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY days) AS middle, max(days) AS oldest_days
      FROM aged
)
SELECT NULL::text AS dimension, open, unanswered, middle[1] AS median_days, middle[2] AS p90_days, oldest_days
  FROM summed WHERE open > 0
