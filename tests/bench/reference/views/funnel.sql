-- Funnel: of the opportunities opened, how many reached each stage of their pipeline, and what part of those went on.
WITH way AS (
    SELECT stream_id, max(stage_rank) FILTER (WHERE stage_type <> 'lost') AS furthest,
           max(version::bigint * 4 + CASE stage_type WHEN 'open' THEN 1 WHEN 'lost' THEN 2 ELSE 3 END) & 3 AS now
      FROM stage_moves GROUP BY stream_id
), place AS (
    SELECT e.pipeline_id, e.pipeline_version, w.furthest, w.now, count(*) AS opportunities
      FROM stage_moves e JOIN way w USING (stream_id) WHERE e.what = 'opened' GROUP BY 1, 2, 3, 4
), step AS (
    SELECT stream_id AS pipeline_id, pipeline_version, rank, stage FROM stages WHERE stage_type <> 'lost'
     UNION ALL
    SELECT %(default_pipeline)s, 0, s.rank, s.stage
      FROM (VALUES (1, 'Prospecting'), (2, 'Qualification'), (3, 'Proposal'), (4, 'Negotiation'), (5, 'Won')) s(rank, stage)
), counted AS (
    SELECT p.pipeline_id, p.pipeline_version, s.rank, s.stage,
           coalesce(sum(opportunities) FILTER (WHERE p.furthest >= s.rank), 0)::bigint AS reached,
           coalesce(sum(opportunities) FILTER (WHERE p.furthest = s.rank AND p.now = 1), 0)::bigint AS open,
           coalesce(sum(opportunities) FILTER (WHERE p.furthest = s.rank AND p.now = 2), 0)::bigint AS lost
      FROM place p JOIN step s USING (pipeline_id, pipeline_version) GROUP BY 1, 2, 3, 4
)
SELECT NULL::date AS cohort, pipeline_id, pipeline_version, rank, stage, reached, open, lost,
       lead(reached) OVER stages_in_order / nullif(reached, 0)::float8 AS converted,
       reached / nullif(first_value(reached) OVER stages_in_order, 0)::float8 AS share
  FROM counted
WINDOW stages_in_order AS (PARTITION BY pipeline_id, pipeline_version ORDER BY rank)
 ORDER BY pipeline_id, pipeline_version, rank
