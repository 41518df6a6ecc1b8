-- RFM: how recently, how often and for how much each customer bought, as of the end of a day (UTC).
--
-- Purchase   an order that was confirmed by that day and is not cancelled; it counts on the day of its first confirmation.
-- Recency    days from the last purchase to the day asked for (0 is that very day).
-- Frequency  number of purchases.
-- Monetary   net worth of the purchases (after discount, before tax) less the net worth of what was returned.
-- r, f, m    quintiles among all customers who bought in the same currency, 5 the best: 1 + floor(5 * below / customers),
--            where `below` is how many customers did strictly worse. So equal customers get equal scores, and a quintile
--            can be empty. One row a customer and currency.
WITH agreed AS (
    SELECT stream_id, line, quantity, net FROM order_lines WHERE what IN ('placed', 'amended')
   QUALIFY version = max(version) OVER (PARTITION BY stream_id)
), back AS (
    SELECT stream_id, line, sum(quantity) AS quantity FROM order_lines WHERE what = 'return_received' GROUP BY ALL
), worth AS (
    SELECT stream_id, sum(CASE WHEN b.quantity IS NULL THEN a.net
                               WHEN b.quantity >= a.quantity THEN 0
                               ELSE a.net - round_even(a.net::DOUBLE * b.quantity / a.quantity, 2)::DECIMAL(18,4) END) AS net
      FROM agreed a LEFT JOIN back b USING (stream_id, line)
     GROUP BY stream_id
), purchase AS (
    SELECT p.customer_id, p.currency, c.day, worth.net
      FROM (SELECT DISTINCT stream_id, customer_id, currency FROM order_lines WHERE what = 'placed') p
      JOIN (SELECT stream_id, min(occurred_at)::DATE AS day FROM events WHERE type = 'order.confirmed' GROUP BY stream_id) c
           USING (stream_id)
      JOIN worth USING (stream_id)
      ANTI JOIN (SELECT stream_id FROM events WHERE type = 'order.cancelled') x USING (stream_id)
     WHERE $currency::VARCHAR IS NULL OR p.currency = $currency
), customer AS (
    SELECT customer_id, currency, max(day) AS last_purchase, $day::DATE - max(day) AS recency_days,
           count(*) AS frequency, sum(net) AS monetary
      FROM purchase GROUP BY customer_id, currency
)
SELECT customer_id, currency, last_purchase, recency_days, frequency, monetary,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY last_purchase) - 1) // count(*) OVER everyone AS r,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY frequency) - 1) // count(*) OVER everyone AS f,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY monetary) - 1) // count(*) OVER everyone AS m
  FROM customer
WINDOW everyone AS (PARTITION BY currency)
 ORDER BY currency, r + f + m DESC, monetary DESC, customer_id
