-- Sales results by owner: opportunities opened, won and lost, their win rate, and what those won are worth, by currency.
WITH deal AS (
    SELECT owner COLLATE "C" AS dimension, closed_on, stage_type, amount,
           CASE WHEN amount IS NOT NULL THEN currency COLLATE "C" END AS currency
      FROM deals
), summed AS (
    SELECT dimension, currency, count(*) AS opened,
           count(*) FILTER (WHERE closed_on IS NOT NULL AND stage_type = 'won') AS won,
           count(*) FILTER (WHERE closed_on IS NOT NULL AND stage_type = 'lost') AS lost,
           coalesce(sum(amount) FILTER (WHERE closed_on IS NOT NULL AND stage_type = 'won'), 0) AS won_value
      FROM deal GROUP BY dimension, currency
)
SELECT NULL::date AS period, dimension, currency, opened, won, lost, won::float8 / nullif(won + lost, 0) AS win_rate,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value,
       CASE WHEN currency IS NOT NULL THEN won_value::float8 / nullif(won, 0) END AS mean_value
  FROM summed
 ORDER BY dimension, currency
