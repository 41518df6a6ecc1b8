-- Revenue by month (UTC) and currency; nothing is converted. All amounts are net: after discount, before tax.
--
-- Booked     the worth of orders by the month in which they were first confirmed, in the lines as last placed or amended
--            (an order cannot be amended once it is confirmed); `orders` is how many. Drafts do not count.
-- Cancelled  the worth of confirmed orders by the month in which they were cancelled: booked - cancelled is the order
--            intake. A month that is over never changes again, except by what is recorded late.
-- Delivered  the worth of goods by the month in which they were delivered, part by part.
-- Returned   the worth of goods by the month in which they came back.
-- Revenue    delivered - returned.
-- Dimension  product (its SKU; an order of two products counts as an order of either), region of the customer, channel,
--            owner or team of the order as placed.
--
-- A part of a line is worth net * quantity / ordered, rounded half to even to the cent, as the difference between what
-- was delivered (or returned) of that line after and before: all parts together are worth exactly the line.
WITH region AS (
    SELECT customer_id, region FROM customer_cards WHERE $by::VARCHAR IS NOT DISTINCT FROM 'region'
), asked AS (
    SELECT p.stream_id, p.currency,
           CASE $by::VARCHAR WHEN 'region' THEN r.region WHEN 'channel' THEN p.source WHEN 'owner' THEN p.owner
                             WHEN 'team' THEN p.team END AS dimension
      FROM order_steps p LEFT JOIN survivors s ON s.customer_id = p.customer_id
      LEFT JOIN region r ON r.customer_id = coalesce(s.survivor_id, p.customer_id)
     WHERE p.what = 'placed' AND ($currency::VARCHAR IS NULL OR p.currency = $currency)
       AND ($owner::VARCHAR IS NULL OR p.owner = $owner) AND ($team::VARCHAR IS NULL OR p.team = $team)
), agreed AS (
    SELECT stream_id, NULL AS sku, net, confirmed_at FROM confirmed_orders WHERE $by::VARCHAR IS DISTINCT FROM 'product'
     UNION ALL
    SELECT stream_id, l.sku, sum(l.net), any_value(o.confirmed_at)
      FROM confirmed_orders o JOIN agreed_lines l USING (stream_id)
     WHERE $by::VARCHAR IS NOT DISTINCT FROM 'product' GROUP BY stream_id, l.sku
), moved AS (
    SELECT stream_id, NULL AS sku, what, moved_at, net FROM goods_moved WHERE $by::VARCHAR IS DISTINCT FROM 'product'
     UNION ALL
    SELECT stream_id, l.sku, m.what, m.moved_at, m.net FROM goods_moved m JOIN agreed_lines l USING (stream_id, line)
     WHERE $by::VARCHAR IS NOT DISTINCT FROM 'product'
), happened AS (
    SELECT stream_id, sku, 'booked' AS what, confirmed_at AS moment, net FROM agreed
     UNION ALL
    SELECT stream_id, sku, 'cancelled', c.moment, net
      FROM agreed JOIN (SELECT stream_id, min(occurred_at) AS moment FROM order_steps WHERE what = 'cancelled' GROUP BY stream_id) c
                       USING (stream_id)
     UNION ALL
    SELECT stream_id, sku, what, moved_at, net FROM moved
)
SELECT date_trunc('month', make_timestamp(epoch_us(moment)))::DATE AS month, currency,
       coalesce(sku, dimension) AS dimension,
       count(*) FILTER (what = 'booked') AS orders,
       coalesce(sum(net) FILTER (what = 'booked'), 0) AS booked,
       coalesce(sum(net) FILTER (what = 'cancelled'), 0) AS cancelled,
       coalesce(sum(net) FILTER (what = 'delivered'), 0) AS delivered,
       coalesce(sum(net) FILTER (what = 'return_received'), 0) AS returned,
       delivered - returned AS revenue
  FROM happened JOIN asked USING (stream_id)
 GROUP BY 1, 2, 3
HAVING ($month_from::DATE IS NULL OR month >= $month_from::DATE)
   AND ($month_before::DATE IS NULL OR month < $month_before::DATE)
 ORDER BY month, currency, dimension
