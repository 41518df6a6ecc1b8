-- RFM: how recently, how often and for how much each customer bought, with the quintiles in its currency.
WITH customer AS (
    SELECT customer_id, currency, max(bought_on) AS last_purchase, %(day)s::date - max(bought_on) AS recency_days,
           count(*) AS frequency, sum(net) AS monetary
      FROM purchases GROUP BY customer_id, currency
), scored AS (
    SELECT *, 1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY last_purchase) - 1) / count(*) OVER everyone AS r,
           1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY frequency) - 1) / count(*) OVER everyone AS f,
           1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY monetary) - 1) / count(*) OVER everyone AS m
      FROM customer
    WINDOW everyone AS (PARTITION BY currency)
)
SELECT customer_id, currency, last_purchase, recency_days, frequency, monetary, r, f, m
  FROM scored ORDER BY currency COLLATE "C", r + f + m DESC, monetary DESC, customer_id
