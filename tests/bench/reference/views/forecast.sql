-- Forecast by owner: what was won, and of what is open: weighted, commit, best case and pipeline; no period, no target.
WITH summed AS (
    SELECT currency COLLATE "C" AS currency, owner COLLATE "C" AS dimension, count(*) FILTER (WHERE stage_type = 'open') AS open,
           coalesce(sum(amount) FILTER (WHERE stage_type = 'won'), 0) AS closed,
           coalesce(sum(amount * probability) FILTER (WHERE stage_type = 'open'), 0) AS likely,
           coalesce(sum(amount) FILTER (WHERE stage_type = 'open' AND forecast_category = 'Commit'), 0) AS committed,
           coalesce(sum(amount) FILTER (WHERE stage_type = 'open' AND forecast_category = 'Best Case'), 0) AS hoped,
           coalesce(sum(amount) FILTER (WHERE stage_type = 'open' AND forecast_category <> 'Omitted'), 0) AS pipeline
      FROM deals WHERE amount IS NOT NULL AND stage_type <> 'lost' GROUP BY 1, 2
)
SELECT currency, dimension, open, closed, round(closed + likely, 4) AS weighted, closed + committed AS commit,
       closed + committed + hoped AS best_case, pipeline, NULL::float8 AS coverage
  FROM summed
 ORDER BY currency, dimension
