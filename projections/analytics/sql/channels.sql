-- Channels: which channel brings most. The channel is the `source` named when a customer was registered, an opportunity
-- opened, or an order placed; each is counted by its own.
--
-- Customers      registered in the days asked for, those merged into another one left out.
-- Opportunities  opened in these days; `won`, `win rate` (won / (won + lost)) and `won value` of these, as they stand.
-- Orders, net    purchases of these days, and their worth less what came back.
-- Values are empty where a channel has more than one currency.
WITH happened AS (
    SELECT channel, make_timestamp(epoch_us(registered_at))::DATE AS happened_on, 'customer' AS what, NULL AS stage_type, NULL AS currency,
           NULL::DECIMAL(38,4) AS worth
      FROM customer_cards WHERE merged_into IS NULL AND registered_at IS NOT NULL
     UNION ALL
    SELECT channel, make_timestamp(epoch_us(opened_at))::DATE, 'opportunity', stage_type, CASE WHEN stage_type = 'won' THEN currency END, amount FROM deals
     UNION ALL
    SELECT channel, bought_on, 'order', NULL, currency, net FROM purchases
), summed AS (
    SELECT channel, count(*) FILTER (what = 'customer') AS customers, count(*) FILTER (what = 'opportunity') AS opportunities,
           count(*) FILTER (stage_type = 'won') AS won, count(*) FILTER (stage_type = 'lost') AS lost,
           count(*) FILTER (what = 'order') AS orders,
           CASE WHEN count(DISTINCT currency) = 1 THEN any_value(currency) END AS currency,
           coalesce(sum(worth) FILTER (stage_type = 'won'), 0) AS won_value,
           coalesce(sum(worth) FILTER (what = 'order'), 0) AS net
      FROM happened
     WHERE ($first::DATE IS NULL OR happened_on >= $first::DATE) AND ($before::DATE IS NULL OR happened_on < $before::DATE)
     GROUP BY channel
)
SELECT channel, customers, opportunities, won, won / nullif(won + lost, 0) AS win_rate, orders, currency,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value, CASE WHEN currency IS NOT NULL THEN net END AS net
  FROM summed
 ORDER BY won_value + net DESC NULLS LAST, channel
