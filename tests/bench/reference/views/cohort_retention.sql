, bought AS (SELECT DISTINCT customer_id, date_trunc('month', bought_on)::date AS month FROM purchases),
first_time AS (SELECT customer_id, min(month) AS cohort FROM bought GROUP BY 1),
sizes AS (SELECT cohort, count(*) AS customers FROM first_time GROUP BY 1),
again AS (
    SELECT f.cohort, ((extract(year FROM b.month) - extract(year FROM f.cohort)) * 12
                      + extract(month FROM b.month) - extract(month FROM f.cohort))::int AS age, count(*) AS active
      FROM bought b JOIN first_time f USING (customer_id) GROUP BY 1, 2
)
SELECT s.cohort, a.age AS month, s.customers, a.active FROM sizes s JOIN again a USING (cohort)
