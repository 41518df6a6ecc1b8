WITH last_move AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage_type, occurred_at AS moved_at FROM bench.stage_moves
     WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s ORDER BY stream_id, version DESC
), opened AS (
    SELECT stream_id, min(occurred_at) AS opened_at FROM bench.stage_moves
     WHERE tenant = %(tenant)s AND what = 'opened' AND occurred_at <= %(as_of)s GROUP BY 1
), worth AS (
    SELECT DISTINCT ON (stream_id) stream_id, amount, currency FROM bench.opportunity_terms
     WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s
       AND (what IN ('opened', 'amount_changed', 'won') OR (what = 'product_lines_set' AND amount IS NOT NULL))
     ORDER BY stream_id, occurred_at DESC, version DESC
)
SELECT currency, count(*) FILTER (WHERE stage_type = 'open' AND amount IS NOT NULL) AS opportunities,
       round(avg(amount) FILTER (WHERE stage_type = 'won'), 2) AS mean_value,
       round(extract(epoch FROM avg(moved_at - opened_at) FILTER (WHERE stage_type = 'won'))::numeric / 86400, 4) AS cycle_days
  FROM last_move JOIN opened USING (stream_id) JOIN worth USING (stream_id) WHERE currency IS NOT NULL GROUP BY 1
