-- Customer growth: what became of the number of customers, month by month (UTC). Months in which nothing happened are left out.
--
-- Registered   customers that came.
-- Merged       customers that went up in another one, less those that were parted again.
-- Deactivated  customers that were deactivated, less those that were reactivated.
-- Customers    at the end of the month: all registered so far less all merged so far; deactivated ones are still customers.
WITH daily AS (
    SELECT make_timestamp(epoch_us(occurred_at))::DATE AS day, what, count(*) AS n FROM customer_steps
     WHERE what IN ('registered', 'merged_into', 'unmerged', 'deactivated', 'reactivated')
     GROUP BY day, what
), monthly AS (
    SELECT date_trunc('month', day)::DATE AS month,
           coalesce(sum(n) FILTER (what = 'registered'), 0)::BIGINT AS registered,
           sum(CASE what WHEN 'merged_into' THEN n WHEN 'unmerged' THEN -n ELSE 0 END)::BIGINT AS merged,
           sum(CASE what WHEN 'deactivated' THEN n WHEN 'reactivated' THEN -n ELSE 0 END)::BIGINT AS deactivated
      FROM daily GROUP BY month
)
SELECT month, registered, merged, deactivated, (sum(registered - merged) OVER (ORDER BY month))::BIGINT AS customers
  FROM monthly
 ORDER BY month
