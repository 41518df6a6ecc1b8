-- Customer distribution: how customers are spread over the regions, and what they buy.
WITH together AS (
    SELECT customer_id, sum(net) AS net, min(currency COLLATE "C") AS first_currency, max(currency COLLATE "C") AS last_currency
      FROM purchases GROUP BY customer_id
), spread AS (
    SELECT c.region AS dimension, count(*) AS customers, count(*) FILTER (WHERE c.active) AS active,
           count(t.customer_id) AS buyers, sum(t.net) AS net, min(t.first_currency) AS first_currency,
           max(t.last_currency) AS last_currency
      FROM customer_cards c LEFT JOIN together t USING (customer_id)
     WHERE c.merged_into IS NULL AND c.registered_at IS NOT NULL
     GROUP BY c.region
)
SELECT dimension, customers, customers / (sum(customers) OVER ())::float8 AS share, active, buyers,
       CASE WHEN first_currency = last_currency THEN first_currency END AS currency,
       CASE WHEN first_currency = last_currency THEN net END AS net
  FROM spread ORDER BY customers DESC, dimension COLLATE "C"
