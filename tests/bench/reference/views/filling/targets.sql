-- What each seller, each team and everybody is to win in each quarter; half of it is set anew within the quarter.
INSERT INTO lake.targets BY NAME
WITH whose AS (
    SELECT 'o' || n AS owner, NULL AS team FROM range(40) t(n)
     UNION ALL SELECT NULL, 'team ' || n FROM range(6) t(n)
     UNION ALL SELECT NULL, NULL
), quarter AS (
    SELECT first::DATE AS first, (first + INTERVAL 3 MONTH)::DATE AS before, year(first) || '-Q' || quarter(first) AS period
      FROM range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 3 MONTH) t(first)
), said AS (
    SELECT *, md5(concat_ws('|', 'target', owner, team, period))::UUID AS stream_id FROM whose, quarter
)
SELECT 'bench' AS tenant, row_number() OVER (ORDER BY first, stream_id, version) AS position, stream_id, version,
       first + to_days((version - 1) * 40) AS occurred_at, occurred_at AS recorded_at, 'set' AS what, owner, team, period, first,
       before, (10000 + hash(stream_id, version) % 90000)::DECIMAL(18,4) AS amount, 'CNY' AS currency
  FROM said, range(1, 3) t(version) WHERE version = 1 OR hash(stream_id) % 2 = 0
 ORDER BY position;
