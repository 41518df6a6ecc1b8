-- Backlog: the service cycles that are open at the moment asked for, and how old they are.
--
-- Open         cycles that have not ended; `unanswered` are those without a public reply of ours.
-- Age          days from the cycle's start to the moment asked for, pauses included: median, 90th percentile and longest.
WITH aged AS (
    SELECT CASE $by::VARCHAR WHEN 'team' THEN team WHEN 'priority' THEN priority WHEN 'kind' THEN kind
                             WHEN 'channel' THEN channel WHEN 'product' THEN product WHEN 'category' THEN category END AS dimension,
           first_response_s, (epoch_us($moment::TIMESTAMPTZ) - epoch_us(started_at)) / 86400e6 AS days
      FROM cycles WHERE ended_at IS NULL
)
SELECT dimension, count(*) AS open, count(*) FILTER (first_response_s IS NULL) AS unanswered,
       quantile_cont(days, 0.5) AS median_days, quantile_cont(days, 0.9) AS p90_days, max(days) AS oldest_days
  FROM aged GROUP BY dimension
 ORDER BY dimension
