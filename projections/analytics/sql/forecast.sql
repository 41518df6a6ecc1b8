-- Forecast of a period, at the moment asked for: what will be won in it.
--
-- Counts      open opportunities with an amount whose expected close lies in the period (all of them, those without an
--             expected close too, when no period is asked for), and what was won on a day of the period.
-- Closed      the worth of what was won in the period.
-- Weighted    closed, and of each open one its amount * the probability of its stage.
-- Commit      closed, and the open ones of category Commit.
-- Best case   commit, and the open ones of category Best Case.
-- Pipeline    the open ones, of any category but Omitted.
-- Coverage    pipeline / (target - closed); empty without a target, or when it is reached.
WITH counted AS (
    SELECT currency, CASE $by::VARCHAR WHEN 'owner' THEN owner WHEN 'team' THEN team WHEN 'channel' THEN channel
                                       WHEN 'region' THEN region END AS dimension,
           stage_type, amount, probability, forecast_category
      FROM deals
     WHERE amount IS NOT NULL AND stage_type <> 'lost'
       AND ($close_from::DATE IS NULL
            OR CASE stage_type WHEN 'won' THEN closed_on ELSE expected_close END >= $close_from::DATE)
       AND ($close_before::DATE IS NULL
            OR CASE stage_type WHEN 'won' THEN closed_on ELSE expected_close END < $close_before::DATE)
), summed AS (
    SELECT currency, dimension, count(*) FILTER (stage_type = 'open') AS open,
           coalesce(sum(amount) FILTER (stage_type = 'won'), 0) AS closed,
           coalesce(sum(amount * probability) FILTER (stage_type = 'open'), 0) AS likely,
           coalesce(sum(amount) FILTER (stage_type = 'open' AND forecast_category = 'Commit'), 0) AS committed,
           coalesce(sum(amount) FILTER (stage_type = 'open' AND forecast_category = 'Best Case'), 0) AS hoped,
           coalesce(sum(amount) FILTER (stage_type = 'open' AND forecast_category <> 'Omitted'), 0) AS pipeline
      FROM counted GROUP BY ALL
)
SELECT currency, dimension, open, closed, (closed + likely)::DECIMAL(38,4) AS weighted, closed + committed AS commit,
       closed + committed + hoped AS best_case, pipeline,
       CASE WHEN $target::DECIMAL(18,4) > closed THEN pipeline::DOUBLE / ($target::DECIMAL(18,4) - closed) END AS coverage
  FROM summed
 ORDER BY currency, dimension
