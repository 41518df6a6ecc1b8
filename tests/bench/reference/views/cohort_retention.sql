-- Cohort retention: of the customers who first bought in a month, which part bought again so many months later.
WITH bought AS (
    SELECT DISTINCT customer_id, (12 * extract(year FROM bought_on) + extract(month FROM bought_on) - 1)::int AS month
      FROM purchases
), first_time AS (
    SELECT customer_id, min(month) AS cohort FROM bought GROUP BY customer_id
), cohorts AS (
    SELECT cohort, count(*) AS customers FROM first_time GROUP BY cohort
), again AS (
    SELECT f.cohort, b.month - f.cohort AS age, count(*) AS active
      FROM bought b JOIN first_time f USING (customer_id) GROUP BY 1, 2
)
SELECT make_date(c.cohort / 12, c.cohort %% 12 + 1, 1) AS cohort, age AS month, c.customers,
       coalesce(a.active, 0) AS active, coalesce(a.active, 0)::float8 / c.customers AS retention
  FROM cohorts c
 CROSS JOIN LATERAL generate_series(0, (12 * extract(year FROM %(day)s::date) + extract(month FROM %(day)s::date) - 1)::int
                                       - c.cohort) AS age
  LEFT JOIN again a USING (cohort, age)
 ORDER BY c.cohort, age
