-- Deals: one row an opportunity, as it stands; what it was opened with, and what is newer. Each join finds one row at
-- most, so that PostgreSQL leaves out those that a question does not need.
SELECT o.stream_id, o.occurred_at AS opened_at, moved.moved_at, began.pipeline_id, m.stage, m.stage_rank, m.stage_type,
       m.probability, m.closed_on, CASE WHEN h.version > m.version THEN h.forecast_category ELSE m.forecast_category END
           AS forecast_category,
       CASE WHEN (w.occurred_at, w.version) > (o.occurred_at, o.version) THEN w.amount ELSE o.amount END AS amount,
       CASE WHEN (w.occurred_at, w.version) > (o.occurred_at, o.version) THEN w.currency ELSE o.currency END AS currency,
       CASE WHEN (d.occurred_at, d.version) > (o.occurred_at, o.version) THEN d.expected_close ELSE o.expected_close END
           AS expected_close,
       CASE WHEN (a.occurred_at, a.version) > (o.occurred_at, o.version) THEN a.owner ELSE o.owner END AS owner,
       CASE WHEN (a.occurred_at, a.version) > (o.occurred_at, o.version) THEN a.team ELSE o.team END AS team,
       o.source AS channel, coalesce(s.survivor_id, buyer.id) AS customer_id, r.region
  FROM (SELECT * FROM opportunity_terms WHERE what = 'opened') o
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, version, stage, stage_rank, stage_type, probability, forecast_category,
                    closed_on
               FROM stage_moves ORDER BY stream_id, version DESC) m USING (stream_id)
  LEFT JOIN (SELECT stream_id, max(occurred_at) AS moved_at FROM stage_moves GROUP BY stream_id) moved USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, pipeline_id FROM stage_moves WHERE what = 'opened'
              ORDER BY stream_id) began USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, amount, currency FROM opportunity_terms
              WHERE what IN ('amount_changed', 'won') OR (what = 'product_lines_set' AND amount IS NOT NULL)
              ORDER BY stream_id, occurred_at DESC, version DESC) w USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, expected_close FROM opportunity_terms
              WHERE what = 'close_date_changed' ORDER BY stream_id, occurred_at DESC, version DESC) d USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, owner, team FROM opportunity_terms
              WHERE what = 'assigned' ORDER BY stream_id, occurred_at DESC, version DESC) a USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, version, forecast_category FROM opportunity_terms
              WHERE what = 'forecast_category_changed' ORDER BY stream_id, version DESC) h USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, customer_id FROM opportunity_terms
              WHERE what = 'customer_linked' ORDER BY stream_id, occurred_at DESC, version DESC) l USING (stream_id)
 CROSS JOIN LATERAL (SELECT CASE WHEN (l.occurred_at, l.version) > (o.occurred_at, o.version) THEN l.customer_id
                                 ELSE o.customer_id END AS id) buyer
  LEFT JOIN survivors s ON s.customer_id = buyer.id
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, coalesce(region, value) AS region FROM customer_steps
              WHERE what = 'registered' OR dimension = 'region'
              ORDER BY stream_id, occurred_at DESC, version DESC) r ON r.stream_id = coalesce(s.survivor_id, buyer.id)
