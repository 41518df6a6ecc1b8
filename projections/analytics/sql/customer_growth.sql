-- Customer growth: what became of the number of customers, month by month (UTC). Months in which nothing happened are left out.
--
-- Registered   customers that came.
-- Merged       customers that went up in another one, less those that were parted again.
-- Deactivated  customers that were deactivated, less those that were reactivated.
-- Customers    at the end of the month: all registered so far less all merged so far; deactivated ones are still customers.
WITH monthly AS (
    SELECT date_trunc('month', make_timestamp(epoch_us(occurred_at)))::DATE AS month,
           count(*) FILTER (what = 'registered') AS registered,
           count(*) FILTER (what = 'merged_into') - count(*) FILTER (what = 'unmerged') AS merged,
           count(*) FILTER (what = 'deactivated') - count(*) FILTER (what = 'reactivated') AS deactivated
      FROM customer_steps
     WHERE what IN ('registered', 'merged_into', 'unmerged', 'deactivated', 'reactivated')
     GROUP BY month
)
SELECT month, registered, merged, deactivated, (sum(registered - merged) OVER (ORDER BY month))::BIGINT AS customers
  FROM monthly
 ORDER BY month
