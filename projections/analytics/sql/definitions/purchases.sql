-- Purchases: each order that was confirmed and is not cancelled, on the day (UTC) of its confirmation. `net` is the worth
-- of its lines after discount and before tax, less the worth of what came back. `customer_id` is the customer that the one
-- it was placed for belongs to now; the channel is that of the order as placed.
WITH since AS (
    SELECT stream_id, net AS returned, false AS cancelled FROM goods_moved WHERE what = 'return_received'
     UNION ALL
    SELECT stream_id, 0, true FROM order_steps WHERE what = 'cancelled'
), standing AS (
    SELECT stream_id, sum(returned) AS returned, bool_or(cancelled) AS cancelled FROM since GROUP BY stream_id
)
SELECT o.stream_id, coalesce(s.survivor_id, o.placed_for) AS customer_id, o.currency, o.channel, o.confirmed_at,
       make_timestamp(epoch_us(o.confirmed_at))::DATE AS bought_on, coalesce(o.net, 0) - coalesce(l.returned, 0) AS net
  FROM confirmed_orders o LEFT JOIN standing l USING (stream_id) LEFT JOIN survivors s ON s.customer_id = o.placed_for
 WHERE l.cancelled IS NOT TRUE
