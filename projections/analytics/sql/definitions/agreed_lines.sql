-- Agreed lines: the lines of each order as they were last placed or amended. `net` is after discount, before tax.
-- (Few orders are ever amended: of all others the lines are those that were placed.)
WITH amended AS (
    SELECT stream_id, max(version) AS version FROM order_lines WHERE what = 'amended' GROUP BY stream_id
)
SELECT stream_id, line, sku, quantity, net FROM order_lines
 WHERE what = 'placed' AND stream_id NOT IN (SELECT stream_id FROM amended)
 UNION ALL
SELECT stream_id, line, sku, quantity, net FROM order_lines JOIN amended USING (stream_id, version) WHERE what = 'amended'
