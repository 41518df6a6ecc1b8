-- Purchases: each order that was confirmed and is not cancelled, on the day (UTC) of its first confirmation. `net` is the
-- worth of its lines after discount and before tax, less the worth of what came back.
WITH back AS (
    SELECT stream_id, line, sum(quantity) AS quantity FROM order_lines WHERE what = 'return_received' GROUP BY ALL
), returned AS (
    SELECT stream_id, sum(CASE WHEN b.quantity >= a.quantity THEN a.net
                               ELSE round_even(a.net::DOUBLE * b.quantity / a.quantity, 2)::DECIMAL(18,4) END) AS net
      FROM agreed_lines a JOIN back b USING (stream_id, line)
     GROUP BY stream_id
)
SELECT stream_id, p.customer_id, p.currency, p.owner, p.team, p.channel, p.confirmed_at,
       make_timestamp(epoch_us(p.confirmed_at))::DATE AS bought_on, coalesce(p.net, 0) - coalesce(r.net, 0) AS net
  FROM placed_orders p LEFT JOIN returned r USING (stream_id)
 WHERE p.confirmed_at IS NOT NULL AND p.cancelled_at IS NULL
