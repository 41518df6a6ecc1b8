-- Open invoices: what is outstanding of each invoice. Those due first are settled first, and the newest are credited
-- first: so of all invoices down to this one, as much is to pay as is owed at most, and what was received settles them.
WITH invoice AS (
    SELECT stream_id, invoice_number, due_on, amount, sum(amount) OVER (PARTITION BY stream_id) AS invoiced,
           sum(amount) OVER (PARTITION BY stream_id ORDER BY due_on, issued_on, invoice_number COLLATE "C", version
                             ROWS UNBOUNDED PRECEDING) AS so_far
      FROM (SELECT stream_id, version, invoice_number, amount, (occurred_at AT TIME ZONE 'UTC')::date AS issued_on,
                   coalesce(due_on, (occurred_at AT TIME ZONE 'UTC')::date) AS due_on
              FROM order_steps WHERE what = 'invoiced') issued
), delivered AS (
    SELECT stream_id, sum(worth) AS worth FROM order_steps WHERE what = 'delivered' GROUP BY stream_id
), returned AS (
    SELECT stream_id, sum(worth) AS worth FROM order_steps WHERE what = 'return_received' GROUP BY stream_id
), money AS (
    SELECT stream_id, greatest(sum(CASE what WHEN 'refunded' THEN -amount ELSE amount END), 0) AS received
      FROM payments GROUP BY stream_id
), standing AS (
    SELECT i.stream_id, i.invoice_number, i.due_on, i.amount, i.so_far, p.customer_id, p.currency, p.owner, p.team,
           coalesce(m.received, 0) AS received,
           greatest(CASE WHEN p.closed_at IS NOT NULL THEN greatest(coalesce(d.worth, 0), i.invoiced)
                         WHEN p.cancelled_at IS NOT NULL THEN coalesce(d.worth, 0)
                         ELSE p.total END - coalesce(r.worth, 0), 0) AS owed
      FROM invoice i
      JOIN placed_orders p USING (stream_id)
      LEFT JOIN delivered d USING (stream_id) LEFT JOIN returned r USING (stream_id) LEFT JOIN money m USING (stream_id)
)
SELECT stream_id, invoice_number, due_on, customer_id, currency, owner, team,
       greatest(least(so_far, owed), received) - greatest(least(so_far - amount, owed), received) AS outstanding
  FROM standing
 WHERE greatest(least(so_far, owed), received) > greatest(least(so_far - amount, owed), received)
