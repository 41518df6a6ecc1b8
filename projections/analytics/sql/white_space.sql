-- White space: what the best customers have not bought yet. A row for each of the customers and each of the products.
--
-- Customers     those who bought most often; of equals those who bought for the largest number of products, then by id.
-- Products      the SKUs that most customers bought; of equals the first by name.
-- Bought        how much of the product the customer bought, as agreed in purchases; 0 is white.
-- Buyers share  which part of all customers who ever bought has bought this product: how likely it is to fit.
WITH line AS (
    SELECT p.customer_id, a.sku, a.quantity, stream_id FROM agreed_lines a JOIN purchases p USING (stream_id)
), buyer AS (
    SELECT customer_id, row_number() OVER (ORDER BY count(DISTINCT stream_id) DESC, count(DISTINCT sku) DESC, customer_id) AS place
      FROM line GROUP BY customer_id QUALIFY place <= $customers
), product AS (
    SELECT sku, count(DISTINCT customer_id) AS buyers FROM line GROUP BY sku
   QUALIFY row_number() OVER (ORDER BY count(DISTINCT customer_id) DESC, sku) <= $products
), everybody AS (
    SELECT count(DISTINCT customer_id) AS customers FROM line
), amounts AS (
    SELECT customer_id, sku, sum(quantity) AS quantity FROM line SEMI JOIN buyer USING (customer_id) GROUP BY ALL
)
SELECT b.customer_id, b.place, p.sku, coalesce(a.quantity, 0) AS bought, (a.quantity IS NULL)::INTEGER AS white,
       p.buyers / e.customers AS buyers_share
  FROM buyer b CROSS JOIN product p CROSS JOIN everybody e
  LEFT JOIN amounts a ON a.customer_id = b.customer_id AND a.sku = p.sku
 ORDER BY b.place, p.buyers DESC, p.sku
