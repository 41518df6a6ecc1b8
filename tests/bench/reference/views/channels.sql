-- Channels: which channel brings most customers, opportunities and purchases; each is counted by its own.
WITH counted AS (
    SELECT channel, count(*) AS customers, 0::bigint AS opportunities, 0::bigint AS won, 0::bigint AS lost,
           0::bigint AS orders, NULL::text AS first_currency, NULL::text AS last_currency, 0::numeric AS won_value,
           0::numeric AS net
      FROM customer_cards WHERE merged_into IS NULL AND registered_at IS NOT NULL GROUP BY channel
     UNION ALL
    SELECT channel, 0, count(*), count(*) FILTER (WHERE stage_type = 'won'), count(*) FILTER (WHERE stage_type = 'lost'), 0,
           min(currency) FILTER (WHERE stage_type = 'won'), max(currency) FILTER (WHERE stage_type = 'won'),
           sum(amount) FILTER (WHERE stage_type = 'won'), 0
      FROM deals GROUP BY channel
     UNION ALL
    SELECT channel, 0, 0, 0, 0, count(*), min(currency), max(currency), 0, sum(net) FROM purchases GROUP BY channel
), summed AS (
    SELECT channel, sum(customers)::bigint AS customers, sum(opportunities)::bigint AS opportunities, sum(won)::bigint AS won,
           sum(lost)::bigint AS lost, sum(orders)::bigint AS orders,
           CASE WHEN min(first_currency) = max(last_currency) THEN min(first_currency) END AS currency,
           coalesce(sum(won_value), 0) AS won_value, coalesce(sum(net), 0) AS net
      FROM counted GROUP BY channel
)
SELECT channel, customers, opportunities, won, won::float8 / nullif(won + lost, 0) AS win_rate, orders, currency,
       CASE WHEN currency IS NOT NULL THEN won_value END AS won_value, CASE WHEN currency IS NOT NULL THEN net END AS net
  FROM summed
 ORDER BY CASE WHEN currency IS NOT NULL THEN summed.won_value + summed.net END DESC NULLS LAST, orders DESC, channel COLLATE "C"
