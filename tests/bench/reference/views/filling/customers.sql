-- Customers, who came evenly over three years, and what became known of them since.
CREATE TEMP TABLE unit AS SELECT i, md5('c' || i)::UUID AS customer,
       TIMESTAMPTZ '2023-01-01 00:00:00+00' + to_seconds(i * 94608000 // {units}) AS began FROM range({units}) t(i);
CREATE TEMP TABLE customer_step AS
WITH card AS (
    SELECT *, hash(i, 'kind') % 5 = 0 AS person, (hash(i, 'owner') % 40)::INTEGER AS seller FROM unit
), step AS (
    SELECT i, began AS moment, 0 AS n, 'registered' AS what, NULL AS value, NULL::UUID AS into_id FROM card
     UNION ALL
    SELECT i, began + to_hours((1 + hash(i, 'verified') % 9600)::INTEGER), 1, 'verified', NULL, NULL
      FROM card WHERE hash(i, 'is verified') % 10 < 3
     UNION ALL
    SELECT i, began + to_hours((1 + hash(i, 'classified') % 7200)::INTEGER), 2, 'classified',
           'region ' || hash(i, 'moved') % 9, NULL
      FROM card WHERE hash(i, 'is classified') % 20 = 0
     UNION ALL
    SELECT i, began + to_hours((1 + hash(i, 'assigned') % 7200)::INTEGER), 3, 'assigned', NULL, NULL
      FROM card WHERE hash(i, 'is assigned') % 100 < 3
     UNION ALL
    SELECT i, began + to_hours((2000 + hash(i, 'deactivated') % 7200)::INTEGER), 4, 'deactivated', NULL, NULL
      FROM card WHERE hash(i, 'is deactivated') % 100 = 0
     UNION ALL
    SELECT i, began + to_hours((2500 + hash(i, 'deactivated') % 7200)::INTEGER), 5, 'reactivated', NULL, NULL
      FROM card WHERE hash(i, 'is deactivated') % 300 = 0
     UNION ALL
    SELECT i, began + to_hours((10 + hash(i, 'merged') % 3600)::INTEGER), 6, 'merged_into', NULL,
           md5('c' || hash(i, 'into') % i)::UUID
      FROM card WHERE i > 0 AND hash(i, 'is merged') % 50 = 0
     UNION ALL
    SELECT i, began + to_hours((20 + hash(i, 'merged') % 3600)::INTEGER), 7, 'unmerged', NULL, NULL
      FROM card WHERE i > 0 AND hash(i, 'is merged') % 500 = 0
)
SELECT card.customer AS stream_id, row_number() OVER (ORDER BY moment, i, n) AS position,
       row_number() OVER (PARTITION BY i ORDER BY moment, n)::INTEGER AS version, moment AS occurred_at, what, n, person, seller,
       value, into_id, i
  FROM step JOIN card USING (i);
INSERT INTO lake.customer_steps BY NAME
SELECT 'bench' AS tenant, position, stream_id, version, occurred_at, occurred_at AS recorded_at, what,
       CASE WHEN n = 0 THEN CASE WHEN person THEN 'person' ELSE 'organisation' END END AS kind,
       CASE WHEN n = 0 AND NOT person AND hash(i, 'has industry') % 8 > 0 THEN 'industry ' || hash(i, 'industry') % 12 END AS industry,
       CASE WHEN n = 0 AND hash(i, 'has region') % 20 > 0 THEN 'region ' || hash(i, 'region') % 9 END AS region,
       CASE WHEN n = 0 AND NOT person AND hash(i, 'has size') % 6 > 0
            THEN CASE hash(i, 'size') % 4 WHEN 0 THEN '1-9' WHEN 1 THEN '10-49' WHEN 2 THEN '50-249' ELSE '250+' END END AS size,
       CASE WHEN n = 0 AND hash(i, 'has tier') % 4 > 0
            THEN CASE hash(i, 'tier') % 10 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' WHEN 2 THEN 'silver' ELSE 'standard' END END AS tier,
       CASE n WHEN 0 THEN 'o' || seller WHEN 3 THEN 'o' || hash(i, 'new owner') % 40 END AS owner,
       CASE WHEN n = 0 AND seller % 10 > 0 THEN 'team ' || seller % 6
            WHEN n = 3 THEN 'team ' || hash(i, 'new team') % 6 END AS team,
       CASE WHEN n = 0 AND hash(i, 'has source') % 10 > 0 THEN 'channel ' || hash(i, 'source') % 5 END AS source,
       CASE n WHEN 2 THEN 'region' END AS dimension, value, into_id
  FROM customer_step ORDER BY position;
