-- Purchases: each order that was confirmed and is not cancelled, on the day of its confirmation; `net` is the worth of its
-- lines less the worth of what came back.
WITH returned AS (
    SELECT stream_id, sum(net) AS net FROM goods_moved WHERE what = 'return_received' GROUP BY stream_id
)
SELECT c.stream_id, coalesce(s.survivor_id, c.placed_for) AS customer_id, c.currency, c.channel, c.confirmed_at,
       (c.confirmed_at AT TIME ZONE 'UTC')::date AS bought_on, coalesce(c.net, 0) - coalesce(r.net, 0) AS net
  FROM confirmed_orders c
  LEFT JOIN returned r USING (stream_id)
  LEFT JOIN survivors s ON s.customer_id = c.placed_for
 WHERE NOT EXISTS (SELECT FROM order_steps x WHERE x.stream_id = c.stream_id AND x.what = 'cancelled')
