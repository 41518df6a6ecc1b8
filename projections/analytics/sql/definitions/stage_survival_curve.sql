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
    SELECT stream_id, stage_rank AS rank, any_value(stage) AS stage, any_value(pipeline_version) AS pipeline_version,
           sum(epoch_us(coalesce(until, greatest($moment::TIMESTAMPTZ, since))) - epoch_us(since))::BIGINT AS time,
           bool_or(until IS NULL) AS still
      FROM stage_steps WHERE stage_type = 'open' GROUP BY stream_id, stage_rank
), together AS (
    SELECT e.pipeline_id, s.pipeline_version, s.rank, any_value(s.stage) AS stage, s.time / 86400e6 AS days,
           count(*) FILTER (NOT s.still) AS moved_on, count(*) FILTER (s.still) AS censored,
           sum(s.time) / 86400e6 AS days_together
      FROM stood s JOIN entered e USING (stream_id)
     GROUP BY e.pipeline_id, s.pipeline_version, s.rank, s.time
), risk AS (
    SELECT *, (sum(moved_on + censored) OVER longest_first)::BIGINT AS at_risk FROM together
    WINDOW longest_first AS (
        PARTITION BY pipeline_id, pipeline_version, rank ORDER BY days DESC ROWS UNBOUNDED PRECEDING)
)
SELECT *, product(1 - moved_on / at_risk) OVER shortest_first AS survival FROM risk
WINDOW shortest_first AS (
    PARTITION BY pipeline_id, pipeline_version, rank ORDER BY days ROWS UNBOUNDED PRECEDING)
