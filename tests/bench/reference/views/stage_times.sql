-- Time in stage: how many days opportunities stand in each open stage; those that stand there yet are censored.
WITH curve AS (SELECT * FROM stage_survival_curve)
SELECT pipeline_id, pipeline_version, rank, stage,
       sum(either)::bigint AS entered, sum(moved_on)::bigint AS moved_on, sum(censored)::bigint AS open,
       sum(days_together) / sum(either)::float8 AS mean_days,
       min(days) FILTER (WHERE survival <= 0.5 + 1e-9) AS median_days,
       min(days) FILTER (WHERE survival <= 0.1 + 1e-9) AS p90_days
  FROM curve
 GROUP BY pipeline_id, pipeline_version, rank, stage
 ORDER BY pipeline_id, pipeline_version, rank
