-- White space: which of the products that most customers bought the best customers have not bought yet.
WITH line AS MATERIALIZED (
    SELECT p.customer_id, a.sku, a.quantity, stream_id FROM agreed_lines a JOIN purchases p USING (stream_id)
), amounts AS MATERIALIZED (
    SELECT customer_id, sku, sum(quantity) AS quantity FROM line GROUP BY customer_id, sku
), orders AS (
    SELECT customer_id, count(*) AS orders FROM (SELECT DISTINCT customer_id, stream_id FROM line) o GROUP BY customer_id
), products AS (
    SELECT customer_id, count(sku) AS products FROM amounts GROUP BY customer_id
), buyer AS (
    SELECT customer_id, row_number() OVER (ORDER BY orders DESC, products DESC, customer_id) AS place
      FROM (SELECT customer_id, orders, products FROM orders JOIN products USING (customer_id)
             ORDER BY orders DESC, products DESC, customer_id LIMIT %(customers)s) best
), product AS (
    SELECT sku, count(*) AS buyers FROM amounts GROUP BY sku ORDER BY count(*) DESC, sku COLLATE "C" LIMIT %(products)s
), everybody AS (
    SELECT count(*) AS customers FROM orders
)
SELECT b.customer_id, b.place, p.sku, coalesce(a.quantity, 0) AS bought, (a.quantity IS NULL)::int AS white,
       p.buyers::float8 / e.customers AS buyers_share
  FROM buyer b CROSS JOIN product p CROSS JOIN everybody e
  LEFT JOIN amounts a ON a.customer_id = b.customer_id AND a.sku = p.sku
 ORDER BY b.place, p.buyers DESC, p.sku COLLATE "C"
