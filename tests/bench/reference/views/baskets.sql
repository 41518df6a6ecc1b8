-- Baskets: which products are bought together, with support, confidence and lift.
WITH line AS MATERIALIZED (
    SELECT DISTINCT stream_id, sku COLLATE "C" AS sku FROM agreed_lines
     WHERE stream_id IN (SELECT stream_id FROM purchases)
), basket AS MATERIALIZED (
    SELECT stream_id FROM line GROUP BY stream_id HAVING count(*) <= %(widest)s
), everything AS (
    SELECT count(*) AS orders FROM basket
), bought AS MATERIALIZED (
    SELECT stream_id, sku FROM line JOIN basket USING (stream_id)
), product AS MATERIALIZED (
    SELECT sku, count(*) AS orders FROM bought GROUP BY sku HAVING count(*) >= %(support)s * (SELECT orders FROM everything)
), pair AS (
    SELECT a.sku, b.sku AS with_sku, count(*) AS orders
      FROM bought a JOIN bought b ON b.stream_id = a.stream_id AND b.sku <> a.sku GROUP BY a.sku, b.sku
    HAVING count(*) >= %(support)s * (SELECT orders FROM everything)
)
SELECT r.sku, r.with_sku, r.orders, r.orders::float8 / e.orders AS support, r.orders::float8 / p.orders AS confidence,
       r.orders::float8 / p.orders / (w.orders::float8 / e.orders) AS lift
  FROM pair r JOIN product p ON p.sku = r.sku JOIN product w ON w.sku = r.with_sku CROSS JOIN everything e
 ORDER BY r.orders DESC, r.sku, r.with_sku
