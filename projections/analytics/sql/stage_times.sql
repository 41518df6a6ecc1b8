-- Time in stage: how many days opportunities stand in each open stage, all their stays in it together.
--
-- Entered     opportunities that ever stood in the stage; those that skipped it do not count.
-- Moved on    those that have left it; `open` are those that stand in it at the moment asked for.
-- Mean        of all times so far, those of the open ones included as they are (so it is too short while some are open).
-- Median, p90 the least number of days after which half (nine tenths) have moved on, by Kaplan-Meier: open ones are
--             censored, they tell only that it takes longer. Empty where fewer than that have moved on yet.
-- Filters     owner, team and source are those that the opportunity was opened with, whoever has it now.
WITH curve AS (FROM stage_survival_curve)
SELECT pipeline_id, pipeline_version, rank, stage,
       sum(moved_on + censored)::BIGINT AS entered, sum(moved_on)::BIGINT AS moved_on, sum(censored)::BIGINT AS open,
       sum(days_together) / sum(moved_on + censored) AS mean_days,
       min(days) FILTER (survival <= 0.5 + 1e-9) AS median_days,
       min(days) FILTER (survival <= 0.1 + 1e-9) AS p90_days
  FROM curve
 GROUP BY pipeline_id, pipeline_version, rank, stage
 ORDER BY pipeline_id, pipeline_version, rank
