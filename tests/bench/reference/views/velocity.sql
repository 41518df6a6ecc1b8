-- Pipeline velocity: opportunities * mean value * win rate / cycle days, in the row's currency a day.
WITH summed AS (
    SELECT currency COLLATE "C" AS currency, count(*) FILTER (WHERE stage_type = 'open' AND amount IS NOT NULL) AS opportunities,
           (avg(amount) FILTER (WHERE stage_type = 'won'))::float8 AS mean_value,
           count(*) FILTER (WHERE stage_type = 'won') / nullif(count(*) FILTER (WHERE stage_type <> 'open'), 0)::float8 AS win_rate,
           extract(epoch FROM avg(moved_at - opened_at) FILTER (WHERE stage_type = 'won'))::float8 / 86400 AS cycle_days
      FROM deals WHERE currency IS NOT NULL GROUP BY 1
)
SELECT currency, NULL::text AS dimension, opportunities, mean_value, win_rate, cycle_days,
       opportunities * mean_value * win_rate / nullif(cycle_days, 0) AS velocity
  FROM summed
 ORDER BY currency
