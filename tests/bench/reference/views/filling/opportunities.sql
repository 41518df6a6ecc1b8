-- Two opportunities of each customer, which go through the stages of one of two pipelines, told to the hour.
CREATE TEMP TABLE stage AS
SELECT * FROM (VALUES (false, 1, 'Prospecting', 'open', 0.1, 'Pipeline'), (false, 2, 'Qualification', 'open', 0.2, 'Pipeline'),
                      (false, 3, 'Proposal', 'open', 0.5, 'Best Case'), (false, 4, 'Negotiation', 'open', 0.8, 'Commit'),
                      (false, 5, 'Won', 'won', 1, 'Closed'), (false, 6, 'Lost', 'lost', 0, 'Omitted'),
                      (true, 1, 'Contact', 'open', 0.05, 'Pipeline'), (true, 2, 'Demonstration', 'open', 0.3, 'Pipeline'),
                      (true, 3, 'Trial', 'open', 0.6, 'Best Case'), (true, 4, 'Contract', 'open', 0.9, 'Commit'),
                      (true, 5, 'Won', 'won', 1, 'Closed'), (true, 6, 'Lost', 'lost', 0, 'Omitted')
              ) t(own, rank, stage, stage_type, probability, forecast_category);
INSERT INTO lake.stages BY NAME
SELECT 'bench' AS tenant, 1 AS position, md5('pipeline')::UUID AS stream_id, 1 AS version,
       TIMESTAMPTZ '2023-01-01 00:00:00+00' AS occurred_at, TIMESTAMPTZ '2023-01-01 00:00:00+00' AS recorded_at,
       'published' AS what, 1 AS pipeline_version, rank, stage, stage_type, probability, forecast_category
  FROM stage WHERE own ORDER BY rank;
CREATE TEMP TABLE deal AS
SELECT i * 2 + k AS d, md5('d' || (i * 2 + k))::UUID AS id, CASE WHEN hash(i, k, 'customer') % 50 > 0 THEN customer END AS customer,
       date_trunc('hour', began) + to_hours((hash(i, k, 'began') % 1440)::INTEGER) AS began,
       'o' || hash(i, k, 'owner') % 40 AS owner, 'team ' || hash(i, k, 'owner') % 6 AS team,
       'channel ' || hash(i, k, 'source') % 5 AS source, (hash(i, k) % 10)::INTEGER AS chance,
       CASE WHEN hash(i, k, 'priced') % 25 > 0 THEN 1000 + (hash(k, i) % 90000)::INTEGER / 10 END::DECIMAL(18,4) AS amount,
       hash(i, k, 'pipeline') % 10 = 0 AS own, hash(i, k, 'way') % 100 AS way, customer AS linked
  FROM unit, range(2) t(k);
CREATE TEMP TABLE deal_move AS
WITH shape AS (
    SELECT *, CASE WHEN chance < 4 THEN 4 ELSE 1 + (hash(d, 'stuck') % 4)::INTEGER END AS furthest,
           CASE WHEN chance < 4 THEN [5] WHEN chance = 9 THEN [] ELSE [6] END AS ending FROM deal
), path AS (
    SELECT *, CASE WHEN furthest >= 3 AND way < 5 THEN list_concat([1, 2, 3], range(2, furthest + 1))
                   WHEN furthest >= 3 AND way < 8 THEN list_filter(range(1, furthest + 1), lambda rank: rank <> 2)
                   ELSE range(1, furthest + 1) END AS climb,
           CASE WHEN way = 99 AND ending = [6] THEN [6, furthest, CASE d % 2 WHEN 0 THEN 5 ELSE 6 END] ELSE ending END AS final
      FROM shape
), step AS (
    SELECT d, unnest(list_concat(climb, final)) AS rank, generate_subscripts(list_concat(climb, final), 1) AS n FROM path
), timed AS (
    SELECT d, rank, n, sum(CASE WHEN n > 1 THEN 1 + (hash(d, n) % 720)::INTEGER ELSE 0 END)
                           OVER (PARTITION BY d ORDER BY n)::INTEGER AS hours,
           lag(rank) OVER (PARTITION BY d ORDER BY n) AS from_rank
      FROM step
)
SELECT d, n, rank, from_rank, began + to_hours(hours) AS moment,
       CASE WHEN n = 1 THEN 'opened' WHEN rank = 5 THEN 'won' WHEN rank = 6 THEN 'lost'
            WHEN from_rank = 6 THEN 'reopened' ELSE 'stage_moved' END AS what
  FROM timed JOIN deal USING (d);
