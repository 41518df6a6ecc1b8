, line AS (
    SELECT p.customer_id, l.sku, l.quantity, stream_id FROM purchases p JOIN bench.order_lines l USING (stream_id)
     WHERE l.tenant = %(tenant)s AND l.what = 'placed' AND l.occurred_at <= %(as_of)s
), buyer AS (
    SELECT customer_id, row_number() OVER (ORDER BY count(DISTINCT stream_id) DESC, count(DISTINCT sku) DESC, customer_id) AS place
      FROM line GROUP BY 1
), product AS (
    SELECT sku, count(DISTINCT customer_id) AS buyers, row_number() OVER (ORDER BY count(DISTINCT customer_id) DESC, sku) AS n
      FROM line GROUP BY 1
), amounts AS (SELECT customer_id, sku, sum(quantity) AS quantity FROM line GROUP BY 1, 2)
SELECT b.place, p.sku, coalesce(a.quantity, 0) AS bought
  FROM buyer b CROSS JOIN product p LEFT JOIN amounts a ON a.customer_id = b.customer_id AND a.sku = p.sku
 WHERE b.place <= 50 AND p.n <= 50
