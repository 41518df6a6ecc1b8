-- Top customers: who bought for most, by currency, and which part of all that is.
WITH summed AS MATERIALIZED (
    SELECT currency, customer_id, count(*) AS orders, sum(net) AS net, max(bought_on) AS last_purchase
      FROM purchases GROUP BY currency, customer_id
), altogether AS (
    SELECT currency, nullif(sum(net), 0)::float8 AS net FROM summed GROUP BY currency
), best AS (
    SELECT s.*, a.net AS everybody, row_number() OVER best_first AS place, sum(s.net) OVER best_first AS so_far
      FROM altogether a
     CROSS JOIN LATERAL (SELECT * FROM summed
                          WHERE summed.currency = a.currency ORDER BY net DESC, customer_id LIMIT %(most)s) s
    WINDOW best_first AS (PARTITION BY s.currency ORDER BY s.net DESC, s.customer_id ROWS UNBOUNDED PRECEDING)
)
SELECT currency, place, customer_id, orders, net, net::float8 / everybody AS share,
       so_far::float8 / everybody AS cumulative_share, last_purchase
  FROM best ORDER BY currency COLLATE "C", place
