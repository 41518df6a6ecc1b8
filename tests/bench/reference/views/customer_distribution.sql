, together AS (SELECT customer_id, sum(net) AS net FROM purchases GROUP BY 1),
region AS (
    SELECT DISTINCT ON (stream_id) stream_id, coalesce(region, value) AS region FROM bench.customer_steps
     WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s AND (what = 'registered' OR dimension = 'region')
     ORDER BY stream_id, occurred_at DESC, version DESC
)
SELECT region AS dimension, count(*) AS customers, count(t.customer_id) AS buyers, sum(t.net) AS net
  FROM region r LEFT JOIN together t ON t.customer_id = r.stream_id GROUP BY 1
