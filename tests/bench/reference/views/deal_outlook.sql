-- Deal outlook: each opportunity as it stands at the end of a day, with what its chance to be won is worked out from.
WITH counted AS (
    SELECT stream_id, count(*) FILTER (WHERE what = 'stage_moved') AS moves,
           count(*) FILTER (WHERE what = 'stage_moved' AND stage_rank < from_stage_rank) AS steps_back
      FROM stage_moves GROUP BY stream_id
), last_move AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage, stage_type,
           CASE WHEN stage_type <> 'open' THEN (occurred_at AT TIME ZONE 'UTC')::date END AS ended_on
      FROM stage_moves ORDER BY stream_id, version DESC
), last_open AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage, (occurred_at AT TIME ZONE 'UTC')::date AS since
      FROM stage_moves WHERE stage_type = 'open' ORDER BY stream_id, version DESC
), last_offer AS (
    SELECT DISTINCT ON (stream_id) stream_id, version
      FROM opportunity_terms WHERE what = 'product_lines_set' ORDER BY stream_id, occurred_at DESC, version DESC
), offered AS (
    SELECT DISTINCT ON (stream_id) stream_id, sku AS product FROM offered_lines JOIN last_offer USING (stream_id, version)
     ORDER BY stream_id, quantity::float8 * unit_price::float8 * (1 - discount::float8) DESC
)
SELECT o.stream_id AS opportunity_id, o.pipeline_id, m.stage_type AS state, coalesce(n.stage, m.stage) AS stage,
       o.owner, o.team, o.source, f.product, d.amount::float8 AS amount, d.currency,
       o.customer_id IS NOT NULL AS customer, o.occurred_at::date AS opened_on, m.ended_on AS closed_on,
       coalesce(m.ended_on, %(day)s::date) - o.occurred_at::date AS age_days,
       coalesce(m.ended_on, %(day)s::date) - coalesce(n.since, o.occurred_at::date) AS stage_days,
       c.moves, c.steps_back, extract(month FROM coalesce(m.ended_on, %(day)s::date))::int %% 3 = 0 AS quarter_ends
  FROM (SELECT * FROM stage_moves WHERE what = 'opened') o
  JOIN counted c USING (stream_id) JOIN last_move m USING (stream_id)
  JOIN deals d USING (stream_id)
  LEFT JOIN last_open n USING (stream_id) LEFT JOIN offered f USING (stream_id)
 ORDER BY opportunity_id
