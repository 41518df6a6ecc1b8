-- Confirmed orders: what was agreed with whom, as confirmations say; those that did not yet say it, from their orders.
SELECT stream_id, customer_id AS placed_for, currency, source AS channel, net, occurred_at AS confirmed_at
  FROM order_steps WHERE what = 'confirmed' AND customer_id IS NOT NULL
 UNION ALL
SELECT c.stream_id, p.customer_id, p.currency, p.source, coalesce(a.net, p.net), c.occurred_at
  FROM order_steps c
  JOIN order_steps p ON p.stream_id = c.stream_id AND p.what = 'placed' AND p.customer_id IS NOT NULL
  LEFT JOIN LATERAL (SELECT net FROM order_steps WHERE what = 'amended' AND stream_id = c.stream_id
                      ORDER BY version DESC LIMIT 1) a ON true
 WHERE c.what = 'confirmed' AND c.customer_id IS NULL
