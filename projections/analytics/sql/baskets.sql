-- Baskets: which products are bought together. A row for each ordered pair of two products that were in one order.
--
-- Orders       purchases with both products in their lines, as agreed. Each product of an order counts once; orders of more
--              products than the widest one asked for are left out altogether, as they tell little of any two.
-- Support      orders / all purchases.
-- Confidence   orders / purchases with the first product: who buys it, buys the other one too.
-- Lift         confidence / the share of all purchases that have the other product; above 1 they go together.
WITH line AS (
    SELECT DISTINCT stream_id, sku FROM agreed_lines SEMI JOIN purchases USING (stream_id)
), basket AS (
    SELECT stream_id FROM line GROUP BY stream_id HAVING count(*) <= $widest
), everything AS (
    SELECT count(*) AS orders FROM basket
), product AS (  -- two that are bought together often are bought often, each
    SELECT sku, count(*) AS orders FROM line SEMI JOIN basket USING (stream_id) GROUP BY sku
    HAVING count(*) >= $support::DECIMAL(9,8) * (SELECT orders FROM everything)
), likely AS (
    SELECT stream_id, sku FROM line SEMI JOIN basket USING (stream_id) SEMI JOIN product USING (sku)
), pair AS (
    SELECT a.sku AS one, b.sku AS other, count(*) AS orders
      FROM likely a JOIN likely b ON b.stream_id = a.stream_id AND b.sku > a.sku GROUP BY ALL
    HAVING count(*) >= $support::DECIMAL(9,8) * (SELECT orders FROM everything)
), ordered AS (
    SELECT one AS sku, other AS with_sku, orders FROM pair
     UNION ALL
    SELECT other, one, orders FROM pair
)
SELECT o.sku, o.with_sku, o.orders, o.orders / e.orders AS support, o.orders / p.orders AS confidence,
       o.orders / p.orders / (w.orders / e.orders) AS lift
  FROM ordered o JOIN product p ON p.sku = o.sku JOIN product w ON w.sku = o.with_sku CROSS JOIN everything e
 ORDER BY o.orders DESC, o.sku, o.with_sku
