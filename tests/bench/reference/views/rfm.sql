, customer AS (
    SELECT customer_id, currency, max(bought_on) AS last_purchase, count(*) AS frequency, sum(net) AS monetary
      FROM purchases GROUP BY 1, 2
)
SELECT customer_id::text, frequency, monetary,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY last_purchase) - 1) / count(*) OVER (PARTITION BY currency) AS r,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY frequency) - 1) / count(*) OVER (PARTITION BY currency) AS f,
       1 + 5 * (rank() OVER (PARTITION BY currency ORDER BY monetary) - 1) / count(*) OVER (PARTITION BY currency) AS m
  FROM customer