CREATE TEMP TABLE deal_line AS
SELECT d, line, 's' || (d * 7 + line * 3) % 500 AS sku, 1 + (hash(d, line, 'quantity') % 20)::INTEGER AS quantity,
       (10 + (hash(d, line, 'price') % 40000)::INTEGER / 100 + line / 1000)::DECIMAL(18,4) AS unit_price,
       ((hash(d, line, 'discount') % 3)::INTEGER * 0.05)::DECIMAL(7,6) AS discount
  FROM deal, range(1, 3) t(line) WHERE hash(d, 'lines') % 5 = 0;
CREATE TEMP TABLE deal_term AS
WITH until AS (
    SELECT d, coalesce(min(moment) FILTER (what IN ('won', 'lost')), max(moment) + INTERVAL 40 DAY) AS ended FROM deal_move GROUP BY d
), during AS (
    SELECT *, date_diff('hour', began, ended) AS hours FROM deal JOIN until USING (d)
), pushed AS (
    SELECT d, k, hash(d, 'close') % 100 AS change,
           sum(CASE WHEN hash(d, 'close') % 4 = 0 THEN -1 - hash(d, 'sooner') % 15 ELSE 5 + hash(d, k, 'later') % 50 END)
               OVER (PARTITION BY d ORDER BY k)::INTEGER AS days
      FROM deal, range(2) t(k) WHERE k = 0 OR hash(d, 'again') % 3 = 0
)
SELECT d, began + to_hours(floor(hours * (0.2 + k * 0.4))::INTEGER) AS moment, 'close_date_changed' AS what, NULL::DECIMAL(18,4) AS amount,
       began::DATE + 60 + days AS expected_close, NULL AS owner, NULL AS team, NULL AS category, NULL::BOOLEAN AS override
  FROM during JOIN pushed USING (d) WHERE change < 20
 UNION ALL
SELECT d, began + to_hours(floor(hours * 0.3)::INTEGER), 'amount_changed', 1000 + (hash(d, 'amount') % 90000)::INTEGER / 10, NULL, NULL,
       NULL, NULL, NULL
  FROM during WHERE hash(d, 'amount changed') % 10 = 0
 UNION ALL
SELECT d, began + to_hours(floor(hours * 0.5)::INTEGER), 'assigned', NULL, NULL, 'o' || hash(d, 'new owner') % 40,
       'team ' || hash(d, 'new owner') % 6, NULL, NULL
  FROM during WHERE hash(d, 'assigned') % 20 = 0
 UNION ALL
SELECT d, began + to_hours(floor(hours * 0.6)::INTEGER), 'product_lines_set', total, NULL, NULL, NULL, NULL, NULL
  FROM during JOIN (SELECT d, sum(quantity * unit_price * (1 - discount)) AS total FROM deal_line GROUP BY d) USING (d)
 UNION ALL
SELECT d, began + to_hours(floor(hours * (0.5 + k * 0.3))::INTEGER), 'forecast_category_changed', NULL, NULL, NULL, NULL,
       CASE WHEN k = 1 THEN 'Pipeline' WHEN hash(d, 'category') % 3 = 0 THEN 'Commit'
            WHEN hash(d, 'category') % 3 = 1 THEN 'Best Case' ELSE 'Omitted' END, k = 0
  FROM during, range(2) t(k) WHERE hash(d, 'forecast') % 100 < 3 AND (k = 0 OR hash(d, 'taken back') % 4 = 0)
 UNION ALL
SELECT d, began + to_hours(floor(hours * 0.1)::INTEGER), 'customer_linked', NULL, NULL, NULL, NULL, NULL, NULL
  FROM during WHERE customer IS NULL AND d % 2 = 0;
CREATE TEMP TABLE deal_event AS
WITH told AS (
    SELECT d, moment, moment AS told_at, n, what FROM deal_move
     UNION ALL
    SELECT d, moment, moment, 100 + row_number() OVER (PARTITION BY d, what ORDER BY moment), what FROM deal_term
     UNION ALL
    SELECT d, began, began + INTERVAL 300 DAY + to_hours(k), 200 + k, CASE k WHEN 0 THEN 'retracted' ELSE 'reinstated' END
      FROM deal, range(2) t(k) WHERE hash(d, 'retracted') % 500 = 0 AND (k = 0 OR hash(d, 'reinstated') % 10 = 0)
)
SELECT d, n, what, moment, row_number() OVER (ORDER BY told_at, d, n, what) AS position,
       row_number() OVER (PARTITION BY d ORDER BY told_at, n, what)::INTEGER AS version
  FROM told;
