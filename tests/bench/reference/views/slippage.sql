-- Slippage by owner: how often the expected close of opportunities is put off, and how often they go back a stage.
WITH put_off AS (
    SELECT stream_id, count(*) FILTER (WHERE days > 0) AS pushes, sum(days) FILTER (WHERE days > 0) AS days,
           count(*) FILTER (WHERE days < 0) AS pulls
      FROM (SELECT stream_id, expected_close
                 - lag(expected_close) OVER (PARTITION BY stream_id ORDER BY occurred_at, version) AS days
              FROM opportunity_terms
             WHERE what IN ('opened', 'close_date_changed')
               AND stream_id IN (SELECT stream_id FROM opportunity_terms WHERE what = 'close_date_changed')) dated
     WHERE days <> 0 GROUP BY stream_id
), back AS (
    SELECT stream_id, count(*) AS regressions FROM stage_moves
     WHERE what = 'stage_moved' AND stage_rank < from_stage_rank GROUP BY stream_id
), summed AS (
    SELECT a.owner COLLATE "C" AS dimension, count(*) AS opportunities,
           count(*) FILTER (WHERE p.pushes > 0) AS pushed, coalesce(sum(p.pushes), 0)::bigint AS pushes,
           sum(p.days)::float8 AS days, coalesce(sum(p.pulls), 0)::bigint AS pulled_in,
           count(b.regressions) AS regressed, coalesce(sum(b.regressions), 0)::bigint AS regressions
      FROM deals a LEFT JOIN put_off p USING (stream_id) LEFT JOIN back b USING (stream_id)
     GROUP BY 1
)
SELECT dimension, opportunities, pushed, pushes, days / nullif(pushes, 0) AS mean_push_days, pulled_in, regressed,
       regressions, pushed / opportunities::float8 AS pushed_share, regressed / opportunities::float8 AS regressed_share
  FROM summed
 ORDER BY dimension
