-- Sales results: who won how much.
--
-- Opened        opportunities opened in the period, whatever became of them.
-- Won, lost     those closed in the period, by the day they were closed on (as they stand: one reopened since is neither).
-- Win rate      won / (won + lost).
-- Won value     what those won are worth; mean value is won value / won.
-- Currency      each has rows of its own, nothing is converted. Opportunities of which nobody knows an amount are in rows
--               without a currency, whose values are empty.
-- Dimension     owner, team, region of the customer, or channel, as they are now.
WITH deal AS (
    SELECT CASE $by::VARCHAR WHEN 'owner' THEN owner WHEN 'team' THEN team WHEN 'channel' THEN channel
                             WHEN 'region' THEN region END AS dimension,
           make_timestamp(epoch_us(opened_at))::DATE AS opened_on, closed_on, stage_type, amount,
           CASE WHEN amount IS NOT NULL THEN currency END AS currency
      FROM deals
), happened AS (
    SELECT opened_on AS day, 'opened' AS what, dimension, currency, amount FROM deal
     UNION ALL
    SELECT closed_on, stage_type, dimension, currency, amount FROM deal WHERE closed_on IS NOT NULL
), summed AS (
    SELECT date_trunc($period, day)::DATE AS period, dimension, currency,
           count(*) FILTER (what = 'opened') AS opened, count(*) FILTER (what = 'won') AS won,
           count(*) FILTER (what = 'lost') AS lost, coalesce(sum(amount) FILTER (what = 'won'), 0) AS won_value
      FROM happened
     WHERE ($first::DATE IS NULL OR day >= $first::DATE) AND ($before::DATE IS NULL OR day < $before::DATE)
       AND ($currency::VARCHAR IS NULL OR currency = $currency)
     GROUP BY ALL
)
SELECT period, dimension, currency, opened, won, lost, won / nullif(won + lost, 0) AS win_rate,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value,
       CASE WHEN currency IS NOT NULL THEN won_value::DOUBLE / nullif(won, 0) END AS mean_value
  FROM summed
 ORDER BY period, dimension, currency