INSERT INTO lake.stage_moves BY NAME
SELECT 'bench' AS tenant, position, d.id AS stream_id, version, e.moment AS occurred_at, e.moment AS recorded_at, e.what,
       CASE WHEN e.what IN ('opened', 'won') THEN customer END AS customer_id,
       CASE WHEN e.what = 'opened' THEN CASE WHEN own THEN md5('pipeline')::UUID ELSE '{pipeline}'::UUID END END AS pipeline_id,
       own::INTEGER AS pipeline_version, s.stage, m.rank AS stage_rank, s.stage_type, f.stage AS from_stage,
       m.from_rank AS from_stage_rank, s.probability, s.forecast_category,
       CASE WHEN e.what = 'won' THEN coalesce(amount, 5000) WHEN e.what IN ('opened', 'lost') THEN amount END AS amount,
       CASE WHEN e.what IN ('opened', 'won', 'lost') THEN 'CNY' END AS currency,
       CASE WHEN e.what IN ('won', 'lost') THEN e.moment::DATE END AS closed_on,
       CASE WHEN e.what = 'lost' THEN CASE d.d % 3 WHEN 0 THEN 'price' WHEN 1 THEN 'competitor' ELSE 'no decision' END END AS reason,
       CASE WHEN e.what IN ('opened', 'won') THEN owner END AS owner, CASE WHEN e.what IN ('opened', 'won') THEN team END AS team,
       CASE WHEN e.what = 'opened' THEN source END AS source
  FROM deal_event e JOIN deal_move m USING (d, n) JOIN deal d USING (d) JOIN stage s USING (own, rank)
  LEFT JOIN stage f ON f.own = d.own AND f.rank = m.from_rank
 ORDER BY position;
INSERT INTO lake.opportunity_terms BY NAME
WITH term AS (
    SELECT *, 100 + row_number() OVER (PARTITION BY d, what ORDER BY moment) AS n FROM deal_term
)
SELECT 'bench' AS tenant, position, d.id AS stream_id, version, e.moment AS occurred_at, e.moment AS recorded_at, e.what,
       CASE WHEN e.what IN ('opened', 'won') THEN customer WHEN e.what = 'customer_linked' THEN linked END AS customer_id,
       CASE WHEN e.what = 'won' THEN coalesce(d.amount, 5000) WHEN e.what IN ('opened', 'lost') THEN d.amount ELSE t.amount END AS amount,
       CASE WHEN e.what IN ('opened', 'won', 'lost', 'amount_changed', 'product_lines_set') THEN 'CNY' END AS currency,
       CASE WHEN e.what = 'opened' THEN CASE WHEN d.d % 10 > 0 THEN began::DATE + 60 END ELSE t.expected_close END AS expected_close,
       CASE WHEN e.what IN ('opened', 'won') THEN d.owner ELSE t.owner END AS owner,
       CASE WHEN e.what IN ('opened', 'won') THEN d.team ELSE t.team END AS team,
       CASE WHEN e.what = 'opened' THEN source END AS source,
       CASE e.what WHEN 'opened' THEN 'Pipeline' WHEN 'won' THEN 'Closed' WHEN 'lost' THEN 'Omitted'
            ELSE t.category END AS forecast_category,
       t.override
  FROM deal_event e JOIN deal d USING (d) LEFT JOIN term t USING (d, n, what)
 WHERE e.what NOT IN ('stage_moved', 'reopened', 'retracted', 'reinstated')
 ORDER BY position;
INSERT INTO lake.offered_lines BY NAME
SELECT 'bench' AS tenant, position, id AS stream_id, version, moment AS occurred_at, moment AS recorded_at, what, 'CNY' AS currency,
       sku, quantity, unit_price, discount
  FROM deal_event e JOIN deal USING (d) JOIN deal_line USING (d) WHERE what = 'product_lines_set' ORDER BY position, line;
INSERT INTO lake.retractions BY NAME
SELECT 'bench' AS tenant, position, id AS stream_id, version, moment AS occurred_at, moment AS recorded_at, what
  FROM deal_event e JOIN deal USING (d) WHERE what IN ('retracted', 'reinstated') ORDER BY position;
