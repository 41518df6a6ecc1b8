-- Sales trend by month and currency: what was won, booked and earned, beside the month before and that of the year before.
WITH happened AS (
    SELECT closed_on AS day, currency, 'won' AS measure, amount FROM deals WHERE stage_type = 'won' AND amount IS NOT NULL
     UNION ALL
    SELECT (confirmed_at AT TIME ZONE 'UTC')::date, currency, 'booked', net FROM confirmed_orders
     UNION ALL
    SELECT (g.moved_at AT TIME ZONE 'UTC')::date, o.currency, 'revenue', CASE g.what WHEN 'delivered' THEN g.net ELSE -g.net END
      FROM goods_moved g
      JOIN order_steps o ON o.stream_id = g.stream_id AND o.what = 'placed' AND o.customer_id IS NOT NULL
), summed AS (
    SELECT date_trunc('month', day)::date AS period, currency, measure, sum(amount) AS value FROM happened GROUP BY 1, 2, 3
), filled AS (
    SELECT e.period::date, e.currency, m.measure, coalesce(s.value, 0) AS value
      FROM (SELECT currency, generate_series(min(period), max(period), INTERVAL '1 month') AS period FROM summed GROUP BY currency) e
     CROSS JOIN (VALUES ('won'), ('booked'), ('revenue')) m(measure)
      LEFT JOIN summed s ON s.period = e.period AND s.currency = e.currency AND s.measure = m.measure
), compared AS (
    SELECT *, lag(value) OVER in_time AS last_value, lag(value, 12) OVER in_time AS year_value,
           sum(value) OVER (in_time ROWS 2 PRECEDING) AS of_three, row_number() OVER in_time AS n
      FROM filled WINDOW in_time AS (PARTITION BY currency, measure ORDER BY period)
)
SELECT period, currency, measure, value, value - last_value AS change,
       (value - last_value)::float8 / nullif(last_value, 0)::float8 AS change_share, value - year_value AS year_change,
       (value - year_value)::float8 / nullif(year_value, 0)::float8 AS year_change_share,
       CASE WHEN n > 2 THEN of_three::float8 / 3 END AS moving_average
  FROM compared
 ORDER BY period, currency COLLATE "C", measure COLLATE "C"
