-- RFM: how recently, how often and for how much each customer bought, as of the end of a day (UTC).
--
-- Purchase   an order that was confirmed by that day and is not cancelled; it counts on the day of its first confirmation.
-- Recency    days from the last purchase to the day asked for (0 is that very day).
-- Frequency  number of purchases.
-- Monetary   net worth of the purchases (after discount, before tax) less the net worth of what was returned.
-- r, f, m    quintiles among all customers who bought in the same currency, 5 the best: 1 + floor(5 * below / customers),
--            where `below` is how many customers did strictly worse. So equal customers get equal scores, and a quintile
--            can be empty. One row a customer and currency; what was merged into a customer counts as its own.
WITH customer AS (
    SELECT customer_id, currency, max(bought_on) AS last_purchase, $day::DATE - max(bought_on) AS recency_days,
           count(*) AS frequency, sum(net) AS monetary
      FROM purchases WHERE $currency::VARCHAR IS NULL OR currency = $currency
     GROUP BY customer_id, currency
)
SELECT customer_id, currency, last_purchase, recency_days, frequency, monetary,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY last_purchase) - 1) // count(*) OVER everyone AS r,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY frequency) - 1) // count(*) OVER everyone AS f,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY monetary) - 1) // count(*) OVER everyone AS m
  FROM customer
WINDOW everyone AS (PARTITION BY currency)
 ORDER BY currency, r + f + m DESC, monetary DESC, customer_id
