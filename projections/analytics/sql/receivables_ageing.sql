-- Receivables ageing: what is outstanding at the moment asked for, by how many days it is overdue on that day (UTC).
--
-- See the definition of open invoices for what is owed, credited and paid. An invoice is overdue from the day after it is
-- due on. Every age is shown for a currency in which anything is outstanding, with 0 where there is nothing.
WITH aged AS (
    SELECT i.currency,
           CASE $by::VARCHAR WHEN 'owner' THEN i.owner WHEN 'team' THEN i.team WHEN 'region' THEN c.region END AS dimension,
           CASE WHEN $day::DATE <= i.due_on THEN 0 ELSE least(1 + ($day::DATE - i.due_on - 1) // 30, 4) END AS n,
           i.outstanding
      FROM open_invoices i LEFT JOIN customer_cards c USING (customer_id)
), ages AS (
    SELECT DISTINCT a.currency, a.dimension, b.n, b.age
      FROM aged a
     CROSS JOIN (VALUES (0, 'not due'), (1, '1-30'), (2, '31-60'), (3, '61-90'), (4, 'over 90')) b(n, age)
)
SELECT ages.currency, ages.dimension, ages.age, count(aged.outstanding) AS invoices,
       coalesce(sum(aged.outstanding), 0) AS outstanding
  FROM ages LEFT JOIN aged
    ON aged.currency = ages.currency AND aged.dimension IS NOT DISTINCT FROM ages.dimension AND aged.n = ages.n
 GROUP BY ages.currency, ages.dimension, ages.age, ages.n
 ORDER BY ages.currency, ages.dimension, ages.n
