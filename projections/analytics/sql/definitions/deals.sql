-- Deals: one row an opportunity, as it stands: what it is about, and where in its pipeline it is. What became known of an
-- earlier day does not displace what was known of a later one. `forecast_category` is what its last move or the last
-- change of it by hand has left. `customer_id` is the customer that the one it is for belongs to now, `region` that
-- customer's. `closed_on` is empty while it is open.
WITH term AS (
    SELECT *, epoch_us(occurred_at)::HUGEINT * 2147483648 + version AS turn FROM opportunity_terms
), terms AS (
    SELECT stream_id,
           arg_max_null(customer_id, turn) FILTER (what IN ('opened', 'customer_linked')) AS for_customer,
           arg_max_null(amount, turn) FILTER (what IN ('opened', 'amount_changed', 'won') OR priced) AS amount,
           arg_max_null(currency, turn) FILTER (what IN ('opened', 'amount_changed', 'won') OR priced) AS currency,
           arg_max_null(expected_close, turn) FILTER (what IN ('opened', 'close_date_changed')) AS expected_close,
           arg_max_null(owner, turn) FILTER (what IN ('opened', 'assigned')) AS owner,
           arg_max_null(team, turn) FILTER (what IN ('opened', 'assigned')) AS team,
           any_value(source) FILTER (what = 'opened') AS channel,
           arg_max(forecast_category, version) FILTER (what = 'forecast_category_changed') AS changed_to,
           max(version) FILTER (what = 'forecast_category_changed') AS changed_in
      FROM (SELECT *, what = 'product_lines_set' AND amount IS NOT NULL AS priced FROM term) GROUP BY stream_id
), way AS (
    SELECT stream_id,
           min(occurred_at) FILTER (what = 'opened') AS opened_at,
           max(occurred_at) AS moved_at,
           any_value(pipeline_id) AS pipeline_id,
           arg_max(stage, version) AS stage,
           arg_max(stage_rank, version) AS stage_rank,
           arg_max(stage_type, version) AS stage_type,
           arg_max(probability, version) AS probability,
           arg_max(forecast_category, version) AS moved_to,
           max(version) AS moved_in,
           arg_max_null(closed_on, version) AS closed_on
      FROM stage_moves GROUP BY stream_id
)
SELECT stream_id, way.opened_at, way.moved_at, way.pipeline_id, way.stage, way.stage_rank, way.stage_type, way.probability,
       way.closed_on, CASE WHEN changed_in > moved_in THEN changed_to ELSE moved_to END AS forecast_category, terms.amount,
       terms.currency, terms.expected_close, terms.owner, terms.team, terms.channel,
       coalesce(s.survivor_id, terms.for_customer) AS customer_id, c.region
  FROM way JOIN terms USING (stream_id)
  LEFT JOIN survivors s ON s.customer_id = terms.for_customer
  LEFT JOIN customer_cards c ON c.customer_id = coalesce(s.survivor_id, terms.for_customer)
 WHERE way.opened_at IS NOT NULL
