-- Funnel: of the opportunities opened in a cohort, how many reached each stage, and what part of those went on.
--
-- Cohort     the day (UTC) on which the opportunity was opened; rows are by month, quarter or year of it when asked.
-- Stages     those of the pipeline in the version that the opportunity entered, by rank, without the lost one; versions
--            are never mixed, their stages differ. A stage that nobody reached is shown with 0.
-- Reached    once an opportunity has been in a stage, it has reached that one and all of lower rank: a stage that was
--            skipped counts as passed; going back takes nothing away, coming again counts once. One that was won at any
--            time has reached all stages, even if it was reopened since.
-- Converted  reached(next stage) / reached(this stage); empty in the last stage, and where nobody reached this one.
-- Share      reached(this stage) / reached(first stage).
-- Open, lost those that got no further than this stage and are open, or lost, now. reached = reached(next) + open + lost
--            (in the last stage: those won and not reopened since, besides open and lost).
-- Filters    owner, team and source are those that the opportunity was opened with, whoever has it now.
WITH entered AS (
    SELECT stream_id, pipeline_id, pipeline_version, date_trunc($cohort, make_timestamp(epoch_us(occurred_at)))::DATE AS cohort
      FROM stage_moves
     WHERE what = 'opened'
       AND ($entered_from::DATE IS NULL OR occurred_at >= $entered_from::DATE)
       AND ($entered_before::DATE IS NULL OR occurred_at < $entered_before::DATE)
       AND ($pipeline_id::UUID IS NULL OR pipeline_id = $pipeline_id::UUID)
       AND ($owner::VARCHAR IS NULL OR owner = $owner)
       AND ($team::VARCHAR IS NULL OR team = $team)
       AND ($source::VARCHAR IS NULL OR source = $source)
), way AS (
    SELECT m.stream_id,
           max(m.stage_rank) FILTER (m.stage_type <> 'lost') AS furthest,
           arg_max(m.stage_type, m.version) AS now
      FROM stage_moves m SEMI JOIN entered USING (stream_id)
     GROUP BY m.stream_id
), step AS (
    SELECT stream_id AS pipeline_id, pipeline_version, rank, stage FROM stages WHERE stage_type <> 'lost'
     UNION ALL
    SELECT $default_pipeline::UUID, 0, s.rank, s.stage FROM (SELECT unnest($default_stages) AS s) WHERE s.stage_type <> 'lost'
), place AS (
    SELECT e.cohort, e.pipeline_id, e.pipeline_version, way.furthest, way.now, count(*) AS opportunities
      FROM entered e JOIN way USING (stream_id)
     GROUP BY ALL
), counted AS (
    SELECT p.cohort, p.pipeline_id, p.pipeline_version, step.rank, step.stage,
           coalesce(sum(opportunities) FILTER (p.furthest >= step.rank), 0)::BIGINT AS reached,
           coalesce(sum(opportunities) FILTER (p.furthest = step.rank AND p.now = 'open'), 0)::BIGINT AS open,
           coalesce(sum(opportunities) FILTER (p.furthest = step.rank AND p.now = 'lost'), 0)::BIGINT AS lost
      FROM place p JOIN step USING (pipeline_id, pipeline_version)
     GROUP BY ALL
)
SELECT cohort, pipeline_id, pipeline_version, rank, stage, reached, open, lost,
       lead(reached) OVER stages_in_order / nullif(reached, 0) AS converted,
       reached / nullif(first_value(reached) OVER stages_in_order, 0) AS share
  FROM counted
WINDOW stages_in_order AS (PARTITION BY cohort, pipeline_id, pipeline_version ORDER BY rank)
 ORDER BY cohort, pipeline_id, pipeline_version, rank
