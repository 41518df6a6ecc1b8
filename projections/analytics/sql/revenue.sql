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
WITH asked AS (
    SELECT p.stream_id, p.currency, p.confirmed_at, p.cancelled_at,
           CASE $by::VARCHAR WHEN 'region' THEN c.region WHEN 'channel' THEN p.channel WHEN 'owner' THEN p.owner
                             WHEN 'team' THEN p.team END AS dimension
      FROM placed_orders p LEFT JOIN customer_cards c USING (customer_id)
     WHERE ($currency::VARCHAR IS NULL OR p.currency = $currency)
       AND ($owner::VARCHAR IS NULL OR p.owner = $owner)
       AND ($team::VARCHAR IS NULL OR p.team = $team)
), worth AS (
    SELECT stream_id, sku, sum(net) AS net FROM agreed_lines WHERE $by::VARCHAR IS NOT DISTINCT FROM 'product' GROUP BY ALL
     UNION ALL
    SELECT stream_id, NULL, net FROM placed_orders WHERE $by::VARCHAR IS DISTINCT FROM 'product'
), happened AS (
    SELECT stream_id, sku, 'booked' AS what, confirmed_at AS moment, net
      FROM asked JOIN worth USING (stream_id) WHERE confirmed_at IS NOT NULL
     UNION ALL
    SELECT stream_id, sku, 'cancelled', cancelled_at, net
      FROM asked JOIN worth USING (stream_id) WHERE confirmed_at IS NOT NULL AND cancelled_at IS NOT NULL
     UNION ALL
    SELECT stream_id, CASE $by::VARCHAR WHEN 'product' THEN sku END, what, moved_at, net FROM goods_moved
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
