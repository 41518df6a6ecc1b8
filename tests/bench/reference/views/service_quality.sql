-- Service quality by month: how soon customers are answered and helped, how often for good, and how content they are.
WITH asked AS (
    SELECT date_trunc('month', started_at AT TIME ZONE 'UTC')::date AS period, first_response_s, resolution_s, ended_as, score,
           ended_as = 'resolved' AND lead(cycle) OVER (PARTITION BY ticket_id ORDER BY cycle) IS NOT NULL AS came_again
      FROM cycles
), summed AS (
    SELECT period, count(*) AS cycles, count(first_response_s) AS answered,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY first_response_s) AS response,
           count(*) FILTER (WHERE ended_as = 'resolved') AS resolved,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY resolution_s) AS resolution,
           count(*) FILTER (WHERE came_again) AS reopened, count(score) AS ratings,
           count(*) FILTER (WHERE score >= 4)::float8 / nullif(count(score), 0) AS csat,
           1.959964 * 1.959964::float8 / nullif(count(score), 0) AS zz
      FROM asked GROUP BY period
)
SELECT period, NULL::text AS dimension, cycles, answered, response[1] AS first_response_median_s,
       response[2] AS first_response_p90_s, resolved, resolution[1] AS resolution_median_s,
       resolution[2] AS resolution_p90_s, resolved::float8 / cycles AS resolution_rate, reopened,
       reopened::float8 / nullif(resolved, 0) AS reopen_rate, ratings, csat,
       (csat + zz / 2 - 1.959964 * sqrt(greatest(csat * (1 - csat) / ratings, 0) + zz / 4 / ratings)) / (1 + zz) AS csat_low,
       (csat + zz / 2 + 1.959964 * sqrt(greatest(csat * (1 - csat) / ratings, 0) + zz / 4 / ratings)) / (1 + zz) AS csat_high
  FROM summed ORDER BY period
