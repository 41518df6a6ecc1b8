-- Goods moved: each part of a line that was `delivered` or came back (`return_received`), and what it is worth: net *
-- quantity / ordered, rounded half to even to the cent, as the difference between what was moved of that line after and
-- before. So all parts together are worth exactly the line.
-- (Deliveries and returns say so themselves. Of those recorded before they did it is worked out here from the lines.)
WITH untold AS (
    SELECT DISTINCT stream_id FROM order_lines WHERE what IN ('delivered', 'return_received') AND net IS NULL
), agreed AS (
    SELECT stream_id, line, arg_max(net, version) AS net, arg_max(quantity, version) AS ordered
      FROM order_lines SEMI JOIN untold USING (stream_id) WHERE what IN ('placed', 'amended') GROUP BY stream_id, line
), part AS (
    SELECT *, sum(quantity) OVER (PARTITION BY stream_id, line, what ORDER BY version, position ROWS UNBOUNDED PRECEDING) AS after
      FROM order_lines SEMI JOIN untold USING (stream_id) WHERE what IN ('delivered', 'return_received')
), shared AS (  -- in whole cents and millionths, so that nothing is lost before it is rounded
    SELECT p.stream_id, p.line, p.what, p.occurred_at, p.version, p.position, p.net AS told, a.net, p.after, a.ordered,
           (abs(a.net) * 100)::HUGEINT * (p.after * 1000000)::HUGEINT AS whole, (a.ordered * 1000000)::HUGEINT AS among
      FROM part p JOIN agreed a USING (stream_id, line)
), rounded AS (
    SELECT *, CASE WHEN after >= ordered THEN net ELSE sign(net) * 0.01 * (
                       whole // among
                     + CASE WHEN whole % among * 2 > among OR (whole % among * 2 = among AND whole // among % 2 = 1)
                            THEN 1 ELSE 0 END)::DECIMAL(16,0) END AS worth
      FROM shared
), valued AS (
    SELECT *, worth - coalesce(lag(worth) OVER (PARTITION BY stream_id, line, what ORDER BY version, position), 0) AS step
      FROM rounded
)
SELECT stream_id, line, what, occurred_at AS moved_at, net
  FROM order_lines WHERE what IN ('delivered', 'return_received') AND net IS NOT NULL
 UNION ALL
SELECT stream_id, line, what, occurred_at, step FROM valued WHERE told IS NULL
