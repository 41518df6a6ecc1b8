-- Goods moved: each part of a line that was `delivered` or came back (`return_received`), and what it is worth: net *
-- quantity / ordered, rounded half to even to the cent, as the difference between what was moved of that line after and
-- before. So all parts together are worth exactly the line.
WITH moved AS (
    SELECT m.stream_id, a.sku, m.what, m.occurred_at AS moved_at, a.net, a.quantity AS ordered,
           sum(m.quantity) OVER so_far AS after,
           sum(m.quantity) OVER so_far - m.quantity AS before
      FROM order_lines m JOIN agreed_lines a USING (stream_id, line)
     WHERE m.what IN ('delivered', 'return_received')
    WINDOW so_far AS (PARTITION BY m.stream_id, m.line, m.what ORDER BY m.version, m.position ROWS UNBOUNDED PRECEDING)
)
SELECT stream_id, sku, what, moved_at,
       CASE WHEN after >= ordered THEN net ELSE round_even(net::DOUBLE * after / ordered, 2)::DECIMAL(18,4) END
     - CASE WHEN before >= ordered THEN net ELSE round_even(net::DOUBLE * before / ordered, 2)::DECIMAL(18,4) END AS net
  FROM moved
