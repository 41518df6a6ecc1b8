-- Slippage: how often the expected close of opportunities is put off, and how often they go back a stage.
--
-- Counts       opportunities opened in the days asked for.
-- Push         a change of the expected close to a later day, from a known one; its length is the days between. A change
--              to an earlier day is pulled in.
-- Regression   a move between open stages to one of lower rank. Reopening is none.
-- Dimension    owner, team, region of the customer, or channel, as they are now.
WITH asked AS (
    SELECT stream_id, CASE $by::VARCHAR WHEN 'owner' THEN owner WHEN 'team' THEN team WHEN 'channel' THEN channel
                                        WHEN 'region' THEN region END AS dimension
      FROM deals
     WHERE ($entered_from::DATE IS NULL OR opened_at >= $entered_from::DATE)
       AND ($entered_before::DATE IS NULL OR opened_at < $entered_before::DATE)
), dated AS (
    SELECT stream_id, expected_close
         - lag(expected_close) OVER (PARTITION BY stream_id ORDER BY occurred_at, version) AS days
      FROM opportunity_terms WHERE what IN ('opened', 'close_date_changed')
), put_off AS (
    SELECT stream_id, count(*) FILTER (days > 0) AS pushes, sum(days) FILTER (days > 0) AS days,
           count(*) FILTER (days < 0) AS pulls
      FROM dated WHERE days <> 0 GROUP BY stream_id
), back AS (
    SELECT stream_id, count(*) AS regressions FROM stage_moves
     WHERE what = 'stage_moved' AND stage_rank < from_stage_rank GROUP BY stream_id
), summed AS (
    SELECT a.dimension, count(*) AS opportunities,
           count(*) FILTER (p.pushes > 0) AS pushed, coalesce(sum(p.pushes), 0)::BIGINT AS pushes,
           sum(p.days)::DOUBLE AS days, coalesce(sum(p.pulls), 0)::BIGINT AS pulled_in,
           count(b.regressions) AS regressed, coalesce(sum(b.regressions), 0)::BIGINT AS regressions
      FROM asked a LEFT JOIN put_off p USING (stream_id) LEFT JOIN back b USING (stream_id)
     GROUP BY a.dimension
)
SELECT dimension, opportunities, pushed, pushes, days / nullif(pushes, 0) AS mean_push_days, pulled_in, regressed,
       regressions, pushed / opportunities AS pushed_share, regressed / opportunities AS regressed_share
  FROM summed
 ORDER BY dimension
