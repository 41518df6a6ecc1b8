WITH monthly AS (
    SELECT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date AS month, count(*) FILTER (WHERE what = 'registered') AS registered
      FROM bench.customer_steps WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s
       AND what IN ('registered', 'merged_into', 'unmerged', 'deactivated', 'reactivated') GROUP BY 1
)
SELECT month, registered, sum(registered) OVER (ORDER BY month)::bigint AS customers FROM monthly
