-- Every event that has made a row of a fact.
INSERT INTO lake.events BY NAME
WITH begun AS (
    SELECT stream_id, 'customer' AS stream_type FROM lake.customer_steps WHERE what = 'registered'
     UNION ALL SELECT stream_id, 'opportunity' FROM lake.stage_moves WHERE what = 'opened'
     UNION ALL SELECT stream_id, 'order' FROM lake.order_steps WHERE what = 'placed'
     UNION ALL SELECT stream_id, 'ticket' FROM lake.ticket_steps WHERE what = 'opened'
), told AS (
    SELECT stream_id, version, occurred_at, recorded_at, 'customer' AS stream_type, what FROM lake.customer_steps
     UNION ALL
    SELECT stream_id, version, occurred_at, recorded_at, 'opportunity', what FROM lake.stage_moves
     UNION ALL
    SELECT stream_id, version, occurred_at, recorded_at, 'opportunity', what FROM lake.opportunity_terms
     WHERE what NOT IN ('opened', 'won', 'lost')
     UNION ALL
    SELECT stream_id, version, occurred_at, recorded_at, 'order', what FROM lake.order_steps
     UNION ALL
    SELECT DISTINCT stream_id, version, occurred_at, recorded_at, 'order', what FROM lake.order_lines
     WHERE what IN ('shipped', 'return_requested')
     UNION ALL
    SELECT stream_id, version, occurred_at, recorded_at, 'order', what FROM lake.payments
     UNION ALL
    SELECT stream_id, version, occurred_at, recorded_at, 'ticket', what FROM lake.ticket_steps
     UNION ALL
    SELECT stream_id, version, occurred_at, recorded_at, stream_type, what FROM lake.retractions JOIN begun USING (stream_id)
     UNION ALL
    SELECT DISTINCT stream_id, version, occurred_at, recorded_at, 'pipeline', what FROM lake.stages
)
SELECT * EXCLUDE what, 'bench' AS tenant, row_number() OVER (ORDER BY occurred_at, stream_id, version) AS position,
       stream_type || '.' || what AS type, 1 AS schema_version, 0 AS partition,
       md5(stream_id::VARCHAR || version)::UUID AS event_id, 'li' AS actor
  FROM told ORDER BY position;
