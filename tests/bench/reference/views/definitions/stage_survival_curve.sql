-- Survival in a stage (Kaplan-Meier 1958): of those that stood in it so long, which part stays longer.
WITH stood AS (
    SELECT stream_id, stage_rank AS rank, min(stage COLLATE "C") AS stage, min(pipeline_version) AS pipeline_version,
           sum(coalesce(until, greatest(%(moment)s, since)) - since) AS time, bool_or(until IS NULL) AS still
      FROM stage_steps WHERE stage_type = 'open' GROUP BY stream_id, stage_rank
), together AS (
    SELECT e.pipeline_id, s.pipeline_version, s.rank, min(s.stage) AS stage, extract(epoch FROM s.time)::float8 / 86400 AS days,
           count(*) FILTER (WHERE NOT s.still) AS moved_on, count(*) FILTER (WHERE s.still) AS censored, count(*) AS either
      FROM stood s JOIN (SELECT stream_id, pipeline_id FROM stage_moves WHERE what = 'opened') e USING (stream_id)
     GROUP BY e.pipeline_id, s.pipeline_version, s.rank, s.time
), risk AS (
    SELECT *, days * either AS days_together,
           (sum(either) OVER (PARTITION BY pipeline_id, pipeline_version, rank)
          - sum(either) OVER (PARTITION BY pipeline_id, pipeline_version, rank ORDER BY days ROWS UNBOUNDED PRECEDING)
          + either)::bigint AS at_risk
      FROM together
)
SELECT *, bench.product(1 - moved_on::float8 / at_risk) OVER (
           PARTITION BY pipeline_id, pipeline_version, rank ORDER BY days ROWS UNBOUNDED PRECEDING) AS survival
  FROM risk
