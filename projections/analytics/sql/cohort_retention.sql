-- Cohort retention: of the customers who first bought in a month, which part bought again so many months later.
--
-- Cohort      the month (UTC) of a customer's first purchase, in any currency; the cohort keeps its size for ever.
-- Active      customers of the cohort with a purchase in that month; month 0 is the first one, where all are active.
-- Retention   active / customers. Months that are over, and the one under way, are shown; those without a purchase with 0.
WITH bought AS (
    SELECT DISTINCT customer_id, date_trunc('month', bought_on)::DATE AS month FROM purchases
), first_time AS (
    SELECT customer_id, min(month) AS cohort FROM bought GROUP BY customer_id
), cohorts AS (
    SELECT cohort, count(*) AS customers FROM first_time
     WHERE ($first_from::DATE IS NULL OR cohort >= date_trunc('month', $first_from::DATE))
       AND ($first_before::DATE IS NULL OR cohort < $first_before::DATE)
     GROUP BY cohort
), ages AS (
    SELECT cohort, customers, unnest(range(date_diff('month', cohort, $day::DATE)::BIGINT + 1)) AS age FROM cohorts
), again AS (
    SELECT f.cohort, date_diff('month', f.cohort, b.month) AS age, count(*) AS active
      FROM bought b JOIN first_time f USING (customer_id) GROUP BY ALL
)
SELECT cohort, age AS month, customers, coalesce(active, 0) AS active, coalesce(active, 0) / customers AS retention
  FROM ages LEFT JOIN again USING (cohort, age)
 ORDER BY cohort, month
