-- Service quality: how soon customers are answered and helped, how often for good, and how content they are. A cycle
-- counts in the period (UTC) in which it started; see service cycles for what one is and how its times are taken.
--
-- First response  seconds to our first public reply without pauses: median and 90th percentile of the answered cycles.
-- Resolution      seconds until resolved without pauses: median and 90th percentile of the resolved cycles.
-- Resolution rate resolved / cycles.
-- Reopen rate     of the cycles that were resolved, which part was followed by another one of the same ticket.
-- CSAT            ratings of 4 and 5 / ratings, with its 95 % interval after Wilson (z = 1.959964).
WITH asked AS (
    SELECT date_trunc($period, make_timestamp(epoch_us(started_at)))::DATE AS period,
           CASE $by::VARCHAR WHEN 'team' THEN team WHEN 'priority' THEN priority WHEN 'kind' THEN kind
                             WHEN 'channel' THEN channel WHEN 'product' THEN product WHEN 'category' THEN category END AS dimension,
           first_response_s, resolution_s, ended_as, score,
           ended_as = 'resolved' AND lead(cycle) OVER (PARTITION BY ticket_id ORDER BY cycle) IS NOT NULL AS came_again,
           started_at
      FROM cycles
), summed AS (
    SELECT period, dimension, count(*) AS cycles, count(first_response_s) AS answered,
           quantile_cont(first_response_s, 0.5) AS first_response_median_s,
           quantile_cont(first_response_s, 0.9) AS first_response_p90_s,
           count(*) FILTER (ended_as = 'resolved') AS resolved,
           quantile_cont(resolution_s, 0.5) AS resolution_median_s,
           quantile_cont(resolution_s, 0.9) AS resolution_p90_s,
           resolved / count(*) AS resolution_rate,
           count(*) FILTER (came_again) AS reopened,
           reopened / nullif(resolved, 0) AS reopen_rate,
           count(score) AS ratings,
           count(*) FILTER (score >= 4) / nullif(count(score), 0) AS csat
      FROM asked
     WHERE ($started_from::DATE IS NULL OR started_at >= $started_from::DATE)
       AND ($started_before::DATE IS NULL OR started_at < $started_before::DATE)
     GROUP BY period, dimension
), interval_of AS (
    SELECT *, 1.959964 * 1.959964 / nullif(ratings, 0) AS zz FROM summed
)
SELECT * EXCLUDE zz,
       (csat + zz / 2 - 1.959964 * sqrt(greatest(csat * (1 - csat) / nullif(ratings, 0), 0) + zz / 4 / nullif(ratings, 0))) / (1 + zz) AS csat_low,
       (csat + zz / 2 + 1.959964 * sqrt(greatest(csat * (1 - csat) / nullif(ratings, 0), 0) + zz / 4 / nullif(ratings, 0))) / (1 + zz) AS csat_high
  FROM interval_of
 ORDER BY period, dimension
