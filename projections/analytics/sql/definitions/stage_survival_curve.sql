-- Survival in a stage (Kaplan-Meier 1958), over the opportunities asked for.
--
-- Time        the sum of all times that an opportunity stood in the stage; only open stages are looked at.
-- Moved on    those that have left the stage; who stands in it now is censored at the moment asked for.
-- At risk     those whose time is at least so long.
-- Survival    the product of (1 - moved on / at risk) over all times up to this one: which part stays longer.
WITH entered AS (
    SELECT stream_id, pipeline_id FROM stage_moves
     WHERE what = 'opened'
       AND ($entered_from::DATE IS NULL OR occurred_at >= $entered_from::DATE)
       AND ($entered_before::DATE IS NULL OR occurred_at < $entered_before::DATE)
       AND ($pipeline_id::UUID IS NULL OR pipeline_id = $pipeline_id::UUID)
       AND ($owner::VARCHAR IS NULL OR owner = $owner)
       AND ($team::VARCHAR IS NULL OR team = $team)
       AND ($source::VARCHAR IS NULL OR source = $source)
), stood AS (
    SELECT e.pipeline_id, s.pipeline_version, s.stage_rank AS rank, s.stage,
           sum(epoch(coalesce(s.until, greatest($moment::TIMESTAMPTZ, s.since)) - s.since)) / 86400 AS days,
           bool_or(s.until IS NULL) AS still
      FROM stage_steps s JOIN entered e USING (stream_id)
     WHERE s.stage_type = 'open'
     GROUP BY stream_id, e.pipeline_id, s.pipeline_version, s.stage_rank, s.stage
), together AS (
    SELECT pipeline_id, pipeline_version, rank, stage, days,
           count(*) FILTER (NOT still) AS moved_on, count(*) FILTER (still) AS censored, sum(days) AS days_together
      FROM stood GROUP BY ALL
), risk AS (
    SELECT *, (sum(moved_on + censored) OVER longest_first)::BIGINT AS at_risk FROM together
    WINDOW longest_first AS (
        PARTITION BY pipeline_id, pipeline_version, rank, stage ORDER BY days DESC ROWS UNBOUNDED PRECEDING)
)
SELECT *, product(1 - moved_on / at_risk) OVER shortest_first AS survival FROM risk
WINDOW shortest_first AS (
    PARTITION BY pipeline_id, pipeline_version, rank, stage ORDER BY days ROWS UNBOUNDED PRECEDING)
