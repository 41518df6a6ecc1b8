-- Win rate by owner: won / (won + lost), by number and by value, of the opportunities that are closed.
WITH valued AS (
    SELECT owner COLLATE "C" AS dimension, count(*) FILTER (WHERE stage_type = 'won') AS won,
           count(*) FILTER (WHERE stage_type = 'lost') AS lost, NULL::bigint AS open,
           min(currency COLLATE "C") FILTER (WHERE amount IS NOT NULL) AS currency,
           max(currency COLLATE "C") FILTER (WHERE amount IS NOT NULL) AS another,
           coalesce(sum(amount) FILTER (WHERE stage_type = 'won'), 0) AS won_value,
           coalesce(sum(amount) FILTER (WHERE stage_type = 'lost'), 0) AS lost_value
      FROM deals WHERE closed_on IS NOT NULL GROUP BY 1
)
SELECT NULL::date AS period, dimension, won, lost, open, won / nullif(won + lost, 0)::float8 AS win_rate,
       CASE WHEN currency = another THEN currency END AS currency,
       CASE WHEN currency = another THEN won_value END AS won_value,
       CASE WHEN currency = another THEN lost_value END AS lost_value,
       CASE WHEN currency = another THEN won_value::float8 / nullif(won_value + lost_value, 0)::float8 END AS value_win_rate
  FROM valued
 ORDER BY dimension
