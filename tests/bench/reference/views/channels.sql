-- Channels: which channel brings most customers, opportunities and purchases, by currency; each is counted by its own.
WITH counted AS (
    SELECT channel, NULL::text AS currency, count(*) AS customers, 0::bigint AS opportunities, 0::bigint AS won,
           0::bigint AS lost, 0::bigint AS orders, 0::numeric AS won_value, 0::numeric AS net,
           0::numeric AS cost
      FROM customer_cards WHERE merged_into IS NULL AND registered_at IS NOT NULL GROUP BY channel
     UNION ALL
    SELECT channel, CASE WHEN amount IS NOT NULL THEN currency END, 0, count(*), count(*) FILTER (WHERE stage_type = 'won'),
           count(*) FILTER (WHERE stage_type = 'lost'), 0, sum(amount) FILTER (WHERE stage_type = 'won'), 0, 0
      FROM deals GROUP BY 1, 2
     UNION ALL
    SELECT channel, currency, 0, 0, 0, 0, count(*), 0, sum(net), 0 FROM purchases GROUP BY channel, currency
     UNION ALL
    SELECT channel, currency, 0, 0, 0, 0, 0, 0, 0, amount
      FROM (SELECT DISTINCT ON (stream_id) channel, currency, amount FROM channel_costs
             ORDER BY stream_id, occurred_at DESC, version DESC) last
), summed AS (
    SELECT channel, currency, sum(sum(customers)) OVER (PARTITION BY channel)::bigint AS customers,
           sum(opportunities)::bigint AS opportunities, sum(won)::bigint AS won, sum(lost)::bigint AS lost,
           sum(orders)::bigint AS orders, coalesce(sum(won_value), 0) AS won_value, coalesce(sum(net), 0) AS net, sum(cost) AS cost,
           count(*) OVER (PARTITION BY channel) AS currencies
      FROM counted GROUP BY channel, currency
)
SELECT channel, customers, opportunities, won, won::float8 / nullif(won + lost, 0) AS win_rate, orders, currency,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value, CASE WHEN currency IS NOT NULL THEN net END AS net,
       CASE WHEN currency IS NOT NULL THEN cost END AS cost,
       CASE WHEN currency IS NOT NULL THEN cost::float8 / nullif(customers, 0) END AS cost_per_customer
  FROM summed WHERE currency IS NOT NULL OR opportunities > 0 OR currencies = 1
 ORDER BY currency COLLATE "C", summed.won_value + summed.net DESC, channel COLLATE "C"
