-- Placed orders: one row an order, with whom it was placed for, when it was first confirmed, and what became of it. Each
-- join finds one row at most, so that PostgreSQL leaves out those that a question does not need.
SELECT p.stream_id, coalesce(s.survivor_id, p.customer_id) AS customer_id, p.currency, p.owner, p.team, p.source AS channel,
       coalesce(a.net, p.net) AS net, coalesce(a.total, p.total) AS total, c.confirmed_at, x.cancelled_at, e.closed_at
  FROM (SELECT * FROM order_steps WHERE what = 'placed' AND customer_id IS NOT NULL) p
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, net, total FROM order_steps WHERE what = 'amended'
              ORDER BY stream_id, version DESC) a USING (stream_id)
  LEFT JOIN (SELECT stream_id, min(occurred_at) AS confirmed_at FROM order_steps WHERE what = 'confirmed'
              GROUP BY stream_id) c USING (stream_id)
  LEFT JOIN (SELECT stream_id, min(occurred_at) AS cancelled_at FROM order_steps WHERE what = 'cancelled'
              GROUP BY stream_id) x USING (stream_id)
  LEFT JOIN (SELECT stream_id, min(occurred_at) AS closed_at FROM order_steps WHERE what = 'closed'
              GROUP BY stream_id) e USING (stream_id)
  LEFT JOIN survivors s ON s.customer_id = p.customer_id
