-- Open invoices: what is outstanding of each invoice at the moment asked for; the same as the receivables' rows.
--
-- Owed        of an order: all of it while it runs; what was delivered or billed, whichever is more, once it is closed;
--             what was delivered when it was cancelled; never what came back.
-- Credited    what was invoiced beyond what is owed; taken off the newest invoice first.
-- Paid        payments less refunds; they settle the invoice that was due first.
-- Due         the day on the invoice, else that on which it was issued.
WITH money AS (
    SELECT stream_id, sum(CASE what WHEN 'refunded' THEN -amount ELSE amount END) AS received FROM payments GROUP BY stream_id
), moved AS (
    SELECT stream_id, coalesce(sum(worth) FILTER (what = 'delivered'), 0) AS delivered,
           coalesce(sum(worth) FILTER (what = 'return_received'), 0) AS returned,
           coalesce(sum(amount) FILTER (what = 'invoiced'), 0) AS invoiced
      FROM order_steps GROUP BY stream_id
), standing AS (
    SELECT p.stream_id, p.customer_id, p.currency, p.owner, p.team, m.invoiced, coalesce(money.received, 0) AS received,
           greatest(CASE WHEN p.closed_at IS NOT NULL THEN greatest(m.delivered, m.invoiced)
                         WHEN p.cancelled_at IS NOT NULL THEN m.delivered ELSE p.total END - m.returned, 0) AS owed
      FROM placed_orders p JOIN moved m USING (stream_id) LEFT JOIN money USING (stream_id)
     WHERE m.invoiced > 0
), invoice AS (
    SELECT i.stream_id, i.invoice_number, coalesce(i.due_on, i.occurred_at::DATE) AS due_on, i.amount,
           greatest(s.invoiced - s.owed, 0) AS credit, s.received, s.customer_id, s.currency, s.owner, s.team,
           sum(i.amount) OVER (PARTITION BY i.stream_id) - sum(i.amount) OVER oldest_first AS newer,
           row_number() OVER oldest_first AS n
      FROM order_steps i JOIN standing s USING (stream_id)
     WHERE i.what = 'invoiced'
    WINDOW oldest_first AS (
        PARTITION BY i.stream_id
        ORDER BY coalesce(i.due_on, i.occurred_at::DATE), i.occurred_at::DATE, i.invoice_number, i.version
        ROWS UNBOUNDED PRECEDING)
), credited AS (
    SELECT *, amount - least(greatest(credit - newer, 0), amount) AS to_pay FROM invoice
), settled AS (
    SELECT *, least(greatest(greatest(received, 0)
                  - (sum(to_pay) OVER (PARTITION BY stream_id ORDER BY n ROWS UNBOUNDED PRECEDING) - to_pay), 0), to_pay) AS paid
      FROM credited
)
SELECT stream_id, invoice_number, due_on, customer_id, currency, owner, team, to_pay - paid AS outstanding
  FROM settled WHERE to_pay > paid
