-- Purchase histories: when and for how much each customer bought; without rates, nothing is converted.
WITH bought AS (
    SELECT customer_id, currency, bought_on AS day, sum(net) AS net
      FROM purchases WHERE bought_on <= %(day)s::date GROUP BY customer_id, currency, bought_on
), wanted AS (
    SELECT coalesce(%(currency)s::text, CASE WHEN min(currency) = max(currency) THEN min(currency) END) AS currency FROM bought
), purchase AS (
    SELECT customer_id, day, CASE WHEN bool_and(currency IS NOT DISTINCT FROM (SELECT currency FROM wanted)) THEN sum(net)::float8 END AS value
      FROM bought GROUP BY customer_id, day
), numbered AS (
    SELECT customer_id, day, value, lag(day) OVER in_time AS before, lead(day) OVER in_time AS after
      FROM purchase WINDOW in_time AS (PARTITION BY customer_id ORDER BY day)
), unrated AS (
    SELECT customer_id, array_agg(currency ORDER BY currency COLLATE "C") AS currencies
      FROM (SELECT DISTINCT customer_id, currency FROM bought
             WHERE currency IS DISTINCT FROM (SELECT currency FROM wanted)) without_rate
     GROUP BY customer_id
), history AS (
    SELECT customer_id, min(day) AS first_purchase, max(day) AS last_purchase, count(*) AS purchases,
           count(value) = count(*) AS valued, sum(value) AS value, avg(value) FILTER (WHERE before IS NOT NULL) AS mean_value,
           min(value) FILTER (WHERE before IS NULL) AS first_value, min(value) FILTER (WHERE after IS NULL) AS last_value,
           avg((day - before)::float8) AS gap_mean, stddev_pop((day - before)::float8) AS gap_deviation,
           min(day - before) FILTER (WHERE after IS NULL) AS last_gap,
           count(*) FILTER (WHERE day > %(day)s::date - 30) AS recent_30,
           count(*) FILTER (WHERE day > %(day)s::date - 90) AS recent_90,
           count(*) FILTER (WHERE day > %(day)s::date - 180) AS recent_180
      FROM numbered GROUP BY customer_id
)
SELECT h.customer_id, h.first_purchase, h.last_purchase, h.purchases - 1 AS repeats,
       h.last_purchase - h.first_purchase AS last_days, %(day)s::date - h.first_purchase AS age_days,
       (SELECT currency FROM wanted) AS currency,
       CASE WHEN h.valued THEN h.value END AS value, CASE WHEN h.valued THEN h.mean_value END AS mean_value,
       CASE WHEN h.valued THEN h.first_value END AS first_value, CASE WHEN h.valued THEN h.last_value END AS last_value,
       h.gap_mean, h.gap_deviation, h.last_gap, h.recent_30, h.recent_90, h.recent_180,
       coalesce(u.currencies, '{}') AS without_rate
  FROM history h LEFT JOIN unrated u USING (customer_id)
 ORDER BY h.customer_id
