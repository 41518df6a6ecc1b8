-- Customer growth: what became of the number of customers, month by month.
WITH monthly AS (
    SELECT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date AS month,
           count(*) FILTER (WHERE what = 'registered') AS registered,
           count(*) FILTER (WHERE what = 'merged_into') - count(*) FILTER (WHERE what = 'unmerged') AS merged,
           count(*) FILTER (WHERE what = 'deactivated') - count(*) FILTER (WHERE what = 'reactivated') AS deactivated
      FROM customer_steps
     WHERE what IN ('registered', 'merged_into', 'unmerged', 'deactivated', 'reactivated')
     GROUP BY 1
)
SELECT month, registered, merged, deactivated, (sum(registered - merged) OVER (ORDER BY month))::bigint AS customers
  FROM monthly
 ORDER BY month
