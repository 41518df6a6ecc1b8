-- Stage survival: for each stage, which part of the opportunities stays longer than so many days.
WITH curve AS (SELECT * FROM stage_survival_curve)
SELECT pipeline_id, pipeline_version, rank, stage, days, at_risk, moved_on, censored, survival
  FROM curve
 ORDER BY pipeline_id, pipeline_version, rank, days
