-- Forecast accuracy: for each of the last twelve months, what the weighted forecast was so many days before its end.
WITH looks AS (
    SELECT month::date AS month, days_before, month + interval '1 month' - make_interval(days => days_before) AS look_at
      FROM generate_series(date_trunc('month', %(day)s::date::timestamptz) - interval '12 months',
                           date_trunc('month', %(day)s::date::timestamptz) - interval '1 month', interval '1 month') month
     CROSS JOIN (VALUES (0), (7), (14), (30), (60), (90)) horizon(days_before)
), deal AS MATERIALIZED (
    SELECT stage_type, closed_on, amount, currency FROM deals WHERE amount IS NOT NULL OR stage_type = 'won'
), closing AS (
    SELECT c.stream_id, l.month, l.days_before, l.look_at
      FROM (SELECT stream_id, expected_close, occurred_at AS since,
                   lead(occurred_at) OVER (PARTITION BY stream_id ORDER BY occurred_at, version) AS until
              FROM opportunity_terms WHERE what IN ('opened', 'close_date_changed')) c
      JOIN looks l ON l.month = date_trunc('month', c.expected_close)::date
                  AND c.since < l.look_at AND (c.until IS NULL OR c.until >= l.look_at)
), standing AS (
    SELECT c.stream_id, c.month, c.days_before, c.look_at, s.probability
      FROM closing c JOIN stage_steps s USING (stream_id)
     WHERE s.stage_type = 'open' AND s.since < c.look_at AND (s.until IS NULL OR s.until >= c.look_at)
     UNION ALL
    SELECT s.stream_id, l.month, l.days_before, l.look_at, 1
      FROM stage_steps s JOIN looks l ON l.month = date_trunc('month', s.closed_on)::date
                                     AND s.since < l.look_at AND (s.until IS NULL OR s.until >= l.look_at)
     WHERE s.stage_type = 'won'
), told AS (
    SELECT s.month, w.currency, s.days_before, round(sum(w.amount * s.probability), 4) AS forecast
      FROM standing s
      JOIN (SELECT stream_id, amount, currency, occurred_at AS since,
                   lead(occurred_at) OVER (PARTITION BY stream_id ORDER BY occurred_at, version) AS until
              FROM opportunity_terms
             WHERE what IN ('opened', 'amount_changed', 'won') OR (what = 'product_lines_set' AND amount IS NOT NULL)) w
           ON w.stream_id = s.stream_id AND w.since < s.look_at AND (w.until IS NULL OR w.until >= s.look_at)
     WHERE w.amount IS NOT NULL
     GROUP BY 1, 2, 3
), done AS (
    SELECT date_trunc('month', closed_on)::date AS month, currency, sum(amount) AS actual
      FROM deal WHERE stage_type = 'won' GROUP BY 1, 2
), pairs AS (
    SELECT l.month, k.currency, l.days_before, coalesce(t.forecast, 0) AS forecast, coalesce(d.actual, 0) AS actual
      FROM looks l CROSS JOIN (SELECT DISTINCT currency FROM deal WHERE amount IS NOT NULL) k
      LEFT JOIN told t ON t.month = l.month AND t.days_before = l.days_before AND t.currency = k.currency
      LEFT JOIN done d ON d.month = l.month AND d.currency = k.currency
)
SELECT month, currency, days_before, forecast, actual,
       1 - abs(forecast - actual)::float8 / nullif(actual, 0)::float8 AS accuracy
  FROM pairs WHERE forecast <> 0 OR actual <> 0
 ORDER BY currency COLLATE "C", month, days_before
