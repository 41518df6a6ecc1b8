-- Win rate: won / (won + lost). The denominator is always those that are decided, never the open ones.
--
-- Form          close: each opportunity in the period of the day it was closed on (as it stands: one reopened since is
--               open, and counts in no period). cohort: in the period in which it was opened, whatever became of it since.
-- Open          of a cohort, those that are not decided; empty in the form close, where nothing is open.
-- By value      won value / (won value + lost value), of those with an amount. The values are empty where the amounts of
--               a row are in more than one currency: ask with `currency`.
-- Dimension     owner, team, region of the customer, or channel, as they are now.
WITH counted AS (
    SELECT CASE $form WHEN 'close' THEN closed_on ELSE make_timestamp(epoch_us(opened_at))::DATE END AS counted_on,
           CASE $by::VARCHAR WHEN 'owner' THEN owner WHEN 'team' THEN team WHEN 'channel' THEN channel
                             WHEN 'region' THEN region END AS dimension,
           stage_type, amount, CASE WHEN amount IS NOT NULL THEN currency END AS currency
      FROM deals WHERE $currency::VARCHAR IS NULL OR currency = $currency
), valued AS (
    SELECT date_trunc($period, counted_on)::DATE AS period, dimension,
           count(*) FILTER (stage_type = 'won') AS won,
           count(*) FILTER (stage_type = 'lost') AS lost,
           CASE $form WHEN 'cohort' THEN count(*) FILTER (stage_type = 'open') END AS open,
           CASE WHEN count(DISTINCT currency) = 1 THEN any_value(currency) END AS currency,
           coalesce(sum(amount) FILTER (stage_type = 'won'), 0) AS won_value,
           coalesce(sum(amount) FILTER (stage_type = 'lost'), 0) AS lost_value
      FROM counted
     WHERE counted_on IS NOT NULL
       AND ($first::DATE IS NULL OR counted_on >= $first::DATE)
       AND ($before::DATE IS NULL OR counted_on < $before::DATE)
     GROUP BY ALL
)
SELECT period, dimension, won, lost, open, won / nullif(won + lost, 0) AS win_rate, currency,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value,
       CASE WHEN currency IS NOT NULL THEN lost_value END AS lost_value,
       CASE WHEN currency IS NOT NULL THEN won_value::DOUBLE / nullif(won_value + lost_value, 0) END AS value_win_rate
  FROM valued
 ORDER BY period, dimension
