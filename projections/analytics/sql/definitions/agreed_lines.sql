-- Agreed lines: the lines of each order as they were last placed or amended. `net` is after discount, before tax.
WITH said AS (
    SELECT stream_id, version, line, sku, quantity, net FROM order_lines WHERE what IN ('placed', 'amended')
), last_said AS (
    SELECT stream_id, max(version) AS version FROM said GROUP BY stream_id
)
SELECT stream_id, line, sku, quantity, net FROM said JOIN last_said USING (stream_id, version)
