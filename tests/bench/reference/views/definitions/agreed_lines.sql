-- Agreed lines: the lines of each order as they were last placed or amended; few orders are ever amended.
SELECT stream_id, line, sku, quantity, net FROM order_lines
 WHERE what = 'placed' AND stream_id NOT IN (SELECT stream_id FROM order_lines WHERE what = 'amended')
 UNION ALL
SELECT l.stream_id, l.line, l.sku, l.quantity, l.net
  FROM order_lines l
  JOIN (SELECT stream_id, max(version) AS version FROM order_lines WHERE what = 'amended' GROUP BY stream_id) a
       ON a.stream_id = l.stream_id AND a.version = l.version
 WHERE l.what = 'amended'
