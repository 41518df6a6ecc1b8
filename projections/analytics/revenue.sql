-- Revenue by month (UTC) and currency; nothing is converted. All amounts are net: after discount, before tax.
--
-- Booked     the worth of orders by the month in which they were first confirmed, in the lines as last placed or amended
--            (an order cannot be amended once it is confirmed); `orders` is how many. Drafts do not count.
-- Cancelled  the worth of confirmed orders by the month in which they were cancelled: booked - cancelled is the order
--            intake. A month that is over never changes again, except by what is recorded late.
-- Delivered  the worth of goods by the month in which they were delivered, part by part.
-- Returned   the worth of goods by the month in which they came back.
-- Revenue    delivered - returned.
--
-- A part of a line is worth net * quantity / ordered, rounded half to even to the cent, as the difference between what
-- was delivered (or returned) of that line after and before: all parts together are worth exactly the line.
WITH agreed AS (
    SELECT stream_id, line, quantity, net FROM order_lines WHERE what IN ('placed', 'amended')
   QUALIFY version = max(version) OVER (PARTITION BY stream_id)
), placed AS (
    SELECT stream_id, any_value(currency) AS currency
      FROM order_lines
     WHERE what = 'placed'
       AND ($currency::VARCHAR IS NULL OR currency = $currency)
       AND ($owner::VARCHAR IS NULL OR owner = $owner)
       AND ($team::VARCHAR IS NULL OR team = $team)
     GROUP BY stream_id
), worth AS (
    SELECT stream_id, sum(net) AS net FROM agreed GROUP BY stream_id
), confirmed AS (
    SELECT stream_id, min(occurred_at) AS moment FROM events WHERE type = 'order.confirmed' GROUP BY stream_id
), cancelled AS (
    SELECT stream_id, min(occurred_at) AS moment FROM events WHERE type = 'order.cancelled' GROUP BY stream_id
), moved AS (
    SELECT m.stream_id, m.what, m.occurred_at AS moment, a.net, a.quantity AS ordered,
           sum(m.quantity) OVER so_far AS after,
           sum(m.quantity) OVER so_far - m.quantity AS before
      FROM order_lines m JOIN agreed a USING (stream_id, line)
     WHERE m.what IN ('delivered', 'return_received')
    WINDOW so_far AS (PARTITION BY m.stream_id, m.line, m.what ORDER BY m.version, m.position ROWS UNBOUNDED PRECEDING)
), goods AS (
    SELECT stream_id, what, moment,
           CASE WHEN after >= ordered THEN net ELSE round_even(net::DOUBLE * after / ordered, 2)::DECIMAL(18,4) END
         - CASE WHEN before >= ordered THEN net ELSE round_even(net::DOUBLE * before / ordered, 2)::DECIMAL(18,4) END AS net
      FROM moved
), happened AS (
    SELECT stream_id, 'booked' AS what, moment, net FROM confirmed JOIN worth USING (stream_id)
     UNION ALL
    SELECT stream_id, 'cancelled', x.moment, net FROM cancelled x JOIN confirmed USING (stream_id) JOIN worth USING (stream_id)
     UNION ALL
    SELECT stream_id, what, moment, net FROM goods
)
SELECT date_trunc('month', moment)::DATE AS month, currency,
       count(*) FILTER (what = 'booked') AS orders,
       coalesce(sum(net) FILTER (what = 'booked'), 0) AS booked,
       coalesce(sum(net) FILTER (what = 'cancelled'), 0) AS cancelled,
       coalesce(sum(net) FILTER (what = 'delivered'), 0) AS delivered,
       coalesce(sum(net) FILTER (what = 'return_received'), 0) AS returned,
       delivered - returned AS revenue
  FROM happened JOIN placed USING (stream_id)
 GROUP BY month, currency
HAVING ($month_from::DATE IS NULL OR month >= $month_from::DATE)
   AND ($month_before::DATE IS NULL OR month < $month_before::DATE)
 ORDER BY month, currency
