WITH last_move AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage_type, closed_on FROM bench.stage_moves
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
SELECT owner AS dimension, count(*) FILTER (WHERE stage_type = 'won') AS won,
       count(*) FILTER (WHERE stage_type = 'lost') AS lost, sum(amount) FILTER (WHERE stage_type = 'won') AS won_value
  FROM last_move JOIN worth USING (stream_id) JOIN seller USING (stream_id) WHERE closed_on IS NOT NULL GROUP BY 1
