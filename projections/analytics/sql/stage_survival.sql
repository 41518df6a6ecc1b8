-- Stage survival: for each stage, which part of the opportunities stays longer than so many days.
--
-- A row for each number of days at which somebody moved on or is still waiting. See the definition of survival for what
-- is counted; the opportunities are those opened in the days asked for, by the owner, team and source that they were
-- opened with, whoever has them now.
WITH curve AS (FROM stage_survival_curve)
SELECT pipeline_id, pipeline_version, rank, stage, days, at_risk, moved_on, censored, survival
  FROM curve
 ORDER BY pipeline_id, pipeline_version, rank, days
