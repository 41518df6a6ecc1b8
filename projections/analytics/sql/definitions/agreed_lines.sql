-- Agreed lines: the lines of each order as they were last placed or amended. `net` is after discount, before tax.
SELECT stream_id, line, sku, quantity, net FROM order_lines WHERE what IN ('placed', 'amended')
QUALIFY version = max(version) OVER (PARTITION BY stream_id)
