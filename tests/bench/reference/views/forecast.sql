WITH last_move AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage_type, probability, forecast_category FROM bench.stage_moves
     WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s ORDER BY stream_id, version DESC
), term AS (
    SELECT * FROM bench.opportunity_terms WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s
), worth AS (
    SELECT DISTINCT ON (stream_id) stream_id, amount, currency FROM term
     WHERE what IN ('opened', 'amount_changed', 'won') OR (what = 'product_lines_set' AND amount IS NOT NULL)
     ORDER BY stream_id, occurred_at DESC, version DESC
), seller AS (
    SELECT DISTINCT ON (stream_id) stream_id, owner FROM term WHERE what IN ('opened', 'assigned')
     ORDER BY stream_id, occurred_at DESC, version DESC
)
SELECT owner AS dimension, count(*) FILTER (WHERE stage_type = 'open') AS open,
       coalesce(sum(amount) FILTER (WHERE stage_type = 'won'), 0) AS closed,
       coalesce(sum(amount) FILTER (WHERE stage_type = 'won'), 0)
     + coalesce(sum(amount * probability) FILTER (WHERE stage_type = 'open'), 0) AS weighted
  FROM last_move JOIN worth USING (stream_id) JOIN seller USING (stream_id)
 WHERE amount IS NOT NULL AND stage_type <> 'lost' GROUP BY 1
