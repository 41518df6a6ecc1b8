-- Goods moved: each part of a line that was `delivered` or came back (`return_received`), and what it is worth: net *
-- quantity / ordered, rounded half to even to the cent, as the difference between what was moved of that line after and
-- before. So all parts together are worth exactly the line. (Most lines move in one part, and need no sum so far.)
WITH part AS (
    SELECT m.stream_id, m.line, m.version, m.position, a.sku, m.what, m.occurred_at AS moved_at, m.quantity, a.net,
           a.quantity AS ordered
      FROM order_lines m JOIN agreed_lines a USING (stream_id, line)
     WHERE m.what IN ('delivered', 'return_received')
), several AS (
    SELECT stream_id, line, what FROM part GROUP BY stream_id, line, what HAVING count(*) > 1
), moved AS (
    SELECT *, quantity AS after FROM part ANTI JOIN several USING (stream_id, line, what)
     UNION ALL
    SELECT *, sum(quantity) OVER (
               PARTITION BY stream_id, line, what ORDER BY version, position ROWS UNBOUNDED PRECEDING) AS after
      FROM part SEMI JOIN several USING (stream_id, line, what)
)
SELECT stream_id, sku, what, moved_at,
       CASE WHEN after >= ordered THEN net ELSE round_even(net::DOUBLE * after / ordered, 2)::DECIMAL(18,4) END
     - CASE WHEN after - quantity >= ordered THEN net
            ELSE round_even(net::DOUBLE * (after - quantity) / ordered, 2)::DECIMAL(18,4) END AS net
  FROM moved
