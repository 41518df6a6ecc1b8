WITH agreed AS (
    SELECT stream_id, line, quantity, net FROM (
        SELECT stream_id, line, quantity, net, version, max(version) OVER (PARTITION BY stream_id) AS last
          FROM bench.order_lines WHERE tenant = %(tenant)s AND what IN ('placed', 'amended') AND occurred_at <= %(as_of)s) l
     WHERE version = last
), back AS (
    SELECT stream_id, line, sum(quantity) AS quantity FROM bench.order_lines
     WHERE tenant = %(tenant)s AND what = 'return_received' AND occurred_at <= %(as_of)s GROUP BY 1, 2
), returned AS (
    SELECT b.stream_id, sum(CASE WHEN b.quantity >= a.quantity THEN a.net ELSE round(a.net * b.quantity / a.quantity, 2) END) AS net
      FROM back b CROSS JOIN LATERAL (
          SELECT l.quantity, l.net FROM bench.order_lines l
           WHERE l.tenant = %(tenant)s AND l.what IN ('placed', 'amended') AND l.stream_id = b.stream_id AND l.line = b.line
             AND l.occurred_at <= %(as_of)s ORDER BY l.version DESC LIMIT 1) a
     GROUP BY 1
), confirmed AS (
    SELECT stream_id, min(occurred_at) AS moment FROM bench.order_steps
     WHERE tenant = %(tenant)s AND what = 'confirmed' AND occurred_at <= %(as_of)s GROUP BY 1
), purchases AS (
    SELECT p.stream_id, p.customer_id, p.currency, (c.moment AT TIME ZONE 'UTC')::date AS bought_on, p.net - coalesce(r.net, 0) AS net
      FROM bench.order_steps p JOIN confirmed c USING (stream_id) LEFT JOIN returned r USING (stream_id)
     WHERE p.tenant = %(tenant)s AND p.what = 'placed'
       AND NOT EXISTS (SELECT FROM bench.order_steps x WHERE x.tenant = %(tenant)s AND x.what = 'cancelled'
                          AND x.stream_id = p.stream_id AND x.occurred_at <= %(as_of)s)
)
