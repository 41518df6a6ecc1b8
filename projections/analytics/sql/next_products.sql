-- Next products: what customers buy next. A row for each product and each other one that came after it.
--
-- Purchase     all that a customer bought on one day (UTC), as agreed in purchases; the next one is that of the next day on
--              which it bought. Those of more products than the widest one asked for are left out altogether.
-- Purchases    how many, with the first product in them, were followed by one with the next product, and had not that one
--              themselves.
-- Share        purchases / all purchases with the first product that were followed by another one.
-- Lift         share / the same for any first product: of all purchases that were followed by another one, the share that
--              brought the next product as a new one.
-- Median days  between the two purchases.
WITH line AS (
    SELECT DISTINCT p.customer_id, p.bought_on, a.sku FROM agreed_lines a JOIN purchases p USING (stream_id)
), step AS (
    SELECT customer_id, bought_on, lead(bought_on) OVER (PARTITION BY customer_id ORDER BY bought_on) AS next_on
      FROM (SELECT customer_id, bought_on FROM line GROUP BY ALL HAVING count(*) <= $widest)
), followed AS (
    SELECT customer_id, bought_on, next_on FROM step WHERE next_on IS NOT NULL
), had AS (
    SELECT customer_id, bought_on, next_on, sku FROM line JOIN followed USING (customer_id, bought_on)
), fresh AS (
    SELECT f.customer_id, f.bought_on, l.sku
      FROM followed f JOIN line l ON l.customer_id = f.customer_id AND l.bought_on = f.next_on
      ANTI JOIN had h ON h.customer_id = f.customer_id AND h.bought_on = f.bought_on AND h.sku = l.sku
), pair AS (
    SELECT h.sku, f.sku AS next_sku, count(*) AS purchases, quantile_cont(h.next_on - h.bought_on, 0.5) AS median_days
      FROM had h JOIN fresh f USING (customer_id, bought_on) GROUP BY h.sku, f.sku HAVING count(*) >= $least
), begun AS (
    SELECT sku, count(*) AS purchases FROM had GROUP BY sku
), brought AS (
    SELECT sku, count(*) / (SELECT count(*) FROM followed) AS share FROM fresh GROUP BY sku
)
SELECT p.sku, p.next_sku, p.purchases, p.purchases / b.purchases AS share,
       p.purchases / b.purchases / n.share AS lift, p.median_days
  FROM pair p JOIN begun b ON b.sku = p.sku JOIN brought n ON n.sku = p.next_sku
 ORDER BY p.purchases DESC, p.sku, p.next_sku
