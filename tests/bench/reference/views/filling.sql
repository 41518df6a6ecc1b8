-- A customer, two opportunities and three orders of two lines each are 18 events, over three years.
CREATE TEMP TABLE unit AS SELECT i, md5('c' || i)::UUID AS customer,
       TIMESTAMPTZ '2023-01-01 00:00:00+00' + to_seconds(i * 94608000 // {units}) AS began FROM range({units}) t(i);
INSERT INTO lake.customer_steps BY NAME
SELECT 'bench' AS tenant, i AS position, customer AS stream_id, 1 AS version, began AS occurred_at, began AS recorded_at,
       'registered' AS what, 'organisation' AS kind, 'r' || i % 7 AS region, 'channel ' || i % 5 AS source FROM unit;
CREATE TEMP TABLE deal AS SELECT i * 2 + k AS d, md5('d' || (i * 2 + k))::UUID AS id, customer, began, 'o' || i % 40 AS owner,
       (hash(i, k) % 5)::INTEGER AS chance, 1000 + (hash(k, i) % 9000)::INTEGER AS amount FROM unit, range(2) t(k);
INSERT INTO lake.stage_moves BY NAME
SELECT 'bench' AS tenant, d * 4 + n AS position, id AS stream_id, n + 1 AS version, began + to_days(n * 9) AS occurred_at,
       began + to_days(n * 9) AS recorded_at, CASE n WHEN 0 THEN 'opened' WHEN 3 THEN CASE WHEN chance < 2 THEN 'won' ELSE 'lost' END
                                           ELSE 'stage_moved' END AS what,
       CASE n WHEN 0 THEN '{pipeline}'::UUID END AS pipeline_id, 0 AS pipeline_version,
       CASE n WHEN 3 THEN CASE WHEN chance < 2 THEN 5 ELSE 6 END ELSE n + 1 END AS stage_rank,
       CASE n WHEN 3 THEN CASE WHEN chance < 2 THEN 'won' ELSE 'lost' END ELSE 'open' END AS stage_type,
       CASE n WHEN 3 THEN (began + to_days(27))::DATE END AS closed_on, owner, 'stage ' || n AS stage,
       CASE n WHEN 3 THEN CASE WHEN chance < 2 THEN 1 ELSE 0 END ELSE (n + 1) / 10 END AS probability, 'Pipeline' AS forecast_category
  FROM deal, range(4) t(n) WHERE n < 3 OR chance < 4;
INSERT INTO lake.opportunity_terms BY NAME
SELECT 'bench' AS tenant, d * 4 + n AS position, id AS stream_id, n + 1 AS version, began + to_days(n * 9) AS occurred_at,
       began + to_days(n * 9) AS recorded_at, CASE n WHEN 0 THEN 'opened' ELSE 'won' END AS what, customer AS customer_id,
       amount, 'CNY' AS currency, CASE n WHEN 0 THEN owner END AS owner,
       'channel ' || d % 5 AS source FROM deal, range(4) t(n) WHERE n = 0 OR (n = 3 AND chance < 2);
CREATE TEMP TABLE bought AS SELECT i * 3 + k AS o, md5('o' || (i * 3 + k))::UUID AS id, customer,
       began + to_days((k * (hash(i) % 200))::INTEGER) AS began, (hash(k, i, 7) % 20)::INTEGER AS chance FROM unit, range(3) t(k);
INSERT INTO lake.order_steps BY NAME
SELECT 'bench' AS tenant, o * 3 + n AS position, id AS stream_id, n + 1 AS version, began + to_days(n) AS occurred_at,
       began + to_days(n) AS recorded_at,
       CASE n WHEN 0 THEN 'placed' WHEN 1 THEN 'confirmed' ELSE CASE WHEN chance = 0 THEN 'cancelled' ELSE 'delivered' END END AS what,
       CASE n WHEN 0 THEN customer END AS customer_id, CASE n WHEN 0 THEN 'CNY' END AS currency,
       CASE n WHEN 0 THEN 100 + (hash(o, 1::BIGINT) % 900)::INTEGER + (hash(o, 2::BIGINT) % 900)::INTEGER END AS net,
       'channel ' || o % 5 AS source FROM bought, range(3) t(n);
INSERT INTO lake.order_lines BY NAME
SELECT 'bench' AS tenant, o * 3 + n AS position, id AS stream_id, n + 1 AS version, began + to_days(n) AS occurred_at,
       began + to_days(n) AS recorded_at, CASE n WHEN 0 THEN 'placed' WHEN 2 THEN 'delivered' ELSE 'return_received' END AS what,
       line, 's' || (o + line) % 500 AS sku, 2 AS quantity, CASE n WHEN 0 THEN 50 + (hash(o, line) % 900)::INTEGER END AS net
  FROM bought, range(4) t(n), range(1, 3) l(line)
 WHERE n = 0 OR (n = 2 AND chance > 0) OR (n = 3 AND chance = 1 AND line = 1)
