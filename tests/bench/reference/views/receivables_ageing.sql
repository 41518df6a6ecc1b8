-- Receivables ageing: what is outstanding, by how many days it is overdue.
WITH aged AS (
    SELECT currency, CASE WHEN %(day)s::date <= due_on THEN 0 ELSE least(1 + (%(day)s::date - due_on - 1) / 30, 4) END AS n,
           count(*) AS invoices, sum(outstanding) AS outstanding
      FROM open_invoices GROUP BY 1, 2
)
SELECT c.currency, NULL::text AS dimension, b.age, coalesce(aged.invoices, 0) AS invoices,
       coalesce(aged.outstanding, 0) AS outstanding
  FROM (SELECT DISTINCT currency FROM aged) c
 CROSS JOIN (VALUES (0, 'not due'), (1, '1-30'), (2, '31-60'), (3, '61-90'), (4, 'over 90')) b(n, age)
  LEFT JOIN aged ON aged.currency = c.currency AND aged.n = b.n
 ORDER BY c.currency COLLATE "C", b.n
