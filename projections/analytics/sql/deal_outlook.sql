-- Deal outlook: each opportunity as it stands at the end of a day (UTC), with what its chance to be won is worked out
-- from. One row an opportunity.
--
-- state       open, won or lost, by its last move; `closed_on` is the day of that move when it is not open.
-- stage_days  days since it came into the stage that it is in (of a closed one, until it was closed).
-- age_days    days since it was opened (of a closed one, until it was closed).
-- moves       how often it was moved from one stage to another.   steps_back  those of them that led to a lower rank.
-- quarter_ends  that day (of a closed one, the day it was closed) is in the last month of a quarter.
-- amount      as known by that day (of one that is won, for what it was), in its `currency`.
-- product     the dearest line of what was offered last (the first of equally dear ones).
-- Owner, team and source are those known when it was opened, customer says whether one was.
WITH moves AS (
    SELECT stream_id, version, what, stage, stage_rank, stage_type, from_stage_rank,
           make_timestamp(epoch_us(occurred_at))::DATE AS day
      FROM stage_moves
), way AS (
    SELECT stream_id, arg_max(stage, version) AS stage, arg_max(stage_rank, version) AS stage_rank,
           arg_max(stage_type, version) AS state,
           CASE WHEN arg_max(stage_type, version) <> 'open' THEN arg_max(day, version) END AS ended_on,
           count(*) FILTER (what = 'stage_moved') AS moves,
           count(*) FILTER (what = 'stage_moved' AND stage_rank < from_stage_rank) AS steps_back,
           arg_max(stage, version) FILTER (stage_type = 'open') AS open_stage,
           arg_max(day, version) FILTER (stage_type = 'open') AS open_since
      FROM moves GROUP BY stream_id
), priced AS (
    SELECT *, epoch_us(occurred_at)::HUGEINT * 2147483648 + version AS turn, what = 'product_lines_set' AS offers
      FROM opportunity_terms WHERE what IN ('opened', 'amount_changed', 'product_lines_set', 'won')
), terms AS (
    SELECT stream_id, arg_max_null(amount, turn) FILTER (NOT offers OR amount IS NOT NULL) AS amount,
           arg_max_null(currency, turn) FILTER (NOT offers OR amount IS NOT NULL) AS currency,
           arg_max(version, turn) FILTER (offers) AS offered_in
      FROM priced GROUP BY stream_id
), offered AS (
    SELECT l.stream_id, arg_max(sku, quantity::DOUBLE * unit_price::DOUBLE * (1 - discount::DOUBLE)) AS product
      FROM offered_lines l JOIN terms ON terms.stream_id = l.stream_id AND terms.offered_in = l.version
     GROUP BY l.stream_id
)
SELECT o.stream_id AS opportunity_id, o.pipeline_id, way.state, coalesce(way.open_stage, way.stage) AS stage,
       o.owner, o.team, o.source, offered.product, terms.amount::DOUBLE AS amount,
       terms.currency, o.customer_id IS NOT NULL AS customer, o.occurred_at::DATE AS opened_on,
       way.ended_on AS closed_on,
       coalesce(way.ended_on, $day::DATE) - o.occurred_at::DATE AS age_days,
       coalesce(way.ended_on, $day::DATE) - coalesce(way.open_since, o.occurred_at::DATE) AS stage_days,
       way.moves, way.steps_back, month(coalesce(way.ended_on, $day::DATE)) % 3 = 0 AS quarter_ends
  FROM (SELECT * FROM stage_moves WHERE what = 'opened') o
  JOIN way USING (stream_id)
  JOIN terms USING (stream_id)
  LEFT JOIN offered USING (stream_id)
 ORDER BY opportunity_id
