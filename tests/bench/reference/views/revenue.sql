, delivered AS (
    SELECT date_trunc('month', d.occurred_at AT TIME ZONE 'UTC')::date AS month, d.what, sum(a.net) AS net
      FROM bench.order_lines d JOIN agreed a USING (stream_id, line)
     WHERE d.tenant = %(tenant)s AND d.what IN ('delivered', 'return_received') AND d.occurred_at <= %(as_of)s GROUP BY 1, 2
), booked AS (
    SELECT date_trunc('month', c.moment AT TIME ZONE 'UTC')::date AS month, count(*) AS orders, sum(w.net) AS net
      FROM confirmed c JOIN bench.order_steps w USING (stream_id)
     WHERE w.tenant = %(tenant)s AND w.what = 'placed' GROUP BY 1
)
SELECT coalesce(b.month, d.month, r.month) AS month, coalesce(b.orders, 0) AS orders, coalesce(b.net, 0) AS booked,
       coalesce(d.net, 0) AS delivered, coalesce(r.net, 0) AS returned
  FROM booked b FULL JOIN (SELECT * FROM delivered WHERE what = 'delivered') d USING (month)
  FULL JOIN (SELECT * FROM delivered WHERE what = 'return_received') r USING (month)
