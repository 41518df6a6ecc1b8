-- Channels: which channel brings most. The channel is the `source` named when a customer was registered, an opportunity
-- opened, or an order placed; each is counted by its own. A row for each channel and currency; opportunities without an
-- amount are in a row without a currency.
--
-- Customers      registered in the days asked for, those merged into another one left out. They have no currency: each
--                row of a channel tells all of them.
-- Opportunities  opened in these days; `won`, `win rate` (won / (won + lost)) and `won value` of these, as they stand.
-- Orders, net    purchases of these days, and their worth less what came back.
-- Cost           what the channel cost in the months that begin in these days, as last recorded; `cost per customer`: of
--                each of the customers. What it cost in a currency in which it brought nothing has a row, too.
WITH happened AS (
    SELECT channel, NULL AS currency, make_timestamp(epoch_us(registered_at))::DATE AS day, 'customer' AS what,
           count(*) AS n, NULL::DECIMAL(38,4) AS worth
      FROM customer_cards WHERE merged_into IS NULL AND registered_at IS NOT NULL GROUP BY ALL
     UNION ALL
    SELECT channel, CASE WHEN amount IS NOT NULL THEN currency END AS currency,
           make_timestamp(epoch_us(opened_at))::DATE AS day, stage_type, count(*), sum(amount)
      FROM deals GROUP BY ALL
     UNION ALL
    SELECT channel, currency, bought_on, 'order', count(*), sum(net) FROM purchases GROUP BY ALL
     UNION ALL
    SELECT any_value(channel), any_value(currency), any_value(month), 'cost', 0,
           arg_max(amount, epoch_us(occurred_at)::HUGEINT * 2147483648 + version)
      FROM channel_costs GROUP BY stream_id
), summed AS (
    SELECT channel, currency, coalesce(sum(n) FILTER (what = 'customer'), 0)::BIGINT AS customers,
           coalesce(sum(n) FILTER (what IN ('open', 'won', 'lost')), 0)::BIGINT AS opportunities,
           coalesce(sum(n) FILTER (what = 'won'), 0)::BIGINT AS won, coalesce(sum(n) FILTER (what = 'lost'), 0)::BIGINT AS lost,
           coalesce(sum(n) FILTER (what = 'order'), 0)::BIGINT AS orders,
           coalesce(sum(worth) FILTER (what = 'won'), 0) AS won_value,
           coalesce(sum(worth) FILTER (what = 'order'), 0) AS net,
           coalesce(sum(worth) FILTER (what = 'cost'), 0) AS cost
      FROM happened WHERE ($first::DATE IS NULL OR day >= $first::DATE) AND ($before::DATE IS NULL OR day < $before::DATE)
     GROUP BY channel, currency
)
SELECT channel, (sum(customers) OVER of_channel)::BIGINT AS customers, opportunities, won,
       won / nullif(won + lost, 0) AS win_rate, orders, currency,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value, CASE WHEN currency IS NOT NULL THEN net END AS net,
       CASE WHEN currency IS NOT NULL THEN cost END AS cost,
       CASE WHEN currency IS NOT NULL THEN summed.cost::DOUBLE / nullif(sum(summed.customers) OVER of_channel, 0) END AS cost_per_customer
  FROM summed
WINDOW of_channel AS (PARTITION BY channel)
QUALIFY currency IS NOT NULL OR opportunities > 0 OR count(*) OVER of_channel = 1
 ORDER BY currency, summed.won_value + summed.net DESC, channel
