-- Revenue by month and currency: what was booked, cancelled, delivered and came back.
WITH happened AS (
    SELECT date_trunc('month', confirmed_at AT TIME ZONE 'UTC')::date AS month, currency, 'booked' AS what, net
      FROM confirmed_orders
     UNION ALL
    SELECT date_trunc('month', x.cancelled_at AT TIME ZONE 'UTC')::date, c.currency, 'cancelled', c.net
      FROM (SELECT stream_id, min(occurred_at) AS cancelled_at FROM order_steps WHERE what = 'cancelled' GROUP BY stream_id) x
      JOIN confirmed_orders c USING (stream_id)
     UNION ALL
    SELECT date_trunc('month', g.moved_at AT TIME ZONE 'UTC')::date, o.currency, g.what, g.net
      FROM goods_moved g
      JOIN order_steps o ON o.stream_id = g.stream_id AND o.what = 'placed' AND o.customer_id IS NOT NULL
), summed AS (
    SELECT month, currency, count(*) FILTER (WHERE what = 'booked') AS orders,
           coalesce(sum(net) FILTER (WHERE what = 'booked'), 0) AS booked,
           coalesce(sum(net) FILTER (WHERE what = 'cancelled'), 0) AS cancelled,
           coalesce(sum(net) FILTER (WHERE what = 'delivered'), 0) AS delivered,
           coalesce(sum(net) FILTER (WHERE what = 'return_received'), 0) AS returned
      FROM happened GROUP BY month, currency
)
SELECT month, currency, NULL::text AS dimension, orders, booked, cancelled, delivered, returned,
       delivered - returned AS revenue
  FROM summed ORDER BY month, currency COLLATE "C"
