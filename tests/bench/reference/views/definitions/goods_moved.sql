-- Goods moved: what was delivered or came back part by part, and what it is worth, which deliveries and returns say. Of
-- those that did not yet say it: as the difference between what was moved of that line after and before, rounded half to
-- even to the cent.
WITH untold AS (
    SELECT DISTINCT stream_id FROM order_lines WHERE what IN ('delivered', 'return_received') AND net IS NULL
)
SELECT stream_id, line, what, occurred_at AS moved_at, net
  FROM order_lines WHERE what IN ('delivered', 'return_received') AND net IS NOT NULL
 UNION ALL
SELECT m.stream_id, m.line, m.what, m.occurred_at,
       CASE WHEN m.after >= a.quantity THEN a.net
            WHEN (a.net * m.after / a.quantity * 200) %% 2 = 1 THEN round(a.net * m.after / a.quantity / 2, 2) * 2
            ELSE round(a.net * m.after / a.quantity, 2) END
     - CASE WHEN m.after - m.quantity >= a.quantity THEN a.net
            WHEN (a.net * (m.after - m.quantity) / a.quantity * 200) %% 2 = 1
            THEN round(a.net * (m.after - m.quantity) / a.quantity / 2, 2) * 2
            ELSE round(a.net * (m.after - m.quantity) / a.quantity, 2) END
  FROM (SELECT stream_id, line, what, occurred_at, quantity, net,
               sum(quantity) OVER (PARTITION BY stream_id, line, what ORDER BY version, position ROWS UNBOUNDED PRECEDING) AS after
          FROM order_lines
         WHERE what IN ('delivered', 'return_received') AND stream_id IN (SELECT stream_id FROM untold)) m
  JOIN agreed_lines a USING (stream_id, line)
 WHERE m.net IS NULL
