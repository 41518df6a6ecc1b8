-- Next products: which new product is in a customer's next purchase after one with another product.
WITH line AS MATERIALIZED (
    SELECT DISTINCT p.customer_id, p.bought_on, a.sku COLLATE "C" AS sku FROM agreed_lines a JOIN purchases p USING (stream_id)
), followed AS MATERIALIZED (
    SELECT * FROM (
        SELECT customer_id, bought_on, lead(bought_on) OVER (PARTITION BY customer_id ORDER BY bought_on) AS next_on
          FROM (SELECT customer_id, bought_on FROM line GROUP BY customer_id, bought_on HAVING count(*) <= %(widest)s) day) step
     WHERE next_on IS NOT NULL
), had AS MATERIALIZED (
    SELECT customer_id, bought_on, next_on, sku FROM line JOIN followed USING (customer_id, bought_on)
), fresh AS MATERIALIZED (
    SELECT f.customer_id, f.bought_on, l.sku
      FROM followed f JOIN line l ON l.customer_id = f.customer_id AND l.bought_on = f.next_on
      LEFT JOIN had h ON h.customer_id = f.customer_id AND h.bought_on = f.bought_on AND h.sku = l.sku
     WHERE h.sku IS NULL
), pair AS (
    SELECT h.sku, f.sku AS next_sku, count(*) AS purchases,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY h.next_on - h.bought_on) AS median_days
      FROM had h JOIN fresh f USING (customer_id, bought_on) GROUP BY h.sku, f.sku HAVING count(*) >= %(least)s
), begun AS (
    SELECT sku, count(*) AS purchases FROM had GROUP BY sku
), brought AS (
    SELECT sku, count(*)::float8 / (SELECT count(*) FROM followed) AS share FROM fresh GROUP BY sku
)
SELECT p.sku, p.next_sku, p.purchases, p.purchases::float8 / b.purchases AS share,
       p.purchases::float8 / b.purchases / n.share AS lift, p.median_days
  FROM pair p JOIN begun b ON b.sku = p.sku JOIN brought n ON n.sku = p.next_sku
 ORDER BY p.purchases DESC, p.sku, p.next_sku
