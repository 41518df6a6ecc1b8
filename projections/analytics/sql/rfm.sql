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
), everyone AS (
    SELECT currency, count(*) AS customers FROM customer GROUP BY currency
), days AS (  -- few, as the numbers of purchases are: it is quicker to rank these than all customers
    SELECT currency, last_purchase, (sum(n) OVER (PARTITION BY currency ORDER BY last_purchase) - n)::BIGINT AS below
      FROM (SELECT currency, last_purchase, count(*) AS n FROM customer GROUP BY currency, last_purchase)
), times AS (
    SELECT currency, frequency, (sum(n) OVER (PARTITION BY currency ORDER BY frequency) - n)::BIGINT AS below
      FROM (SELECT currency, frequency, count(*) AS n FROM customer GROUP BY currency, frequency)
)
SELECT customer_id, currency, last_purchase, recency_days, frequency, monetary,
       1 + 5 * days.below // customers AS r, 1 + 5 * times.below // customers AS f,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY monetary) - 1) // customers AS m
  FROM customer JOIN everyone USING (currency) JOIN days USING (currency, last_purchase)
  JOIN times USING (currency, frequency)
 ORDER BY currency, r + f + m DESC, monetary DESC, customer_id
