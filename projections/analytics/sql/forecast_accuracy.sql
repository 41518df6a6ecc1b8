-- Forecast accuracy: for each month that is over, what the weighted forecast was so many days before its end.
--
-- Forecast    as the forecast would have read then: what had been won by then on a day of the month and still stood as
--             won, and of each opportunity open then, with an amount, whose expected close then lay in the month, its
--             amount then * the probability of its stage then. (As it was; with `known_at`, as it was known.)
-- Actual      the worth of what was won on a day of the month, as it stands at the moment asked for.
-- Accuracy    1 - |forecast - actual| / actual; below 0 where the forecast was off by more than all that was won, empty
--             where nothing was won.
WITH months AS (
    SELECT unnest(generate_series(
               coalesce(date_trunc('month', $month_from::DATE - 1) + INTERVAL 1 MONTH,
                        date_trunc('month', $day::DATE)::DATE - INTERVAL 12 MONTH),
               least(date_trunc('month', coalesce($month_before::DATE, $day::DATE) - 1),
                     date_trunc('month', $day::DATE) - INTERVAL 1 MONTH),
               INTERVAL 1 MONTH))::DATE AS asked
), looks AS (
    SELECT date_trunc('month', asked)::DATE AS month, (date_trunc('month', asked) + INTERVAL 1 MONTH)::DATE AS over,
           days_before, (date_trunc('month', asked) + INTERVAL 1 MONTH)::TIMESTAMPTZ - to_days(days_before) AS look_at
      FROM months CROSS JOIN (VALUES (0), (7), (14), (30), (60), (90)) horizon(days_before)
), term AS (
    SELECT *, epoch_us(occurred_at)::HUGEINT * 2147483648 + version AS turn FROM opportunity_terms
), closing AS (
    SELECT stream_id, expected_close, occurred_at AS since,
           lead(occurred_at) OVER (PARTITION BY stream_id ORDER BY turn) AS until
      FROM term WHERE what IN ('opened', 'close_date_changed')
), worth AS (
    SELECT stream_id, amount, currency, occurred_at AS since,
           lead(occurred_at) OVER (PARTITION BY stream_id ORDER BY turn) AS until
      FROM term
     WHERE what IN ('opened', 'amount_changed', 'won') OR (what = 'product_lines_set' AND amount IS NOT NULL)
), open_then AS (
    SELECT l.month, l.days_before, w.currency, w.amount * s.probability AS amount
      FROM closing c
      JOIN looks l ON c.expected_close >= l.month AND c.expected_close < l.over
                  AND c.since < l.look_at AND (c.until IS NULL OR c.until >= l.look_at)
      JOIN stage_steps s ON s.stream_id = c.stream_id AND s.stage_type = 'open'
                        AND s.since < l.look_at AND (s.until IS NULL OR s.until >= l.look_at)
      JOIN worth w ON w.stream_id = c.stream_id AND w.since < l.look_at AND (w.until IS NULL OR w.until >= l.look_at)
     WHERE w.amount IS NOT NULL
), won_then AS (
    SELECT l.month, l.days_before, w.currency, w.amount
      FROM stage_steps s
      JOIN looks l ON s.closed_on >= l.month AND s.closed_on < l.over
                  AND s.since < l.look_at AND (s.until IS NULL OR s.until >= l.look_at)
      JOIN worth w ON w.stream_id = s.stream_id AND w.since < l.look_at AND (w.until IS NULL OR w.until >= l.look_at)
     WHERE s.stage_type = 'won'
), told AS (
    SELECT month, currency, days_before, sum(amount)::DECIMAL(38,4) AS forecast
      FROM (FROM open_then UNION ALL FROM won_then) GROUP BY ALL
), done AS (
    SELECT date_trunc('month', closed_on)::DATE AS month, currency, sum(amount) AS actual
      FROM deals WHERE stage_type = 'won' GROUP BY ALL
), pairs AS (
    SELECT l.month, k.currency, l.days_before, coalesce(t.forecast, 0) AS forecast, coalesce(d.actual, 0) AS actual
      FROM looks l JOIN (SELECT DISTINCT currency FROM deals WHERE amount IS NOT NULL) k ON true
      LEFT JOIN told t ON t.month = l.month AND t.days_before = l.days_before AND t.currency = k.currency
      LEFT JOIN done d ON d.month = l.month AND d.currency = k.currency
)
SELECT month, currency, days_before, forecast, actual,
       1 - abs(forecast - actual)::DOUBLE / nullif(actual, 0) AS accuracy
  FROM pairs WHERE forecast <> 0 OR actual <> 0
 ORDER BY currency, month, days_before
